// E = sum of e_c (m - x_c), e_c = exp(x_c - m): the entropy is log1p(r) + E / (1 + r).
var<private> part_moment: f32; // of the part under way
var<private> row_moment: f32;  // of the parts before it

// -inf has no part in it: 0 log 0 = 0.
fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    part_moment = entropy_moved(part_moment, state, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_refine(sum: vec4<f32>) {
    row_moment = (sum.x + sum.y) + (sum.z + sum.w);
}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    let maximum = max(own.x, partial.x);
    row_moment = entropy_moved(row_moment, own, maximum) + entropy_moved(part_moment, partial, maximum);
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    return entropy_moved(row_moment, own, maximum);
}
