// Negative log-likelihoods: under a normal distribution, or of counts by their rates.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if IS_GAUSSIAN { return gaussian_loss_of(x, t, third); }
    if IS_OF_LOGARITHMS { return logarithm_loss_of(x, t, third); }
    return poisson_loss_of(x, t, third);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if IS_GAUSSIAN { return gaussian_special_loss_of(x, t, third); }
    if IS_OF_LOGARITHMS { return logarithm_special_loss_of(x, t, third); }
    return poisson_special_loss_of(x, t, third);
}

// Negative log-likelihood under a normal distribution; `third` is its variance, at least
// parameters.loss.x, and parameters.loss.y is added.
fn gaussian_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let variance = max(third, parameters.loss.x);
    let error = x - t;
    let slope = error / variance;
    let square = error * slope;
    return Loss(0.5 * (log_of(variance) + square) + parameters.loss.y, slope, 0.5 * (1.0 - square) / variance);
}

fn gaussian_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let least = bitcast<u32>(parameters.loss.x);
    let variance = select(third, least, is_less_bits(third, least));
    let error = add_bits(x, negative_bits(t));
    let square = divide_bits(multiply_bits(error, error), variance);
    let half = bitcast<u32>(0.5);
    let value = add_bits(multiply_bits(half, add_bits(log_bits(variance), square)), bitcast<u32>(parameters.loss.y));
    let of_variance = divide_bits(multiply_bits(half, add_bits(BITS_ONE, negative_bits(square))), variance);
    return SpecialLoss(value, divide_bits(error, variance), of_variance);
}

// Negative log-likelihood of a count; the input is the logarithm of the rate.
fn logarithm_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let rate = exp_of(x);
    return Loss(rate - t * x + stirling(t), rate - t, 0.0);
}

fn logarithm_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rate = exp_bits(x);
    var value = add_bits(rate, negative_bits(multiply_bits(t, x)));
    value = add_bits(value, stirling_bits(t));
    return SpecialLoss(value, add_bits(rate, negative_bits(t)), 0u);
}

// Negative log-likelihood of a count; the input is the rate, parameters.loss.x keeps its logarithm
// finite.
fn poisson_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let rate = x + parameters.loss.x;
    return Loss(x - t * log_of(rate) + stirling(t), 1.0 - t / rate, 0.0);
}

fn poisson_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rate = add_bits(x, bitcast<u32>(parameters.loss.x));
    var value = add_bits(x, negative_bits(multiply_bits(t, log_bits(rate))));
    value = add_bits(value, stirling_bits(t));
    return SpecialLoss(value, add_bits(BITS_ONE, negative_bits(divide_bits(t, rate))), 0u);
}

// Stirling's term of the logarithm of a count's factorial, where the count is above 1.
fn stirling(t: f32) -> f32 {
    if !HAS_STIRLING || t <= 1.0 { return 0.0; }
    let log_t = log_of(t);
    return t * log_t - t + 0.5 * (1.8378770664 + log_t);
}

fn stirling_bits(t: u32) -> u32 {
    if !HAS_STIRLING { return 0u; }
    if is_finite_bits(t) { return bitcast<u32>(stirling(bitcast<f32>(t))); }
    return select(BITS_NAN, 0u, t == 0xff800000u);
}
