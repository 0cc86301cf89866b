// sum of e_c (g_c - g_ref), e_c = exp(x_c - m), with an upstream gradient g_c for every class. Relative
// to one of them, since a gradient that is the same for all classes must vanish exactly; to the
// smallest, since |g_ref| is then at most the mean of |g_c|, whichever classes are probable. A lane
// moves what it has to the smallest that it has seen so far.
var<private> smallest: u32 = NO_VALUE; // of this lane, then of the row: see upstream_rank
var<private> part_moment: f32;         // of the part under way
var<private> part_reference: f32;
var<private> row_moment: f32;          // of the parts before it
var<private> row_reference: f32;

fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    let values = values4(place, column, end);
    let old = upstream_reference();
    upstream_see(values, columns4(column) < vec4<u32>(end));
    return e * relative_values4(place, column, end) + before * (old - upstream_reference());
}

// `state` is that of the part before these: 1 + r of it is 0 where it is empty.
fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    let reference = upstream_reference();
    let moved = part_moment + (1.0 + state.y) * (part_reference - reference);
    part_moment = moved * exp_difference_scalar(state.x, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
    part_reference = reference;
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn moment_refine(sum: vec4<f32>) {}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    let maximum = max(own.x, partial.x);
    let moved = row_moment + (1.0 + own.y) * (row_reference - part_reference);
    row_moment = moved * exp_difference_scalar(own.x, maximum) + part_moment * exp_difference_scalar(partial.x, maximum);
    row_reference = part_reference;
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    smallest = team_lowest(place, smallest);
    let moved = row_moment + (1.0 + own.y) * (row_reference - upstream_reference());
    return moved * exp_difference_scalar(own.x, maximum);
}
