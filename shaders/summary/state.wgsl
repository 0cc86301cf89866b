// The state alone: no option asks for more.
fn summarize(place: Place, own: vec2<f32>, state: vec2<f32>) -> Summary {
    return Summary(state, 0.0, 0.0, 0.0, 0u);
}
