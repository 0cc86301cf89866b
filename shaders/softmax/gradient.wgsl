// The gradient of softmax, and of log-softmax where it IS_LOG_SOFTMAX, with an upstream gradient g_c for
// every class.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let is_nan = state_is_special(summary.state);
    let total = 1.0 + summary.state.y;
    if IS_LOG_SOFTMAX { return GradientFactors(summary.moment / total, 0.0, 0.0, is_nan); }
    return GradientFactors(1.0 / total, summary.moment / total, 0.0, is_nan);
}

// p_c (g_c - sum_k g_k p_k); of log-softmax g_c - p_c sum_k g_k.
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    if IS_LOG_SOFTMAX { return values_of_classes(place, column, end) - scaled; }
    return scaled * (relative_values4(place, column, end) - factors.direct);
}
