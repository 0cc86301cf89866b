// Cross-entropy of a probability and another.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if t == 0.0 { return Loss(0.0, 0.0, 0.0); }
    if x == 0.0 { return Loss(sign(t) * infinity(), -sign(t) * infinity(), 0.0); }
    return Loss(-(t * log_of(x)), -(t / x), 0.0);
}

fn special_loss_of(input: u32, t: u32, third: u32) -> SpecialLoss {
    let x = select(input, 0u, is_zero_bits(input));
    if is_zero_bits(t) && !is_nan_bits(x) { return SpecialLoss(0u, 0u, 0u); }
    return SpecialLoss(negative_bits(multiply_bits(t, log_bits(x))), negative_bits(divide_bits(t, x)), 0u);
}
