@group(0) @binding(1) var<storage, read> partial_sums: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

fn reduced(sum: Sum, denominator: u32) -> u32 {
    // A mean over nothing is NaN; masked, a sum of nothing but zeros divided by 0 is 0.
    let divisor = Sum(Exact(bitcast<f32>(denominator), 0.0), met_by(denominator));
    if IS_MEAN { return sum_quotient_bits(sum, divisor, MASKED); }
    return sum_bits(sum);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var losses: Sum;
    var z_losses: Sum;
    var correct = 0u;
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        let sums = partial_sums[tile];
        sum_add(&losses, sums.x);
        if Z_LOSS { sum_add(&z_losses, sums.y); }
        correct += sums.z;
    }
    let at = parameters.totals_offset;
    if IS_REDUCED {
        let sum = merge_sums(lane, losses);
        var z_sum = Sum(Exact(0.0, 0.0), 0u);
        if Z_LOSS { z_sum = merge_sums(lane, z_losses); }
        if lane == 0u {
            let loss = reduced(sum, totals[at + TOTALS_DENOMINATOR]);
            if Z_LOSS {
                let z_loss = reduced(z_sum, totals[at + TOTALS_ROW_WEIGHT]);
                totals[at + TOTALS_LOSS] = add_bits(loss, z_loss);
                totals[at + TOTALS_Z_LOSS] = z_loss;
            } else {
                totals[at + TOTALS_LOSS] = loss;
            }
        }
    }
    if COUNTS_CORRECT {
        let all = merge_counts(lane, vec2<u32>(correct, 0u)).x;
        if lane == 0u { totals[at + TOTALS_CORRECT] = all; }
    }
}
