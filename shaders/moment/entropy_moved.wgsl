// E of the same elements relative to a maximum that lies `by` higher.
fn entropy_moved(moment: f32, state: vec2<f32>, maximum: f32) -> f32 {
    let by = min(maximum - state.x, 100.0);
    let moved = (moment + (1.0 + state.y) * by) * exp_difference_scalar(state.x, maximum);
    return select(moved, 0.0, state_is_special(state));
}
