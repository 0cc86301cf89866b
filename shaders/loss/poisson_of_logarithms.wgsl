// Negative log-likelihood of a count; the input is the logarithm of the rate.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let rate = exp_of(x);
    return Loss(rate - t * x + stirling(t), rate - t, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rate = exp_bits(x);
    var value = add_bits(rate, negative_bits(multiply_bits(t, x)));
    value = add_bits(value, stirling_bits(t));
    return SpecialLoss(value, add_bits(rate, negative_bits(t)), 0u);
}
