// Of the loss, and of the z-loss: the size of the batch where a mean is divided by that.
fn denominators() -> vec2<f32> {
    if DIVIDES_BY_SIZE { return vec2<f32>(parameters.batch_size); }
    return vec2<f32>(1.0);
}
