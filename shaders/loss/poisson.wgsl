// Negative log-likelihood of a count; the input is the rate, parameters.loss.x keeps its logarithm
// finite.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let rate = x + parameters.loss.x;
    return Loss(x - t * log_of(rate) + stirling(t), 1.0 - t / rate, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rate = add_bits(x, bitcast<u32>(parameters.loss.x));
    var value = add_bits(x, negative_bits(multiply_bits(t, log_bits(rate))));
    value = add_bits(value, stirling_bits(t));
    return SpecialLoss(value, add_bits(BITS_ONE, negative_bits(divide_bits(t, rate))), 0u);
}
