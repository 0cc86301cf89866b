// dL/dx_c = g (p_c - [c = y]) with p_c = exp(x_c - m) / (1 + r). Where the target is the maximum,
// p_y - 1 = -r / (1 + r) without cancellation.
fn row_gradient(place: Place, row: Row, state: vec2<f32>) -> GradientFactors {
    var g = 0.0;
    if row.is_counted {
        g = upstream_of(place) / denominator();
    }
    let total = 1.0 + state.y;
    let target_logit = bitcast<f32>(row.target_bits);
    var beyond = exp_difference_scalar(target_logit, state.x) / total - 1.0;
    if target_logit == state.x {
        beyond = -state.y / total;
    }
    return GradientFactors(g / total, g * beyond, !row.is_valid || state_is_special(state));
}
