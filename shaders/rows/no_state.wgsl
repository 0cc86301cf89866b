fn save_state(place: Place, state: vec2<f32>) {}
