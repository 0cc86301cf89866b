// Sums of exponentials whose weights may have any sign: where they cancel, what is left must not be
// the rounding of what was there. Values that are equal have equal exponentials, which leave nothing.
struct Exponentials {
    at_maximum: Exact4,
    below: Exact4,
    is_scaled: bool, // by WEIGHT_SCALE
}

fn exponentials_new() -> Exponentials {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Exponentials(none, none, false);
}

fn single(sum: Exact) -> Exact4 {
    return Exact4(vec4<f32>(sum.high, 0.0, 0.0, 0.0), vec4<f32>(sum.low, 0.0, 0.0, 0.0));
}

fn exact4_scaled(sums: Exact4) -> Exact4 {
    return Exact4(opaque4(sums.high * WEIGHT_SCALE), opaque4(sums.low * WEIGHT_SCALE));
}

// Makes them relative to a maximum that lies higher.
fn exponentials_lower(sums: ptr<function, Exponentials>, by: f32) {
    let all = exact_sum(exact4_total((*sums).at_maximum), exact4_total((*sums).below));
    (*sums).below = single(exact_product(all, Exact(by, 0.0)));
    (*sums).at_maximum = single(Exact(0.0, 0.0));
}

// Weights that are so large that their sum may leave the range of f32 are added up smaller.
fn exponentials_bound(sums: ptr<function, Exponentials>, largest_weight: vec4<u32>) {
    if (*sums).is_scaled || all(largest_weight < vec4<u32>(LARGE_WEIGHT)) { return; }
    let exponentials = *sums;
    (*sums).at_maximum = exact4_scaled(exponentials.at_maximum);
    (*sums).below = exact4_scaled(exponentials.below);
    (*sums).is_scaled = true;
}

fn exponentials_add(sums: ptr<function, Exponentials>, e: vec4<f32>, weight_bits: vec4<u32>) {
    let w = opaque4(bitcast<vec4<f32>>(weight_bits) * select(1.0, WEIGHT_SCALE, (*sums).is_scaled));
    let is_at = e == vec4<f32>(1.0);
    var at_maximum = (*sums).at_maximum;
    exact4_add(&at_maximum, select(vec4<f32>(0.0), w, is_at));
    (*sums).at_maximum = at_maximum;
    var below = (*sums).below;
    exact4_add_whole_products(&below, w, select(e, vec4<f32>(0.0), is_at));
    (*sums).below = below;
}

fn exponentials_of(sums: Exponentials) -> WeighedExponentials {
    return WeighedExponentials(exact4_total(sums.at_maximum), exact4_total(sums.below), sums.is_scaled);
}
