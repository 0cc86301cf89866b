// Kullback-Leibler divergence of a log-probability from a probability.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    return Loss(x_log_y(t, t) - t * x, -t, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let entropy = select(multiply_bits(t, log_bits(t)), 0u, is_zero_bits(t));
    return SpecialLoss(add_bits(entropy, negative_bits(part_bits(t, x))), negative_bits(t), 0u);
}
