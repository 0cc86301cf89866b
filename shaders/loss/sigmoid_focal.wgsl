// Sigmoid focal loss of a logit; parameters.loss holds the weights of positives and negatives, and
// gamma.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let both = logistic(x);
    let p = both.sigmoids;
    let negative = 1.0 - t;
    let cross_entropy = negative * both.softpluses.x + t * both.softpluses.y;
    // 1 - p_t, and its derivative over itself.
    let wrong = t * p.y + negative * p.x;
    var change = (1.0 - 2.0 * t) * p.x * p.y / wrong;
    if t == 1.0 { change = -p.x; }
    if t == 0.0 { change = p.y; }
    let gamma = parameters.loss.z;
    let alpha = parameters.loss.x * t + parameters.loss.y * negative;
    let scale = alpha * power(wrong, gamma);
    return Loss(scale * cross_entropy, scale * (gamma * change * cross_entropy + (negative * p.x - t * p.y)), 0.0);
}

fn power_bits(x: u32, p: f32) -> u32 {
    if p == 0.0 { return BITS_ONE; }
    if is_nan_bits(x) || x == 0xff800000u { return select(BITS_NAN, multiply_bits(x, x), x == 0xff800000u && p == 2.0); }
    if !is_finite_bits(x) { return x; }
    return bitcast<u32>(power(bitcast<f32>(x), p));
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let p = sigmoid_bits(x);
    let rest = sigmoid_bits(negative_bits(x));
    let negative = add_bits(BITS_ONE, negative_bits(t));
    let cross_entropy = cross_entropy_bits(x, negative, t);
    let wrong = add_bits(multiply_bits(t, rest), multiply_bits(negative, p));
    let spread = multiply_bits(add_bits(BITS_ONE, negative_bits(add_bits(t, t))), multiply_bits(p, rest));
    var change = divide_bits(spread, wrong);
    if t == BITS_ONE { change = negative_bits(p); }
    if is_zero_bits(t) { change = rest; }
    let gamma = parameters.loss.z;
    var alpha = add_bits(multiply_bits(bitcast<u32>(parameters.loss.x), t), multiply_bits(bitcast<u32>(parameters.loss.y), negative));
    if parameters.loss.x == 1.0 && parameters.loss.y == 1.0 { alpha = BITS_ONE; }
    let scale = multiply_bits(alpha, power_bits(wrong, gamma));
    var of_power = 0u;
    if gamma != 0.0 {
        of_power = multiply_bits(multiply_bits(bitcast<u32>(gamma), change), cross_entropy);
    }
    let of_entropy = add_bits(multiply_bits(negative, p), negative_bits(multiply_bits(t, rest)));
    return SpecialLoss(multiply_bits(scale, cross_entropy), multiply_bits(scale, add_bits(of_power, of_entropy)), 0u);
}
