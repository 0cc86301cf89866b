// The only result of a row without a target: its log-sum-exp.
fn row_close(place: Place, row: Row, summary: Summary) {
    if !row.closes { return; }
    record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(summary.state));
    state_save(place, row, summary);
}

fn target_rank_write(place: Place, row: Row, rank: u32) {}
