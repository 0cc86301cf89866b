//! Focal loss, and divergences of two rows of logits.

use super::row::Softmax;
use crate::engine::validate;
use crate::engine::validate::count_targets;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::{reserved, when, zeros};
use crate::ops::cross_entropy::Mode;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput};
use crate::targets::TargetValues;
use crate::upstream::Upstream;

/// Of one row: its loss, and the gradient of that in the logits divided by the temperature.
struct RowLoss {
    value: f64,
    gradient: Vec<f64>,
    /// Whether the loss has a term.
    contributes: bool,
}

impl RowLoss {
    /// Of a row whose softmax is undefined.
    fn undefined(classes: usize, contributes: bool) -> Self {
        Self { value: f64::NAN, gradient: vec![f64::NAN; classes], contributes }
    }

    /// From each class's `u_c = dL/d(log p_c)`: the gradient is `u_c - p_c sum_k u_k`.
    fn of_slopes(value: f64, slopes: &[f64], softmax: &Softmax, row: &[f64]) -> Self {
        let sum: f64 = slopes.iter().sum();
        let of_class = |(&z, &u): (&f64, &f64)| {
            // Where p is close to 1, neither 1 - p nor the rest of the sum may cancel.
            (u - sum) * softmax.probability(z) - u * softmax.probability_minus_one(z)
        };
        let gradient = row.iter().zip(slopes).map(of_class).collect();
        Self { value, gradient, contributes: true }
    }
}

pub(super) fn evaluate(
    logits: Logits<'_>,
    against: &SoftmaxAgainst<'_>,
    upstream: Option<Upstream<'_>>,
    options: &SoftmaxLoss,
) -> Result<SoftmaxLossOutput<f64, Vec<f64>>> {
    validate::softmax_loss(logits, against, upstream, options)?;
    if let Some(indices) = against.classes() {
        let operation = options.function.name();
        count_targets(operation, indices, logits.classes(), options.ignore_index)?;
    }
    let shape = logits.shape().contiguous();
    let is_ignored = |row| {
        let target = against.classes().and_then(|indices| indices.get(row));
        target.is_some() && target == options.ignore_index.map(i64::from)
    };
    let weight = |row: usize| against.row_weights().map_or(1.0, |weights| f64::from(weights[row]));
    let counted = || (0..shape.rows).filter(|&row| !is_ignored(row));
    let denominator = match options.reduction.batch_size(shape.rows, shape.classes) {
        Some(size) => size,
        None => counted().map(weight).sum::<f64>() + 0.0,
    };
    let is_masked = options.mode == Mode::Masked;

    let operation = options.function.name();
    let mut losses = reserved(operation, shape.rows)?;
    let zeros = || zeros(operation, shape.rows * shape.classes);
    let mut gradient = when(upstream.is_some(), zeros)?;
    for i in 0..shape.rows {
        let row = distances(&logits.row(i), options);
        let softmax = softmax_of(&row);
        let of_row = match options.function {
            _ if is_ignored(i) => RowLoss {
                value: 0.0,
                gradient: match softmax.is_undefined() && !is_masked {
                    true => vec![f64::NAN; row.len()],
                    false => vec![0.0; row.len()],
                },
                contributes: false,
            },
            SoftmaxFunction::Focal { gamma } => {
                let coefficients = coefficients(against, i, row.len(), options);
                focal(&row, &softmax, &coefficients, gamma.into(), options.mode)
            }
            SoftmaxFunction::KlDivergence => divergence(logits, against, i, options, kl_divergence),
            SoftmaxFunction::JensenShannon => {
                divergence(logits, against, i, options, jensen_shannon)
            }
        };
        let is_hidden = is_ignored(i) || (is_masked && (weight(i) == 0.0 || !of_row.contributes));
        let scale = options.loss_scale();
        losses.push(if is_hidden { 0.0 } else { weight(i) * scale * of_row.value });
        let (Some(gradient), Some(upstream)) = (&mut gradient, upstream) else { continue };
        let upstream = f64::from(upstream.of_row(i));
        let factor = options.reduction.of_upstream(upstream, denominator);
        let chain = scale / f64::from(options.temperature);
        for (class, value) in of_row.gradient.into_iter().enumerate() {
            gradient[shape.start_of(i) + class * shape.inner] = match is_hidden {
                // NaN of an ignored row.
                true if is_ignored(i) => value,
                true => 0.0,
                false => factor * weight(i) * chain * value,
            };
        }
    }
    let sum = losses.iter().sum::<f64>() + 0.0; // the sum over no rows is -0.0 in Rust
    let loss = options.reduction.of_sum(sum, denominator, options.mode);
    let loss_rows = options.wants_rows().then_some(losses);
    Ok(SoftmaxLossOutput { loss, denominator, counted: counted().count(), loss_rows, gradient })
}

/// `z = (x - m) / T` with `m` the greatest logit, where that is finite; else `x / T`.
fn distances(row: &[f32], options: &SoftmaxLoss) -> Vec<f64> {
    let temperature = f64::from(options.temperature);
    let maximum = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let maximum = if maximum.is_finite() { f64::from(maximum) } else { 0.0 };
    row.iter().map(|&x| (f64::from(x) - maximum) / temperature).collect()
}

