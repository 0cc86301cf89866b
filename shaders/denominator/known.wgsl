// Both files of denominator/ define denominators and divided, for the gradient of a row. Here they are known
// beforehand, of the loss and of the z-loss: the size of the batch where a mean is divided by that,
// or nothing is divided.
struct Denominators {
    sums: vec2<f32>,
    scale: vec2<f32>,
}

fn denominators() -> Denominators {
    return Denominators(vec2<f32>(select(1.0, parameters.batch_size, DIVIDES_BY_SIZE)), vec2<f32>(1.0));
}

fn divided(upstream: f32, weight: f32, chain: f32, denominator: f32, scale: f32) -> f32 {
    if DIVIDES_BY_SIZE { return upstream * weight * chain / denominator; }
    return upstream * weight * chain;
}
