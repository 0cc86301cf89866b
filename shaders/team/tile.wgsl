// One lane per row, the rows of a workgroup staged in its memory.

@compute @workgroup_size(ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let first_row = workgroup.x * ROWS;
    let first = first_row * parameters.classes;
    let count = min(ROWS, parameters.rows - first_row) * parameters.classes;
    tile_fill(index, first, count);
    workgroupBarrier();
    run(place_at(first_row + index, index, 0u));
    workgroupBarrier();
    tile_empty(index, first, count);
}

fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    return state;
}

fn team_lowest(place: Place, value: u32) -> u32 {
    return value;
}
