// Stirling's term of the logarithm of a count's factorial, where the count is above 1.
fn stirling(t: f32) -> f32 {
    if t <= 1.0 { return 0.0; }
    let log_t = log_of(t);
    return t * log_t - t + 0.5 * (1.8378770664 + log_t);
}

fn stirling_bits(t: u32) -> u32 {
    if is_finite_bits(t) { return bitcast<u32>(stirling(bitcast<f32>(t))); }
    return select(BITS_NAN, 0u, t == 0xff800000u);
}
