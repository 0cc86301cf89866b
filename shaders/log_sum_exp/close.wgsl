fn row_close(place: Place, row: Row, summary: Summary) {
    if place.row < parameters.rows && place.lane == 0u {
        if RECORD_WORDS > 0u {
            record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(summary.state));
        }
        state_save(place, row, summary);
    }
}
