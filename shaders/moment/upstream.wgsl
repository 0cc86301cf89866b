// sum of e_c (g_c - g_0), e_c = exp(x_c - m), with an upstream gradient g_c for every class. Relative
// to the first class's, since a gradient that is the same for all classes must vanish exactly.
var<private> part_moment: f32; // of the part under way
var<private> row_moment: f32;  // of the parts before it

fn moment_of(place: Place, e: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    return e * relative_values4(place, column, end);
}

fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    part_moment = part_moment * exp_difference_scalar(state.x, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn moment_refine(sum: vec4<f32>) {}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    let maximum = max(own.x, partial.x);
    row_moment = row_moment * exp_difference_scalar(own.x, maximum) + part_moment * exp_difference_scalar(partial.x, maximum);
    part_moment = 0.0;
}

fn moment_at(own: vec2<f32>, maximum: f32) -> f32 {
    return row_moment * exp_difference_scalar(own.x, maximum);
}
