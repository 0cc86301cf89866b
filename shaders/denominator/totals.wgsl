// The denominator of the mean, which an earlier dispatch computed.
@group(0) @binding(9) var<storage, read> totals: array<u32>;

fn denominator() -> f32 {
    return bitcast<f32>(totals[parameters.totals_offset + TOTALS_DENOMINATOR]);
}
