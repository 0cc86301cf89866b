// Both files that say where a gradient goes declare the logits and define gradient_start, where a row of it
// starts. Here it has a buffer of its own.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;
@group(0) @binding(2) var<storage, read_write> gradient: array<gradient_Written>;

fn gradient_start(row: u32) -> u32 {
    return part_start(row_start(parameters.gradient_offset, parameters.gradient_stride, row));
}
