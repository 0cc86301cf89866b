@group(0) @binding(1) var<storage, read> partial_sums: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

// A mean over nothing is NaN; masked, a sum of nothing but zeros divided by 0 is 0.
fn divided(sum: Sum, denominator: u32) -> u32 {
    let divisor = bitcast<f32>(denominator);
    if (denominator & 0x7fffffffu) > 0x7f800000u { return 0x7fc00000u; }
    if divisor == 0.0 {
        return select(0x7fc00000u, 0u, MASKED && sum.met == 0u && sum.finite == 0.0);
    }
    if sum.met == 0u { return bitcast<u32>(sum.finite / divisor); }
    let bits = sum_bits(sum);
    let flipped = select(bits, bits ^ 0x80000000u, divisor < 0.0);
    return select(flipped, bits, bits == 0x7fc00000u);
}

fn reduced(sum: Sum, denominator: u32) -> u32 {
    if IS_MEAN { return divided(sum, denominator); }
    return sum_bits(sum);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var losses: Cascade;
    var z_losses: Cascade;
    var correct = 0u;
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        let sums = partial_sums[tile];
        cascade_add(&losses, sums.x);
        if Z_LOSS { cascade_add(&z_losses, sums.y); }
        correct += sums.z;
    }
    let at = parameters.totals_offset;
    if IS_REDUCED {
        let sum = merge_sums(lane, cascade_sum(losses));
        var z_sum = Sum(0.0, 0u);
        if Z_LOSS { z_sum = merge_sums(lane, cascade_sum(z_losses)); }
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
