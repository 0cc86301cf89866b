fn exp_apart(low: f32, high: f32) -> f32 {
    return exp_difference_scalar(low, high);
}

// log-sum-exp of the state, as bits since it may be infinite or NaN.
fn state_log_sum_exp(state: vec2<f32>) -> u32 {
    if state.y < -3.0 { return BITS_NAN; }
    if state.y < -1.5 { return BITS_INFINITY; }
    if state.y < -0.5 { return BITS_NEGATIVE_INFINITY; }
    return bitcast<u32>(state.x + log1p_nonnegative(state.y));
}

// All that a row's results are made of, known to each of its lanes. Without the options that need
// them, distance, weight and moment are 0.
struct Summary {
    state: vec2<f32>,
    distance: f32, // sum of u_c (m - x_c) over the finite logits, but for the target's own share
    weight: f32,   // sum of u_c, likewise
    moment: f32,   // sum of exp(x_c - m) times something: see moment/
    flags: u32,
}
