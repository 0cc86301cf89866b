// Entropies of probabilities, and divergences of them.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if IS_ENTROPY { return entropy_loss_of(x, t, third); }
    if IS_CROSS_ENTROPY { return cross_entropy_loss_of(x, t, third); }
    if IS_DIVERGENCE_OF_PROBABILITIES { return ratio_loss_of(x, t, third); }
    if IS_DIVERGENCE_OF_LOGARITHMS { return logarithm_loss_of(x, t, third); }
    return divergence_loss_of(x, t, third);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if IS_ENTROPY { return entropy_special_loss_of(x, t, third); }
    if IS_CROSS_ENTROPY { return cross_entropy_special_loss_of(x, t, third); }
    if IS_DIVERGENCE_OF_PROBABILITIES { return ratio_special_loss_of(x, t, third); }
    if IS_DIVERGENCE_OF_LOGARITHMS { return logarithm_special_loss_of(x, t, third); }
    return divergence_special_loss_of(x, t, third);
}

// Entropy of a probability.
fn entropy_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let log_x = log_of(x);
    return Loss(select(-(x * log_x), 0.0, x == 0.0), -1.0 - log_x, 0.0);
}

fn entropy_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let log_x = log_bits(x);
    return SpecialLoss(negative_bits(multiply_bits(x, log_x)), negative_bits(add_bits(BITS_ONE, log_x)), 0u);
}

// Cross-entropy of a probability and another.
fn cross_entropy_loss_of(x: f32, t: f32, third: f32) -> Loss {
    if t == 0.0 { return Loss(0.0, 0.0, 0.0); }
    if x == 0.0 { return Loss(sign(t) * infinity(), -sign(t) * infinity(), 0.0); }
    return Loss(-(t * log_of(x)), -(t / x), 0.0);
}

fn cross_entropy_special_loss_of(input: u32, t: u32, third: u32) -> SpecialLoss {
    let x = select(input, 0u, is_zero_bits(input));
    if is_zero_bits(t) && !is_nan_bits(x) { return SpecialLoss(0u, 0u, 0u); }
    return SpecialLoss(negative_bits(multiply_bits(t, log_bits(x))), negative_bits(divide_bits(t, x)), 0u);
}

// Kullback-Leibler divergence of a probability from another.
fn ratio_loss_of(x: f32, t: f32, third: f32) -> Loss {
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

fn ratio_special_loss_of(input: u32, t: u32, third: u32) -> SpecialLoss {
    let x = select(input, 0u, is_zero_bits(input));
    if is_zero_bits(t) && !is_nan_bits(x) { return SpecialLoss(0u, 0u, 0u); }
    let ratio = divide_bits(t, x);
    return SpecialLoss(multiply_bits(t, log_bits(ratio)), negative_bits(ratio), 0u);
}

// Kullback-Leibler divergence of a log-probability from another.
fn logarithm_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let probability = exp_of(t);
    return Loss(probability * (t - x), -probability, 0.0);
}

fn logarithm_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let probability = exp_bits(t);
    return SpecialLoss(part_bits(probability, add_bits(t, negative_bits(x))), negative_bits(probability), 0u);
}

// Kullback-Leibler divergence of a log-probability from a probability.
fn divergence_loss_of(x: f32, t: f32, third: f32) -> Loss {
    return Loss(x_log_y(t, t) - t * x, -t, 0.0);
}

fn divergence_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let entropy = select(multiply_bits(t, log_bits(t)), 0u, is_zero_bits(t));
    return SpecialLoss(add_bits(entropy, negative_bits(part_bits(t, x))), negative_bits(t), 0u);
}
