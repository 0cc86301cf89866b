// Absolute error.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    return Loss(abs(error), sign(error), 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let error = add_bits(x, negative_bits(t));
    if is_nan_bits(error) { return SpecialLoss(BITS_NAN, BITS_NAN, 0u); }
    return SpecialLoss(BITS_INFINITY, BITS_ONE | (error & 0x80000000u), 0u);
}
