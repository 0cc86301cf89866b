// The softmax of a row at a temperature, its loss, and what its gradient is multiplied by.

// The softmax of a row, known to each of its lanes.
struct Softmax {
    state: vec2<f32>,
    log_total: f32,     // log1p(r): log p = (x - m) / T - log_total
    inverse_total: f32, // 1 / (1 + r)
}

fn softmax_of(state: vec2<f32>) -> Softmax {
    if state_is_special(state) { return Softmax(state, 0.0, 0.0); }
    return Softmax(state, log1p_nonnegative(state.y), 1.0 / (1.0 + state.y));
}

// (x - m) / T, 0 or less
fn distances(softmax: Softmax, x: vec4<f32>) -> vec4<f32> {
    return (x - softmax.state.x) * parameters.logit_scale;
}

// Of four classes, for one row: what they add to its loss, and the derivative of that in log p.
struct Terms {
    value: vec4<f32>,
    slope: vec4<f32>,
    p: vec4<f32>,
    flags: u32,
}

// The same of the whole row.
struct Totals {
    value: f32,
    slope: f32,
    flags: u32,
}

fn row_is_special(student: Softmax, teacher: Softmax) -> bool {
    return state_is_special(student.state) || (HAS_TEACHER && state_is_special(teacher.state));
}

fn row_is_hidden(row: Row, flags: u32) -> bool {
    return MASKED && (row.weight == 0.0 || (flags & FLAG_CONTRIBUTES) == 0u);
}

// v L, for the lane that closes the row.
fn row_close(place: Place, row: Row, is_special: bool, totals: Totals) {
    if !row.closes { return; }
    record_write(place, WORD_LOSS, row_loss_bits(row, is_special, totals));
}

fn row_loss_bits(row: Row, is_special: bool, totals: Totals) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if row_is_hidden(row, totals.flags) { return 0u; }
    if is_special { return BITS_NAN; }
    let infinite = totals.flags & (FLAG_POSITIVE | FLAG_NEGATIVE | FLAG_UNDEFINED);
    if infinite != 0u {
        if row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE) { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (infinite == FLAG_POSITIVE) == (row.weight > 0.0));
    }
    return bitcast<u32>(row.weight * (parameters.loss_scale * totals.value));
}

// What the derivatives in log p are multiplied by, and whether the row's whole gradient is NaN.
struct Factor {
    factor: f32,
    is_nan: bool,
}

fn row_factor(place: Place, row: Row, is_special: bool, flags: u32) -> Factor {
    if !row.is_valid { return Factor(0.0, true); }
    if !row.is_counted { return Factor(0.0, is_special && !MASKED); }
    if row_is_hidden(row, flags) { return Factor(0.0, false); }
    let denominators = denominators();
    // Slopes of divergences are in units of the temperature.
    let of_slope = select(parameters.logit_scale, 1.0, HAS_TEACHER);
    let chain = parameters.loss_scale * of_slope;
    let weight = row.weight * denominators.scale.x;
    let factor = divided(upstream_of(place), weight, chain, denominators.sums.x, denominators.scale.x);
    return Factor(factor, is_special || denominators.sums.x == 0.0);
}
