// Kullback-Leibler divergence of a probability from another.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if t == 0.0 { return Loss(0.0, 0.0, 0.0); }
    if x == 0.0 {
        return Loss(select(not_a_number(), infinity(), t > 0.0), -sign(t) * infinity(), 0.0);
    }
    let ratio = t / x;
    if ratio < 0.0 { return Loss(not_a_number(), -ratio, 0.0); }
    // Near 1 the logarithm is that of 1 and a difference which is exact.
    var log_ratio = log_positive(ratio, select(ratio - 1.0, (t - x) / x, abs(ratio - 1.0) < 0.4));
    if ratio > 1e37 || ratio < 1e-37 { log_ratio = log_of(t) - log_of(x); }
    return Loss(t * log_ratio, -ratio, 0.0);
}

fn special_loss_of(input: u32, t: u32, third: u32) -> SpecialLoss {
    let x = select(input, 0u, is_zero_bits(input));
    if is_zero_bits(t) && !is_nan_bits(x) { return SpecialLoss(0u, 0u, 0u); }
    let ratio = divide_bits(t, x);
    return SpecialLoss(multiply_bits(t, log_bits(ratio)), negative_bits(ratio), 0u);
}
