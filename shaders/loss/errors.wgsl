// Losses of the difference of input and target: its square, Huber's, or its absolute value.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if IS_SQUARED_ERROR { return squared_loss_of(x, t, third); }
    if IS_HUBER { return huber_loss_of(x, t, third); }
    return absolute_loss_of(x, t, third);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if IS_SQUARED_ERROR { return squared_special_loss_of(x, t, third); }
    if IS_HUBER { return huber_special_loss_of(x, t, third); }
    return absolute_special_loss_of(x, t, third);
}

// Squared error.
fn squared_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    return Loss(error * error, 2.0 * error, 0.0);
}

fn squared_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    return SpecialLoss(multiply_bits(error, error), add_bits(error, error), 0u);
}

// Huber's loss; parameters.loss.x is where it turns from quadratic to linear.
fn huber_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let delta = parameters.loss.x;
    let error = x - t;
    let distance = abs(error);
    if distance <= delta { return Loss(0.5 * error * error, error, 0.0); }
    return Loss(delta * (distance - 0.5 * delta), delta * sign(error), 0.0);
}

fn huber_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    if is_nan_bits(error) { return SpecialLoss(BITS_NAN, BITS_NAN, 0u); }
    return SpecialLoss(BITS_INFINITY, bitcast<u32>(parameters.loss.x) | (error & 0x80000000u), 0u);
}

// Absolute error.
fn absolute_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    return Loss(abs(error), sign(error), 0.0);
}

fn absolute_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    if is_nan_bits(error) { return SpecialLoss(BITS_NAN, BITS_NAN, 0u); }
    return SpecialLoss(BITS_INFINITY, BITS_ONE | (error & 0x80000000u), 0u);
}
