// Squared error.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    return Loss(error * error, 2.0 * error, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    return SpecialLoss(multiply_bits(error, error), add_bits(error, error), 0u);
}
