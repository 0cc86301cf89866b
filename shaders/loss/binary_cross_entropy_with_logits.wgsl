// Binary cross-entropy of a logit; `third` is the weight of positives.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let positive = third * t;
    let negative = 1.0 - t;
    let both = logistic(x);
    let value = negative * both.softpluses.x + positive * both.softpluses.y;
    return Loss(value, negative * both.sigmoids.x - positive * both.sigmoids.y, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let both = cross_entropy_bits(x, t, third);
    return SpecialLoss(both.x, both.y, 0u);
}
