// Gradients are not divided.
fn divided_factor(factor: u32, result: u32, k: u32) -> u32 {
    return factor;
}

fn scaled_weights(weights: vec4<u32>) -> vec4<u32> {
    return weights;
}
