// m = sum w x / D: w / D with respect to x; with respect to w (x - m) / D, or x / D where D is a
// number of weights.
fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    let denominator = bitcast<f32>(forward_word(result, 1u));
    if denominator == 0.0 { return select(NAN, 0u, MASKED && (weight & 0x7fffffffu) == 0u); }
    return bitcast<u32>(upstream_of(result) * bitcast<f32>(weight) / denominator);
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    let denominator = bitcast<f32>(forward_word(result, 1u));
    if MASKED && (weight & 0x7fffffffu) == 0u && (met_by(bits) != 0u || denominator == 0.0) { return 0u; }
    if denominator == 0.0 { return NAN; }
    if IS_COUNTED { return bitcast<u32>(upstream_of(result) * bitcast<f32>(bits) / denominator); }
    let mean = forward_word(result, 0u);
    if (met_by(bits) | met_by(mean)) != 0u { return NAN; }
    return bitcast<u32>(upstream_of(result) * (bitcast<f32>(bits) - bitcast<f32>(mean)) / denominator);
}
