@group(0) @binding(7) var<storage, read_write> states: array<vec2<f32>>;

fn save_state(place: Place, state: vec2<f32>) {
    states[parameters.state_offset + place.row] = state;
}
