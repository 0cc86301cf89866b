// The sum of each tile of losses.
@group(0) @binding(1) var<storage, read> losses: array<u32>;
@group(0) @binding(2) var<storage, read_write> partial_sums: array<u32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = workgroup.x * TILE;
    let end = min(first + TILE, parameters.rows);
    var cascade: Cascade;
    for (var row = first + lane; row < end; row += LANES) {
        cascade_add(&cascade, losses[parameters.loss_offset + row]);
    }
    let sum = merge_sums(lane, cascade_sum(cascade));
    if lane == 0u {
        partial_sums[parameters.first_tile + workgroup.x] = sum_bits(sum);
    }
}
