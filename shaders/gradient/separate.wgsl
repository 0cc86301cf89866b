@group(0) @binding(2) var<storage, read_write> gradient: array<gradient_Stored>;

fn gradient_start(row: u32) -> u32 {
    return part_start(row_start(parameters.gradient_offset, parameters.gradient_stride, row));
}
