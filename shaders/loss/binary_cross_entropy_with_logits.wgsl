// Binary cross-entropy of a logit; `third` is the weight of positives.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let positive = third * t;
    let negative = 1.0 - t;
    let e = exp_nonpositive(vec4<f32>(-abs(x))).x;
    let log1p = log1p_nonnegative(e);
    let large = 1.0 / (1.0 + e);
    let p = select(vec2<f32>(e * large, large), vec2<f32>(large, e * large), x >= 0.0);
    let value = negative * (max(x, 0.0) + log1p) + positive * (max(-x, 0.0) + log1p);
    return Loss(value, negative * p.x - positive * p.y, 0.0);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let positive = multiply_bits(third, t);
    let negative = add_bits(BITS_ONE, negative_bits(t));
    let value = cross_entropy_bits(x, negative, positive);
    let rest = multiply_bits(positive, sigmoid_bits(negative_bits(x)));
    return SpecialLoss(value, add_bits(multiply_bits(negative, sigmoid_bits(x)), negative_bits(rest)), 0u);
}
