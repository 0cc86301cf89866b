// The denominators of the mean, which an earlier dispatch computed: of the loss, and of the z-loss.
@group(0) @binding(9) var<storage, read> totals: array<u32>;

fn denominators() -> vec2<f32> {
    return vec2<f32>(
        bitcast<f32>(totals[parameters.totals_offset + TOTALS_DENOMINATOR]),
        bitcast<f32>(totals[parameters.totals_offset + TOTALS_ROW_WEIGHT]),
    );
}
