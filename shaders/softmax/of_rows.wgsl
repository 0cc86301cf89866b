// Softmax, log-softmax (IS_LOG_SOFTMAX) in the gradient's place, and the gradient of log-sum-exp
// (IS_LOG_SUM_EXP), which is upstream * softmax(x). As cross_entropy/gradient.wgsl, each file of softmax/
// defines row_gradient, once a row, and gradient_values, of four classes with `scaled` the scale times
// exp(x - m).
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let is_nan = state_is_special(summary.state);
    if IS_LOG_SOFTMAX { return GradientFactors(0.0, log1p_nonnegative(summary.state.y), summary.state.x, is_nan); }
    if IS_LOG_SUM_EXP { return GradientFactors(upstream_of(place) / (1.0 + summary.state.y), 0.0, 0.0, is_nan); }
    return GradientFactors(1.0 / (1.0 + summary.state.y), 0.0, 0.0, is_nan);
}

fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    if !IS_LOG_SOFTMAX { return scaled; }
    // x_c - lse = (x_c - m) - log1p(r)
    let values = bitcast<vec4<u32>>((x - factors.at_target) - factors.direct);
    let bits = bitcast<vec4<u32>>(x);
    let is_infinite = bits == vec4<u32>(BITS_NEGATIVE_INFINITY);
    return bitcast<vec4<f32>>(select(values, bits, is_infinite));
}
