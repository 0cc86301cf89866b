// Kullback-Leibler divergence of a log-probability from another.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let probability = exp_of(t);
    return Loss(probability * (t - x), -probability, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let probability = exp_bits(t);
    return SpecialLoss(part_bits(probability, add_bits(t, negative_bits(x))), negative_bits(probability), 0u);
}
