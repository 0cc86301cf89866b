// No gradient: one sweep, nothing written but the row's results.

fn gradient_from_block(place: Place, row: Row, state: vec2<f32>, maximum: f32, block: ptr<function, array<vec4<f32>, VECTORS>>) {}

fn gradient_from_logits(place: Place, row: Row, state: vec2<f32>) {}
