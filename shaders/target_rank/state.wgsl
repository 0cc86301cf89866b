// Of a part of the row, beside the flags.
fn target_rank_write(place: Place, row: Row, rank: u32) {
    if row.is_counted && row.is_valid {
        states[state_index(place)].flags |= rank * CLASSES_BEFORE;
    }
}
