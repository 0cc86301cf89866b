@group(0) @binding(1) var<storage, read> partial_sums: array<u32>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var cascade: Cascade;
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        cascade_add(&cascade, partial_sums[tile]);
    }
    var sum = merge_sums(lane, cascade_sum(cascade));
    if lane == 0u {
        let at = parameters.totals_offset;
        if IS_MEAN {
            if totals[at + TOTALS_COUNTED] == 0u {
                sum.met = 2u; // 0 / 0
            } else {
                sum.finite /= bitcast<f32>(totals[at + TOTALS_DENOMINATOR]);
            }
        }
        totals[at + TOTALS_LOSS] = sum_bits(sum);
    }
}
