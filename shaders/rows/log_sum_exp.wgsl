@group(0) @binding(5) var<storage, read_write> log_sum_exps: array<u32>;

fn save_log_sum_exp(place: Place, state: vec2<f32>) {
    log_sum_exps[parameters.log_sum_exp_offset + place.row] = state_log_sum_exp(state);
}
