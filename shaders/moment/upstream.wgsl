// With an upstream gradient g_c for every class: sum of g_c for log-softmax, and for softmax sum of
// e_c (g_c - g_ref), e_c = exp(x_c - m). Relative to one of them, since a gradient that is the same for
// all classes must vanish exactly; to the smallest, since |g_ref| is then at most the mean of |g_c|,
// whichever classes are probable. A lane moves what it has to the smallest that it has seen so far.
var<private> smallest: u32 = NO_VALUE; // of this lane, then of the row: see upstream_rank
var<private> part_moment: f32;         // of the part under way
var<private> part_reference: f32;
var<private> row_moment: f32;          // of the parts before it
var<private> row_reference: f32;

fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    let values = values_of_classes(place, column, end);
    if IS_LOG_SOFTMAX { return values; }
    let old = upstream_reference();
    upstream_see(values, columns4(column) < vec4<u32>(end));
    return e * relative_values4(place, column, end) + before * (old - upstream_reference());
}

// `state` is that of the part before these: 1 + r of it is 0 where it is empty.
fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    if IS_LOG_SOFTMAX {
        row_moment += (sum.x + sum.y) + (sum.z + sum.w);
        return;
    }
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
    if IS_LOG_SOFTMAX { return; }
    let maximum = max(own.x, partial.x);
    let moved = row_moment + (1.0 + own.y) * (row_reference - part_reference);
    row_moment = moved * exp_difference_scalar(own.x, maximum) + part_moment * exp_difference_scalar(partial.x, maximum);
    row_reference = part_reference;
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    if IS_LOG_SOFTMAX { return row_moment; }
    smallest = team_lowest(place, smallest);
    let moved = row_moment + (1.0 + own.y) * (row_reference - upstream_reference());
    return moved * exp_difference_scalar(own.x, maximum);
}

// Orders numbers by magnitude, then by sign, so that the lanes of a row agree on one.
fn upstream_rank(values: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(values);
    return (bits << vec4<u32>(1u)) | (bits >> vec4<u32>(31u));
}

// The ranks of infinities and NaN, relative to which nothing is anything, and this one are no number's.
const NO_VALUE: u32 = 0xffffffffu;

fn upstream_reference() -> f32 {
    return bitcast<f32>(select((smallest >> 1u) | (smallest << 31u), 0u, smallest >= 0xff000000u));
}

fn upstream_see(values: vec4<f32>, inside: vec4<bool>) {
    let ranks = select(vec4<u32>(NO_VALUE), upstream_rank(values), inside);
    smallest = min(smallest, min(min(ranks.x, ranks.y), min(ranks.z, ranks.w)));
}

// 0 beyond the row's end.
fn relative_values4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    return select(vec4<f32>(0.0), values_of_classes(place, column, end) - upstream_reference(), columns < vec4<u32>(end));
}
