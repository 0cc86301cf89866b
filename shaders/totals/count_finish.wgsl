@group(0) @binding(1) var<storage, read> partial_counts: array<Counts>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var counted = vec2<u32>(0u, 0xffffffffu);
    var denominator: Sum;
    var row_weights: Sum;
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        let other = partial_counts[tile];
        counted = vec2<u32>(counted.x + other.counted, min(counted.y, other.first_invalid));
        if IS_WEIGHTED {
            sum_add_rounded(&denominator, other.denominator);
            sum_add_rounded(&row_weights, other.row_weight);
        }
    }
    let merged = merge_counts(lane, counted);
    // Without weights every counted row weighs 1.
    var weights = vec2<u32>(bitcast<u32>(f32(merged.x)));
    var exponents = vec2<i32>(0);
    if IS_WEIGHTED {
        let of_loss = sum_rounded(merge_sums(lane, denominator));
        let of_rows = sum_rounded(merge_sums(lane, row_weights));
        weights = vec2<u32>(of_loss.bits, of_rows.bits);
        exponents = vec2<i32>(of_loss.exponent, of_rows.exponent);
    }
    if DIVIDES_BY_SIZE { weights = vec2<u32>(bitcast<u32>(parameters.batch_size)); }
    if lane == 0u {
        let at = parameters.totals_offset;
        // Until the losses are summed, and for good where they are not: NaN.
        totals[at + TOTALS_LOSS] = 0x7fc00000u;
        totals[at + TOTALS_Z_LOSS] = select(0u, 0x7fc00000u, Z_LOSS);
        totals[at + TOTALS_DENOMINATOR] = weights.x;
        totals[at + TOTALS_ROW_WEIGHT] = weights.y;
        totals[at + TOTALS_COUNTED] = merged.x;
        totals[at + TOTALS_CORRECT] = 0u;
        totals[at + TOTALS_FIRST_INVALID_ROW] = merged.y;
        totals[at + TOTALS_EXPONENTS] = bitcast<u32>((exponents.x & 0xffff) | (exponents.y << 16u));
    }
}
