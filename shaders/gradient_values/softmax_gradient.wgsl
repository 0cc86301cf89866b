// p_c (g_c - sum_k g_k p_k)
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    return scaled * (relative_values4(place, column, end) - factors.direct);
}
