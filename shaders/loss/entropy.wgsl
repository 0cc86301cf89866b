// Entropy of a probability.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let log_x = log_of(x);
    return Loss(select(-(x * log_x), 0.0, x == 0.0), -1.0 - log_x, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let log_x = log_bits(x);
    return SpecialLoss(negative_bits(multiply_bits(x, log_x)), negative_bits(add_bits(BITS_ONE, log_x)), 0u);
}
