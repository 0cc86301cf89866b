@group(0) @binding(2) var<storage, read_write> gradient: array<Stored>;

fn store(index: u32, bits: Stored) {
    gradient[index] = bits;
}

fn gradient_start(row: u32) -> u32 {
    return parameters.gradient_offset + row * parameters.gradient_stride;
}
