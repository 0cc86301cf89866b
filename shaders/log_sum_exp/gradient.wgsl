fn row_gradient(place: Place, row: Row, state: vec2<f32>) -> GradientFactors {
    return GradientFactors(upstream_of(place) / (1.0 + state.y), 0.0, state_is_special(state));
}