fn softmax_of(row: &[f64]) -> Softmax {
    if row.iter().any(|z| z.is_nan()) {
        return Softmax { maximum: f64::NAN, rest: f64::NAN };
    }
    let maximum = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let rest = match row.iter().position(|&z| z == maximum) {
        Some(argmax) if maximum.is_finite() => {
            let others = row.iter().enumerate().filter(|&(class, _)| class != argmax);
            others.map(|(_, z)| (z - maximum).exp()).sum()
        }
        _ => f64::NAN,
    };
    Softmax { maximum, rest }
}

/// `w_c t_c`; `None` where the loss has no such term: then not even an infinite logit matters.
fn coefficients(
    against: &SoftmaxAgainst<'_>,
    row: usize,
    classes: usize,
    options: &SoftmaxLoss,
) -> Vec<Option<f64>> {
    let SoftmaxAgainst::Targets(targets) = against else { return vec![None; classes] };
    let eps = f64::from(options.label_smoothing);
    let spread = eps / classes as f64;
    let weight = |class: usize| targets.class_weights.map_or(1.0, |all| f64::from(all[class]));
    match targets.values {
        TargetValues::Classes(indices) => {
            let target = indices.get(row).and_then(|index| usize::try_from(index).ok());
            let term = |class| match (Some(class) == target, eps > 0.0) {
                (true, _) => Some(weight(class) * (1.0 - eps + spread)),
                (false, true) => Some(weight(class) * spread),
                (false, false) => None,
            };
            (0..classes).map(term).collect()
        }
        TargetValues::Probabilities(probabilities) => {
            let q = probabilities.row(row).into_iter().map(f64::from).enumerate();
            q.map(|(class, q)| Some(weight(class) * ((1.0 - eps) * q + spread))).collect()
        }
    }
}

/// `-sum_c a_c (1 - p_c)^gamma log p_c`.
fn focal(
    row: &[f64],
    softmax: &Softmax,
    coefficients: &[Option<f64>],
    gamma: f64,
    mode: Mode,
) -> RowLoss {
    let contributes = coefficients.iter().flatten().any(|&a| a != 0.0);
    if softmax.is_undefined() {
        return RowLoss::undefined(row.len(), contributes);
    }
    let mut value = 0.0;
    let mut slopes = vec![0.0; row.len()];
    for (class, (&z, a)) in row.iter().zip(coefficients).enumerate() {
        let Some(a) = *a else { continue };
        let (p, log_p) = (softmax.probability(z), softmax.log_probability(z));
        let complement = -softmax.probability_minus_one(z);
        // Where p is small, 1 - p has none of its digits, and a great gamma shows them.
        let power = match p < 0.5 {
            true => (gamma * (-p).ln_1p()).exp(),
            false => complement.powf(gamma),
        };
        let is_hidden = mode == Mode::Masked && a == 0.0;
        value += if is_hidden { 0.0 } else { -a * power * log_p };
        // p log p / (1 - p), which is 0 at p = 0 and -1 at p = 1.
        let share = match (p == 0.0, complement == 0.0) {
            (true, _) => 0.0,
            (_, true) => -1.0,
            _ => p * log_p / complement,
        };
        slopes[class] = -a * power * (1.0 - gamma * share);
    }
    RowLoss { contributes, ..RowLoss::of_slopes(value, &slopes, softmax, row) }
}

/// A class of a student's row and its teacher's.
struct Pair {
    /// The student's probability.
    p: f64,
    /// The teacher's.
    q: f64,
    /// `log q - log p`; NaN where both are 0.
    d: f64,
}

fn divergence(
    logits: Logits<'_>,
    against: &SoftmaxAgainst<'_>,
    i: usize,
    options: &SoftmaxLoss,
    of: fn(&[Pair]) -> RowLoss,
) -> RowLoss {
    let undefined = RowLoss::undefined(logits.classes(), true);
    let Some(teacher) = against.matrix() else { return undefined };
    let rows = [logits.row(i), teacher.row(i)];
    let both = [0, 1].map(|which| distances(&rows[which], options));
    let softmaxes = [0, 1].map(|which| softmax_of(&both[which]));
    if softmaxes.iter().any(Softmax::is_undefined) {
        return undefined;
    }
    let probabilities = |which: usize| -> Vec<f64> {
        both[which].iter().map(|&z| softmaxes[which].probability(z)).collect()
    };
    let (p, q) = (probabilities(0), probabilities(1));
    let d = logarithms_apart(&rows, softmaxes, [&p, &q], options);
    let classes = p.into_iter().zip(q).zip(d);
    of(&classes.map(|((p, q), d)| Pair { p, q, d }).collect::<Vec<_>>())
}

