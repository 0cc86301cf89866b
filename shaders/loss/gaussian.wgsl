// Negative log-likelihood under a normal distribution; `third` is its variance, at least
// parameters.loss.x, and parameters.loss.y is added.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let variance = max(third, parameters.loss.x);
    let error = x - t;
    let slope = error / variance;
    let square = error * slope;
    return Loss(0.5 * (log_of(variance) + square) + parameters.loss.y, slope, 0.5 * (1.0 - square) / variance);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let least = bitcast<u32>(parameters.loss.x);
    let variance = select(third, least, is_less_bits(third, least));
    let error = add_bits(x, negative_bits(t));
    let square = divide_bits(multiply_bits(error, error), variance);
    let half = bitcast<u32>(0.5);
    let value = add_bits(multiply_bits(half, add_bits(log_bits(variance), square)), bitcast<u32>(parameters.loss.y));
    let of_variance = divide_bits(multiply_bits(half, add_bits(BITS_ONE, negative_bits(square))), variance);
    return SpecialLoss(value, divide_bits(error, variance), of_variance);
}
