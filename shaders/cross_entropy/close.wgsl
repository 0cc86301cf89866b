@group(0) @binding(4) var<storage, read_write> losses: array<u32>;

fn row_loss(row: Row, state: vec2<f32>) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid || state_is_special(state) { return BITS_NAN; }
    if row.target_bits == BITS_NEGATIVE_INFINITY { return BITS_INFINITY; }
    return bitcast<u32>((state.x - bitcast<f32>(row.target_bits)) + log1p_nonnegative(state.y));
}

fn row_close(place: Place, row: Row, state: vec2<f32>) {
    if row.closes {
        losses[parameters.loss_offset + place.row] = row_loss(row, state);
        save_log_sum_exp(place, state);
        save_state(place, state);
    }
}
