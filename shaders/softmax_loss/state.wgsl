// The states of state.wgsl at a temperature T: m is the greatest logit as it is stored, r the sum of
// exp((x - m) / T).

// exp((low - high) / T) for low <= high. As exp_difference, the coarse parts subtract exactly; at a
// temperature below 1 the fine ones are too large to enter as a factor.
fn exp_distance(low: vec4<f32>, high: vec4<f32>) -> vec4<f32> {
    let scale = parameters.logit_scale;
    if scale > 1.0 { return exp_nonpositive((low - high) * scale); }
    let low_coarse = coarse(low);
    let high_coarse = coarse(high);
    let low_fine = select(low - low_coarse, vec4<f32>(0.0), abs(low) > vec4<f32>(8192.0));
    let high_fine = select(high - high_coarse, vec4<f32>(0.0), abs(high) > vec4<f32>(8192.0));
    let fine = (low_fine - high_fine) * scale;
    return exp_nonpositive((low_coarse - high_coarse) * scale) * fma(fine, fma(fine, vec4<f32>(0.5), vec4<f32>(1.0)), vec4<f32>(1.0));
}

fn exp_apart(low: f32, high: f32) -> f32 {
    return exp_distance(vec4<f32>(low), vec4<f32>(high)).x;
}

// The softmax of a row, known to each of its lanes.
struct Softmax {
    state: vec2<f32>,
    log_total: f32,     // log1p(r): log p = (x - m) / T - log_total
    inverse_total: f32, // 1 / (1 + r)
}

fn softmax_of(state: vec2<f32>) -> Softmax {
    if state_is_special(state) { return Softmax(state, 0.0, 0.0); }
    return Softmax(state, log1p_nonnegative(state.y), 1.0 / (1.0 + state.y));
}

// (x - m) / T, 0 or less
fn distances(softmax: Softmax, x: vec4<f32>) -> vec4<f32> {
    return (x - softmax.state.x) * parameters.logit_scale;
}
