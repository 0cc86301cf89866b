fn argmax_write(place: Place, row: Row, column: u32) {
    record_write(place, WORD_ARGMAX, column);
    if !HAS_TARGET_RANK {
        record_write(place, WORD_CORRECT, select(0u, 1u, row.is_counted && column == row.target_column));
    }
}
