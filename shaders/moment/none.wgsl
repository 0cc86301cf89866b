fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn moment_refine(sum: vec4<f32>) {}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    return 0.0;
}
