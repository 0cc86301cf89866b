// Both divergences define row_loss, of four classes, and without_class and beyond_numbers for those that numbers do
// not reach. Kullback-Leibler divergence of each class: p_t (d - 1 + exp(-d)) with d = log p_t - log p_s, never
// negative, adds up to that of sum p_t d and loses no digit where d is small. The slope is the
// gradient p_s - p_t itself. Slopes are multiples of parameters.unit, values of its square, and so d
// comes in these units, too: it and its square may be too small for a number where these are not.
fn row_loss(p: vec4<f32>, q: vec4<f32>, d: vec4<f32>, in_units: vec4<f32>) -> Terms {
    let unit = parameters.unit;
    let near = clamp(d, vec4<f32>(-1.0), vec4<f32>(1.0));
    let is_near = near == d;
    let ratio = excess_ratio(near);
    let first = q * in_units;
    let value = select(fma(q, d - 1.0, p) * (unit * unit), first * (in_units * ratio), is_near);
    let slope = select((p - q) * unit, first * fma(near, ratio, vec4<f32>(-1.0)), is_near);
    return Terms(value, slope, p, FLAG_CONTRIBUTES);
}

// Where one of the probabilities is 0 because its logit is -inf.
fn without_class(terms: Terms, p: vec4<f32>, q: vec4<f32>, student_has_none: vec4<bool>, teacher_has_none: vec4<bool>) -> Terms {
    let has_none = student_has_none | teacher_has_none;
    let is_infinite = any(student_has_none & !teacher_has_none);
    return Terms(
        select(terms.value, p * (parameters.unit * parameters.unit), has_none),
        select(terms.slope, (p - q) * parameters.unit, has_none),
        p,
        terms.flags | select(0u, FLAG_POSITIVE, is_infinite),
    );
}

// Where d is more than a number can be: a quarter of q d.
fn beyond_numbers(terms: Terms, quarter: vec4<f32>, is_beyond: vec4<bool>) -> Terms {
    let is_infinite = is_beyond & (quarter > vec4<f32>(-0.25 * LOWEST));
    let value = 4.0 * select(quarter, vec4<f32>(0.0), is_infinite);
    return Terms(
        select(terms.value, value, is_beyond),
        terms.slope,
        terms.p,
        terms.flags | select(0u, FLAG_POSITIVE, any(is_infinite)),
    );
}
