// The gradient of softmax, with an upstream gradient for every class.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let total = 1.0 + summary.state.y;
    return GradientFactors(1.0 / total, summary.moment / total, 0.0, state_is_special(summary.state));
}
