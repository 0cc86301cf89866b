// row_close writes the results of a row, once it has been gone over, and target_rank_write what is found of its
// target later. Here a row has no target, and its log-sum-exp is its only result.
fn row_close(place: Place, row: Row, summary: Summary) {
    if !row.closes { return; }
    record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(summary.state));
    state_save(place, row, summary);
}

fn target_rank_write(place: Place, row: Row, rank: u32) {}
