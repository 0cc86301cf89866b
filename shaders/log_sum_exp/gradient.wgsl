fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let scale = upstream_of(place) / (1.0 + summary.state.y);
    return GradientFactors(scale, 0.0, 0.0, state_is_special(summary.state));
}
