// A multiple of the softmax, less each class's own coefficient.
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    return scaled - factors.direct * (coefficient_scale * coefficients4(place, column, end));
}
