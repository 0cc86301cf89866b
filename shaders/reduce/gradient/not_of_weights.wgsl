fn write_weight_gradient(index: u32, bits: u32) {
}
