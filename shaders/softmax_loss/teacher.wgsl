// The teacher's logits, shaped as the student's.
@group(0) @binding(3) var<storage, read> values: array<values_Stored>;

fn values_start(row: u32) -> u32 {
    return part_start(row_start(parameters.targets_offset, parameters.targets_stride, row));
}

fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {
    values_block(block, values_start(place.row), first, place.lane, end);
}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return values_refined(state, values_start(place.row), place.lane, end);
}
