fn row_close(place: Place, row: Row, state: vec2<f32>) {
    if place.row < parameters.rows && place.lane == 0u {
        save_log_sum_exp(place, state);
        save_state(place, state);
    }
}
