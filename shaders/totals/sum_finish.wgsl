@group(0) @binding(1) var<storage, read> partial_sums: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

fn reduced(sum: Sum, denominator: u32, exponent: i32) -> u32 {
    // A mean over nothing is NaN; masked, a sum of nothing but zeros divided by 0 is 0.
    let divisor = Sum(Wide(Exact(bitcast<f32>(denominator), 0.0), exponent), met_by(denominator));
    if IS_MEAN { return sum_quotient_bits(sum, divisor, MASKED); }
    return sum_bits(sum);
}

// Two numbers of 16 bits each.
fn halves(word: u32) -> vec2<i32> {
    return (vec2<i32>(bitcast<i32>(word)) << vec2<u32>(16u, 0u)) >> vec2<u32>(16u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var losses: Sum;
    var z_losses: Sum;
    var correct = 0u;
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        let sums = partial_sums[tile];
        let exponents = halves(sums.w);
        sum_add_rounded(&losses, RoundedSum(sums.x, exponents.x));
        if Z_LOSS { sum_add_rounded(&z_losses, RoundedSum(sums.y, exponents.y)); }
        correct += sums.z;
    }
    let at = parameters.totals_offset;
    if IS_REDUCED {
        let sum = merge_sums(lane, losses);
        var z_sum = Sum(WIDE_ZERO, 0u);
        if Z_LOSS { z_sum = merge_sums(lane, z_losses); }
        if lane == 0u {
            let exponents = halves(totals[at + TOTALS_EXPONENTS]);
            let loss = reduced(sum, totals[at + TOTALS_DENOMINATOR], exponents.x);
            if Z_LOSS {
                let z_loss = reduced(z_sum, totals[at + TOTALS_ROW_WEIGHT], exponents.y);
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
