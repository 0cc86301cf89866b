// Log-sum-exp from the states of a row's parts: a lane merges them in order and closes the row.
@group(0) @binding(1) var<storage, read> parts: array<vec2<f32>>;

// A sum of short sums, whose error grows slower than that of a long one.
const GROUP: u32 = 16u;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let place = Place(workgroup.x * LANES + index, 0u, 0u);
    if place.row >= parameters.rows { return; }
    let first = parameters.logits_offset + place.row;
    var merged = STATE_EMPTY;
    for (var group = 0u; group < parameters.parts; group += GROUP) {
        var of_group = STATE_EMPTY;
        for (var part = group; part < min(group + GROUP, parameters.parts); part++) {
            of_group = state_merge(of_group, parts[first + part * parameters.part_stride]);
        }
        merged = state_merge(merged, of_group);
    }
    row_close(place, row_open(place), Summary(merged, 0.0, 0.0, 0.0, 0u));
}
