// Half the Jensen-Shannon terms of each class: with m the mean of both probabilities and
// t = tanh(d / 2), d = log p_t - log p_s, they are p_t = m (1 + t) and p_s = m (1 - t), and
// p_t log(p_t / m) + p_s log(p_s / m) = m h(t), h(t) = (1 + t) log(1 + t) + (1 - t) log(1 - t), never
// negative. The derivative in log p_s is p_s log(1 - t) / 2. Both in units, as Kullback-Leibler's.
const LN_2: f32 = 0.69314718;

fn row_loss(p: vec4<f32>, q: vec4<f32>, d: vec4<f32>, in_units: vec4<f32>) -> Terms {
    let unit = parameters.unit;
    let near = clamp(d, vec4<f32>(-1.0), vec4<f32>(1.0));
    let is_near = near == d;
    // t from 1 - exp(-d), both h and log(1 - t^2) by their series in t^2.
    let ratio = fma(-near, excess_ratio(near), vec4<f32>(1.0));
    let t_ratio = ratio / fma(-near, ratio, vec4<f32>(2.0));
    let t = near * t_ratio;
    let t_in_units = in_units * t_ratio;
    let y = t * t;
    var h = fma(y, vec4<f32>(1.0 / 120.0), vec4<f32>(1.0 / 91.0));
    h = fma(y, h, vec4<f32>(1.0 / 66.0));
    h = fma(y, h, vec4<f32>(1.0 / 45.0));
    h = fma(y, h, vec4<f32>(1.0 / 28.0));
    h = fma(y, h, vec4<f32>(1.0 / 15.0));
    h = fma(y, h, vec4<f32>(1.0 / 6.0));
    h = t_in_units * t_in_units * fma(y, h, vec4<f32>(1.0));
    let near_log = 0.5 * fma(-t * t_in_units, ratio_of_log(-y), -in_units);

    let magnitude = min(abs(d), vec4<f32>(100.0));
    let e = exp_nonpositive(-magnitude);
    let w = min(e, vec4<f32>(0.37));
    let l = w * ratio_of_log(w);
    let far = 2.0 * ((LN_2 - l) - magnitude * e / (1.0 + e));
    let far_log = (LN_2 - l) - select(vec4<f32>(0.0), magnitude, d > vec4<f32>(0.0));

    let mean = 0.5 * (p + q);
    let value = 0.5 * mean * select(far * (unit * unit), h, is_near);
    let slope = 0.5 * p * select(far_log * unit, near_log, is_near);
    return Terms(value, slope, p, FLAG_CONTRIBUTES);
}

// log(1 + w) / w for w of -0.22 to 0.37.
fn ratio_of_log(w: vec4<f32>) -> vec4<f32> {
    let inverse = 1.0 / (2.0 + w);
    let s = w * inverse;
    let z = s * s;
    var series = fma(z, vec4<f32>(1.0 / 9.0), vec4<f32>(1.0 / 7.0));
    series = fma(z, series, vec4<f32>(0.2));
    series = fma(z, series, vec4<f32>(1.0 / 3.0));
    return 2.0 * fma(inverse * z, series, inverse);
}

// Where one of the probabilities is 0 because its logit is -inf: the mean is half the other.
fn without_class(terms: Terms, p: vec4<f32>, q: vec4<f32>, student_has_none: vec4<bool>, teacher_has_none: vec4<bool>) -> Terms {
    let has_none = student_has_none | teacher_has_none;
    let half = 0.5 * LN_2 * parameters.unit;
    return Terms(
        select(terms.value, half * parameters.unit * (p + q), has_none),
        select(terms.slope, half * p, has_none),
        p,
        terms.flags,
    );
}

// Bounded: classes so far apart have nothing of each other.
fn beyond_numbers(terms: Terms, quarter: vec4<f32>, is_beyond: vec4<bool>) -> Terms {
    return terms;
}
