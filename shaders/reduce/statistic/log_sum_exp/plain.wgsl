// Sums of exponentials that all have the same sign.
struct Exponentials {
    at_maximum: f32,
    below: f32,
}

fn exponentials_new() -> Exponentials {
    return Exponentials(0.0, 0.0);
}

// Makes them relative to a maximum that lies higher.
fn exponentials_lower(sums: ptr<function, Exponentials>, by: f32) {
    (*sums).below = ((*sums).at_maximum + (*sums).below) * by;
    (*sums).at_maximum = 0.0;
}

fn exponentials_bound(sums: ptr<function, Exponentials>, largest_weight: vec4<u32>) {
}

fn exponentials_add(sums: ptr<function, Exponentials>, e: vec4<f32>, weight_bits: vec4<u32>) {
    let is_at = e == vec4<f32>(1.0);
    let at_maximum = select(vec4<f32>(0.0), vec4<f32>(1.0), is_at);
    let below = select(e, vec4<f32>(0.0), is_at);
    (*sums).at_maximum += (at_maximum.x + at_maximum.y) + (at_maximum.z + at_maximum.w);
    (*sums).below += (below.x + below.y) + (below.z + below.w);
}

fn exponentials_of(sums: Exponentials) -> WeighedExponentials {
    return WeighedExponentials(Exact(sums.at_maximum, 0.0), Exact(sums.below, 0.0), false);
}
