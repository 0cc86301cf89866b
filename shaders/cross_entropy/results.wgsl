// Softmax cross-entropy against a class or against probabilities: the row's loss and whatever else is asked
// for, as a record of words.

// Adds the target's own term to the summary. Only for the lane that knows the target's logit.
fn with_target(row: Row, summary: Summary) -> Summary {
    var all = summary;
    if IS_MERGED || row.target_column == NO_TARGET { return all; }
    let coefficient = target_coefficient(row);
    all.weight += coefficient;
    all.flags |= FLAG_HOLDS_TARGET | select(0u, FLAG_CONTRIBUTES, coefficient != 0.0);
    // Every class has a term already; the target's own share adds nothing to it.
    if HAS_TERMS && coefficient == 0.0 { return all; }
    let magnitude = row.target_bits & 0x7fffffffu;
    if magnitude < BITS_INFINITY {
        all.distance += coefficient * (summary.state.x - bitcast<f32>(row.target_bits));
    } else if row.target_bits == BITS_NEGATIVE_INFINITY {
        all.flags |= infinite_flag(coefficient);
    } else if !state_is_special(summary.state) {
        // Of log-probabilities; among logits NaN and +inf make the whole row special.
        let undefined = select(FLAG_UNDEFINED, 0u, MASKED && coefficient == 0.0);
        all.flags |= select(infinite_flag(-coefficient), undefined, magnitude > BITS_INFINITY);
    }
    return all;
}

// v sum_c u_c (lse - x_c), without the z-loss.
fn main_loss(row: Row, all: Summary) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if MASKED && (row.weight == 0.0 || (all.flags & FLAG_CONTRIBUTES) == 0u) { return 0u; }
    if state_is_special(all.state) { return BITS_NAN; }
    let infinite = all.flags & (FLAG_POSITIVE | FLAG_NEGATIVE | FLAG_UNDEFINED);
    if infinite != 0u {
        if row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE) { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (infinite == FLAG_POSITIVE) == (row.weight > 0.0));
    }
    return bitcast<u32>(row.weight * (all.distance + all.weight * log1p_nonnegative(all.state.y)));
}

// v z lse^2
fn z_loss_of(row: Row, all: Summary) -> u32 {
    if !Z_LOSS || !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if MASKED && row.weight == 0.0 { return 0u; }
    if state_is_special(all.state) {
        // lse^2 is +inf, or NaN.
        if all.state.y < R_INFINITE || row.weight == 0.0 { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (row.weight > 0.0) == (parameters.z_loss > 0.0));
    }
    let lse = all.state.x + log1p_nonnegative(all.state.y);
    return bitcast<u32>(row.weight * (parameters.z_loss * lse * lse));
}

// x_y - lse
fn target_log_probability(row: Row, all: Summary) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid || state_is_special(all.state) { return BITS_NAN; }
    if !is_finite_bits(row.target_bits) { return row.target_bits; }
    return bitcast<u32>((bitcast<f32>(row.target_bits) - all.state.x) - log1p_nonnegative(all.state.y));
}

fn entropy_of(all: Summary) -> u32 {
    if state_is_special(all.state) { return BITS_NAN; }
    return bitcast<u32>(log1p_nonnegative(all.state.y) + all.moment / (1.0 + all.state.y));
}

fn row_close(place: Place, row: Row, summary: Summary) {
    if !row.closes { return; }
    let all = with_target(row, summary);
    if RECORD_WORDS > 0u {
        let loss = main_loss(row, all);
        let z_loss = z_loss_of(row, all);
        record_write(place, WORD_LOSS, add_bits(loss, z_loss));
        record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(all.state));
        record_write(place, WORD_TARGET_LOG_PROBABILITY, target_log_probability(row, all));
        record_write(place, WORD_ENTROPY, entropy_of(all));
        record_write(place, WORD_Z_LOSS, z_loss);
        record_write(place, WORD_MAIN_LOSS, loss);
    }
    state_save(place, row, all);
}

// Of a row without a target, the number of classes: such a row is never among the first.
fn target_rank_write(place: Place, row: Row, rank: u32) {
    let found = select(parameters.total_classes, rank, row.is_counted && row.is_valid);
    record_write(place, WORD_TARGET_RANK, found);
    record_write(place, WORD_CORRECT, select(0u, 1u, found < parameters.top_k));
}
