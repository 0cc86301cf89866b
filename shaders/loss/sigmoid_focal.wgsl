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
    var powered = 0.0;
    var of_power = 0.0;
    if gamma > GREAT_GAMMA {
        let right = t * p.x + negative * p.y;
        let product = gamma_times(x, t, right);
        let halves = great_power(wrong, right, product);
        powered = halves.x * halves.y;
        // From left to right, so that no factor meets another that only the power makes small, and gamma
        // times a power that is less than any number is not 0.
        of_power = gamma * halves.x * change * halves.y * cross_entropy;
        if t == 0.0 || t == 1.0 { of_power = product * halves.x * (negative - t) * halves.y * cross_entropy; }
    } else {
        powered = power(wrong, gamma);
        of_power = gamma * change * powered * cross_entropy;
    }
    let derivative = of_power + powered * (negative * p.x - t * p.y);
    return Loss(alpha * powered * cross_entropy, alpha * derivative, 0.0);
}

// From here on a power of 1 - p shows the digits of p which that has not.
const GREAT_GAMMA: f32 = 64.0;

// gamma p_t of `right` = p_t, which may be smaller than any number where this is one.
fn gamma_times(x: f32, t: f32, right: f32) -> f32 {
    let gamma = parameters.loss.z;
    if gamma <= 1e30 || right >= 1e-30 || !(t == 0.0 || t == 1.0) { return gamma * right; }
    // log p_t = -softplus
    return exp_of(min(log_of(gamma) - softplus(select(x, -x, t == 1.0)), 80.0));
}

// Two factors of (1 - p_t)^gamma, of `wrong` = 1 - p_t, p_t, and gamma times that.
fn great_power(wrong: f32, right: f32, product: f32) -> vec2<f32> {
    let gamma = parameters.loss.z;
    if wrong == 0.0 { return vec2<f32>(0.0); }
    if wrong < 0.0 { return vec2<f32>(power(wrong, gamma), 1.0); }
    var logarithm = -product;
    if abs(right) >= 1e-30 { logarithm = gamma * log_positive(wrong, -right); }
    return vec2<f32>(exp_of(0.5 * clamp(logarithm, -1000.0, 1000.0)));
}

fn power_bits(x: u32, p: f32) -> u32 {
    if p == 0.0 { return BITS_ONE; }
    if is_nan_bits(x) { return BITS_NAN; }
    if !is_finite_bits(x) {
        if x == BITS_INFINITY || floor(0.5 * p) == 0.5 * p { return BITS_INFINITY; }
        return select(BITS_NAN, x, floor(p) == p);
    }
    return bitcast<u32>(power(bitcast<f32>(x), p));
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let p = sigmoid_bits(x);
    let rest = sigmoid_bits(negative_bits(x));
    let negative = add_bits(BITS_ONE, negative_bits(t));
    let both = cross_entropy_bits(x, t, BITS_ONE);
    let cross_entropy = both.x;
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
    return SpecialLoss(multiply_bits(scale, cross_entropy), multiply_bits(scale, add_bits(of_power, both.y)), 0u);
}
