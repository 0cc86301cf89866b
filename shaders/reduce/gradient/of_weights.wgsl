@group(0) @binding(4) var<storage, read_write> weight_gradient: array<u32>;

fn write_weight_gradient(index: u32, bits: u32) {
    weight_gradient[index] = bits;
}
