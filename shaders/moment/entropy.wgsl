// What is summed over the classes beside the softmax's own sum, for whoever asks: where one HAS_ENTROPY,
// E = sum of e_c (m - x_c), e_c = exp(x_c - m), since the entropy is log1p(r) + E / (1 + r); else nothing.
// Both files of moment/ define moment_of, of a vector as block_exponentials sees it, moment_add and
// moment_join, once a block and once a part, moment_refined_of and moment_refine, for lane_refined, and
// moment_at, which gives the lane's sum relative to the row's maximum.
var<private> part_moment: f32; // of the part under way
var<private> row_moment: f32;  // of the parts before it

// -inf has no part in it: 0 log 0 = 0.
fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    if !HAS_ENTROPY { return vec4<f32>(0.0); }
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    if !HAS_ENTROPY { return; }
    part_moment = entropy_moved(part_moment, state, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    if !HAS_ENTROPY { return vec4<f32>(0.0); }
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_refine(sum: vec4<f32>) {
    if !HAS_ENTROPY { return; }
    row_moment = (sum.x + sum.y) + (sum.z + sum.w);
}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    if !HAS_ENTROPY { return; }
    let maximum = max(own.x, partial.x);
    row_moment = entropy_moved(row_moment, own, maximum) + entropy_moved(part_moment, partial, maximum);
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    if !HAS_ENTROPY { return 0.0; }
    return entropy_moved(row_moment, own, maximum);
}

// E of the same elements relative to a maximum that lies `by` higher.
fn entropy_moved(moment: f32, state: vec2<f32>, maximum: f32) -> f32 {
    let by = min(maximum - state.x, 100.0);
    let moved = (moment + (1.0 + state.y) * by) * exp_difference_scalar(state.x, maximum);
    return select(moved, 0.0, state_is_special(state));
}
