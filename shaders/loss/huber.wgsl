// Huber's loss; parameters.loss.x is where it turns from quadratic to linear.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let delta = parameters.loss.x;
    let error = x - t;
    let distance = abs(error);
    if distance <= delta { return Loss(0.5 * error * error, error, 0.0); }
    return Loss(delta * (distance - 0.5 * delta), delta * sign(error), 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    if is_nan_bits(error) { return SpecialLoss(BITS_NAN, BITS_NAN, 0u); }
    return SpecialLoss(BITS_INFINITY, bitcast<u32>(parameters.loss.x) | (error & 0x80000000u), 0u);
}
