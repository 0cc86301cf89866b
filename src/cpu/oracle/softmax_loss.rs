//! Focal loss, and divergences of two rows of logits.

use super::row::Softmax;
use crate::ops::softmax_loss::validate;
use crate::ops::validate::count_targets;
use crate::{
    Logits, Mode, Result, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput,
    TargetValues, Upstream,
};

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
    let counted: Vec<usize> = (0..shape.rows).filter(|&row| !is_ignored(row)).collect();
    let denominator = match options.reduction.batch_size(shape.rows, shape.classes) {
        Some(size) => size,
        None => counted.iter().map(|&row| weight(row)).sum::<f64>() + 0.0,
    };
    let is_masked = options.mode == Mode::Masked;

    let mut losses = Vec::with_capacity(shape.rows);
    let mut gradient = upstream.map(|_| vec![0.0; shape.rows * shape.classes]);
    for i in 0..shape.rows {
        let row = scaled(logits, i, options);
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
            SoftmaxFunction::KlDivergence => divergence(&row, against, i, options, kl_divergence),
            SoftmaxFunction::JensenShannon => divergence(&row, against, i, options, jensen_shannon),
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
    Ok(SoftmaxLossOutput { loss, denominator, counted: counted.len(), loss_rows, gradient })
}

/// `z = x / T`.
fn scaled(logits: Logits<'_>, row: usize, options: &SoftmaxLoss) -> Vec<f64> {
    let temperature = f64::from(options.temperature);
    logits.row(row).into_iter().map(|x| f64::from(x) / temperature).collect()
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
        let power = complement.powf(gamma);
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

/// A row's student and teacher: their logits, divided by the temperature, and softmaxes.
struct Pair {
    student: Vec<f64>,
    teacher: Vec<f64>,
    of_student: Softmax,
    of_teacher: Softmax,
}

impl Pair {
    /// `p_s`, `p_t` and `log p_t - log p_s` of each class: NaN where both are 0.
    fn classes(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.student.iter().zip(&self.teacher).map(|(&s, &t)| {
            let p = self.of_student.probability(s);
            let q = self.of_teacher.probability(t);
            (p, q, self.of_teacher.log_probability(t) - self.of_student.log_probability(s))
        })
    }
}

fn divergence(
    row: &[f64],
    against: &SoftmaxAgainst<'_>,
    i: usize,
    options: &SoftmaxLoss,
    of: fn(&Pair) -> RowLoss,
) -> RowLoss {
    let Some(teacher) = against.matrix() else { return RowLoss::undefined(row.len(), true) };
    let teacher = scaled(teacher, i, options);
    let (of_student, of_teacher) = (softmax_of(row), softmax_of(&teacher));
    if of_student.is_undefined() || of_teacher.is_undefined() {
        return RowLoss::undefined(row.len(), true);
    }
    of(&Pair { student: row.to_vec(), teacher, of_student, of_teacher })
}

/// `sum_c q_c d_c`, as the sum of `q_c (d_c - 1 + exp(-d_c))`, which is never negative: the rest adds
/// up to 0. A class that only the student has, has `p_c` there; one that neither has, nothing.
fn kl_divergence(pair: &Pair) -> RowLoss {
    let value = |(p, q, d): (f64, f64, f64)| match d {
        f64::NEG_INFINITY => p,
        f64::INFINITY => f64::INFINITY,
        d if d.is_nan() => 0.0,
        d if d.abs() < 1.0 => q * (d + (-d).exp_m1()),
        d => q * (d - 1.0) + p,
    };
    RowLoss {
        value: pair.classes().map(value).sum(),
        gradient: pair.classes().map(|(p, q, _)| p - q).collect(),
        contributes: true,
    }
}

/// `sum_c (q log(q/m) + p log(p/m)) / 2`, with `log(p/m) = -log((1 + exp(d)) / 2)`.
fn jensen_shannon(pair: &Pair) -> RowLoss {
    let log_share = |d: f64| match d > 100.0 {
        true => std::f64::consts::LN_2 - d, // exp(d) may overflow
        false => -((d.exp_m1() / 2.0).ln_1p()),
    };
    let product = |p: f64, log: f64| if p == 0.0 { 0.0 } else { p * log };
    let (mut value, mut slopes) = (0.0, Vec::new());
    for (p, q, d) in pair.classes() {
        let of_student = product(p, log_share(d));
        value += (of_student + product(q, log_share(-d))) / 2.0;
        slopes.push(of_student / 2.0);
    }
    RowLoss::of_slopes(value, &slopes, &pair.of_student, &pair.student)
}
