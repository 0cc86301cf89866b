// sum w x: w with respect to x, x with respect to w.
fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    return bitcast<u32>(upstream_of(result) * bitcast<f32>(weight));
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    if MASKED && (weight & 0x7fffffffu) == 0u && met_by(bits) != 0u { return 0u; }
    return bitcast<u32>(upstream_of(result) * bitcast<f32>(bits));
}
