// How often each digit occurs in each tile of rows.
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

var<workgroup> tile_counts: array<atomic<u32>, DIGITS>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    if lane < DIGITS { atomicStore(&tile_counts[lane], 0u); }
    workgroupBarrier();
    let first = (parameters.first_part + workgroup.x) * TILE + lane * ROWS_PER_LANE;
    for (var row = first; row < min(first + ROWS_PER_LANE, parameters.rows); row++) {
        atomicAdd(&tile_counts[digit_at(row)], 1u);
    }
    workgroupBarrier();
    // All tiles of a digit, then those of the next.
    if lane < DIGITS { counts[lane * parameters.parts + parameters.first_part + workgroup.x] = atomicLoad(&tile_counts[lane]); }
}
