// Cross-entropies of two classes: of a probability, or of a logit.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if IS_OF_PROBABILITIES { return probability_loss_of(x, t, third); }
    return logit_loss_of(x, t, third);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if IS_OF_PROBABILITIES { return probability_special_loss_of(x, t, third); }
    return logit_special_loss_of(x, t, third);
}

// Binary cross-entropy of a probability, with PyTorch's bounds.
fn probability_loss_of(x: f32, t: f32, third: f32) -> Loss {
    var value = not_a_number();
    if x >= 0.0 && x <= 1.0 {
        let log_x = select(max(log_positive(x, x - 1.0), -100.0), -100.0, x == 0.0);
        let log_rest = select(max(log_positive(1.0 - x, -x), -100.0), -100.0, x == 1.0);
        value = -(t * log_x + (1.0 - t) * log_rest);
    }
    return Loss(value, (x - t) / max(x * (1.0 - x), 1e-12), 0.0);
}

fn bounded_log_bits(x: u32) -> u32 {
    let log = log_bits(x);
    return select(log, bitcast<u32>(-100.0), is_less_bits(log, bitcast<u32>(-100.0)));
}

fn probability_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rest = add_bits(BITS_ONE, negative_bits(x));
    let of_rest = multiply_bits(add_bits(BITS_ONE, negative_bits(t)), bounded_log_bits(rest));
    let value = add_bits(multiply_bits(t, bounded_log_bits(x)), of_rest);
    let variance = multiply_bits(x, rest);
    let least = bitcast<u32>(1e-12);
    let divisor = select(variance, least, is_less_bits(variance, least));
    return SpecialLoss(negative_bits(value), divide_bits(add_bits(x, negative_bits(t)), divisor), 0u);
}

// Binary cross-entropy of a logit; `third` is the weight of positives.
fn logit_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let positive = third * t;
    let negative = 1.0 - t;
    let both = logistic(x);
    let value = negative * both.softpluses.x + positive * both.softpluses.y;
    return Loss(value, negative * both.sigmoids.x - positive * both.sigmoids.y, 0.0);
}

fn logit_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let both = cross_entropy_bits(x, t, third);
    return SpecialLoss(both.x, both.y, 0u);
}
