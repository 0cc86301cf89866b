fn write_losses(start: u32, column: u32, end: u32, bits: vec4<u32>) {
}