/// `log q - log p` of each class: the differences of the logits, over `T`, and a shift by which
/// `sum_c q_c exp(-d_c) = 1`. It comes from these differences themselves, so that it has their digits:
/// the difference of two logarithms near `log C` has not.
fn logarithms_apart(
    [student, teacher]: &[Vec<f32>; 2],
    [of_student, of_teacher]: [Softmax; 2],
    [p, q]: [&[f64]; 2],
    options: &SoftmaxLoss,
) -> Vec<f64> {
    let maximum = |row: &[f32]| f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let maxima = difference(maximum(teacher), maximum(student));
    let apart = teacher.iter().zip(student).map(|(&t, &s)| {
        let logits = difference(t.into(), s.into());
        match logits[0].is_finite() {
            true => (logits[0] - maxima[0]) + (logits[1] - maxima[1]),
            false => logits[0],
        }
    });
    let totals = ((of_teacher.rest - of_student.rest) / (1.0 + of_student.rest)).ln_1p();
    let temperature = f64::from(options.temperature);
    let mut d: Vec<f64> = apart.map(|apart| apart / temperature - totals).collect();
    // Twice: what the first shift is rounded to, the second sees.
    for _ in 0..2 {
        let (mut near, mut surplus) = (0.0, 0.0);
        for (class, &d) in d.iter().enumerate() {
            let (p, q) = (p[class], q[class]);
            if d.abs() <= 1.0 {
                near += p;
                surplus += q * (-d).exp_m1();
            } else {
                surplus += p - q;
            }
        }
        // Where most of the student lies far from the teacher, that is near enough.
        if near < 0.5 {
            break;
        }
        let shift = (surplus / near).ln_1p();
        d.iter_mut().for_each(|d| *d += shift);
    }
    d
}

/// `a - b`, and what it is rounded by (Knuth's two-sum).
fn difference(a: f64, b: f64) -> [f64; 2] {
    let difference = a - b;
    let of_b = difference - a;
    [difference, (a - (difference - of_b)) - (b + of_b)]
}

/// `exp(-d) - 1 + d`, without cancellation.
fn excess(d: f64) -> f64 {
    if d.abs() > 0.5 {
        return (-d).exp_m1() + d;
    }
    let (mut term, mut sum) = (0.5 * d * d, 0.0);
    for n in 3..22 {
        sum += term;
        term *= -d / f64::from(n);
    }
    sum
}

/// `sum_c q_c d_c`, as the sum of `q_c (d_c - 1 + exp(-d_c))`, which is never negative: the rest adds
/// up to 0. A class that only the student has, has `p_c` there; one that neither has, nothing.
fn kl_divergence(classes: &[Pair]) -> RowLoss {
    let value = |&Pair { p, q, d }: &Pair| match d {
        f64::NEG_INFINITY => p,
        f64::INFINITY => f64::INFINITY,
        d if d.is_nan() => 0.0,
        d if d.abs() < 1.0 => q * excess(d),
        d => q * (d - 1.0) + p,
    };
    let gradient = |&Pair { p, q, d }: &Pair| match d.abs() < 1.0 {
        true => q * (-d).exp_m1(),
        false => p - q,
    };
    RowLoss {
        value: classes.iter().map(value).sum(),
        gradient: classes.iter().map(gradient).collect(),
        contributes: true,
    }
}

/// `sum_c (q log(q/m) + p log(p/m)) / 2`. With `t = tanh(d / 2)`, `q = m (1 + t)` and `p = m (1 - t)`.
fn jensen_shannon(classes: &[Pair]) -> RowLoss {
    let value = |pair: &Pair| (pair.p + pair.q) / 4.0 * shannon(pair.d);
    let slopes: Vec<f64> = classes
        .iter()
        .map(|&Pair { p, d, .. }| if p == 0.0 { 0.0 } else { p * log_share(d) / 2.0 })
        .collect();
    let sum: f64 = slopes.iter().sum();
    RowLoss {
        value: classes.iter().filter(|pair| !pair.d.is_nan()).map(value).sum(),
        gradient: classes.iter().zip(slopes).map(|(pair, slope)| slope - pair.p * sum).collect(),
        contributes: true,
    }
}

/// `log(p/m) = log(1 - t)`.
fn log_share(d: f64) -> f64 {
    match d > 100.0 {
        true => std::f64::consts::LN_2 - d, // exp(d) may overflow
        false => -((d.exp_m1() / 2.0).ln_1p()),
    }
}

/// `(1 + t) log(1 + t) + (1 - t) log(1 - t)`, where `d` is small by its series in `t^2`.
fn shannon(d: f64) -> f64 {
    let t = (d / 2.0).tanh();
    if d.abs() > 0.5 {
        // 1 - t without the rounding of t.
        let part = |d: f64| 2.0 / (1.0 + d.exp());
        let of = |d: f64| if part(d) == 0.0 { 0.0 } else { part(d) * log_share(d) };
        return of(d) + of(-d);
    }
    let (square, mut power, mut sum) = (t * t, t * t, 0.0);
    for n in 1..14 {
        let n = f64::from(n);
        sum += power / (n * (2.0 * n - 1.0));
        power *= square;
    }
    sum
}
