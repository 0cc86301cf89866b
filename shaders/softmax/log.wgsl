// Log-softmax: what a gradient would take the place of.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    return GradientFactors(0.0, log1p_nonnegative(summary.state.y), summary.state.x, state_is_special(summary.state));
}
