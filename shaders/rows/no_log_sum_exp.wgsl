fn save_log_sum_exp(place: Place, state: vec2<f32>) {}
