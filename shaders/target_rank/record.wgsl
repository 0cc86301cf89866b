// Of a row without a target, the number of classes: such a row is never among the first.
fn target_rank_write(place: Place, row: Row, rank: u32) {
    let found = select(parameters.total_classes, rank, row.is_counted && row.is_valid);
    record_write(place, WORD_TARGET_RANK, found);
    record_write(place, WORD_CORRECT, select(0u, 1u, found < parameters.top_k));
}
