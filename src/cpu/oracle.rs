//! The definition of every operation as a program: double precision, one row after the other,
//! nothing clever. Whatever another engine returns is judged by this file.

use crate::ops::validate;
use crate::{
    CrossEntropy, CrossEntropyOutput, Engine, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Result, Upstream,
};

/// Every operation in double precision, simple and obviously right; slow.
///
/// The methods here return what was computed; those of [`Engine`] round it to `f32`.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Logits, cpu};
/// let lse = cpu::Oracle.log_sum_exp_f64(Logits::new(&[0.0, 0.0, 0.0], 1, 3)?, None)?;
/// assert!((lse.log_sum_exp[0] - 3f64.ln()).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Oracle;

/// What everything about a row's softmax is computed from.
struct Softmax {
    /// The largest logit `m`; NaN where the row holds one; `-inf` without classes.
    maximum: f64,
    /// Where it stands: the lowest index on ties, the first NaN's where there is one.
    argmax: usize,
    /// `r = sum_{j != argmax} exp(x_j - m)`; NaN where the softmax is undefined, which is with a
    /// NaN, a `+inf`, or nothing but `-inf`.
    rest: f64,
}

impl Softmax {
    fn of(row: &[f32]) -> Self {
        let argmax = argmax(row);
        let maximum = row.get(argmax).map_or(f64::NEG_INFINITY, |&x| f64::from(x));
        let rest = if maximum.is_finite() {
            let others = row.iter().enumerate().filter(|&(class, _)| class != argmax);
            others.map(|(_, &x)| (f64::from(x) - maximum).exp()).sum()
        } else {
            f64::NAN
        };
        Self { maximum, argmax, rest }
    }

    /// `log sum_c exp(x_c) = m + log1p(r)`; where the softmax is undefined, the maximum has it.
    fn log_sum_exp(&self) -> f64 {
        if self.rest.is_nan() { self.maximum } else { self.maximum + self.rest.ln_1p() }
    }

    /// `-log p(x) = (m - x) + log1p(r)`: no large terms cancel, whatever the logits' offset.
    fn negative_log_probability(&self, x: f32) -> f64 {
        (self.maximum - f64::from(x)) + self.rest.ln_1p()
    }

    /// `p(x) = exp(x - m) / (1 + r)`.
    fn probability(&self, x: f32) -> f64 {
        (f64::from(x) - self.maximum).exp() / (1.0 + self.rest)
    }

    /// `p - 1` of the class with logit `x`; exact where that class leads and `p` is close to 1.
    fn probability_minus_one(&self, class: usize, x: f32) -> f64 {
        if class == self.argmax {
            -self.rest / (1.0 + self.rest)
        } else {
            self.probability(x) - 1.0
        }
    }
}

/// As `torch.argmax`: the first NaN, else the lowest index of the largest; 0 without classes.
pub(super) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (class, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return class;
        }
        if x > row[best] {
            best = class;
        }
    }
    best
}

impl Oracle {
    /// `log sum_c exp(x_c)` of each row; with an upstream gradient also
    /// `upstream * softmax(x)`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient has the wrong length.
    pub fn log_sum_exp_f64(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
    ) -> Result<LogSumExpOutput<f64>> {
        validate::log_sum_exp(logits, upstream)?;
        let mut log_sum_exp = Vec::with_capacity(logits.rows());
        let mut gradient = upstream.map(|_| Vec::with_capacity(logits.rows() * logits.classes()));
        for i in 0..logits.rows() {
            let row = logits.row(i);
            let softmax = Softmax::of(row);
            log_sum_exp.push(softmax.log_sum_exp());
            if let (Some(gradient), Some(upstream)) = (&mut gradient, upstream) {
                let factor = f64::from(upstream.of_row(i));
                gradient.extend(row.iter().map(|&x| factor * softmax.probability(x)));
            }
        }
        Ok(LogSumExpOutput { log_sum_exp, gradient })
    }

    /// Softmax cross-entropy of each row against its target class; with an upstream gradient also
    /// the gradient with respect to the logits.
    ///
    /// # Errors
    /// As [`Engine::cross_entropy_with_gradient`].
    pub fn cross_entropy_f64(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput<f64>> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        let counted = validate::count_targets(targets, logits.classes(), options.ignore_index)?;
        let denominator = counted as f64;

        let mut losses = Vec::with_capacity(logits.rows());
        let mut log_sum_exp = Vec::with_capacity(logits.rows());
        let mut argmax = Vec::with_capacity(logits.rows());
        let mut gradient = upstream.map(|_| Vec::with_capacity(logits.rows() * logits.classes()));
        for (i, &target) in targets.iter().enumerate() {
            let row = logits.row(i);
            let softmax = Softmax::of(row);
            log_sum_exp.push(softmax.log_sum_exp());
            argmax.push(softmax.argmax as u32);

            let counts = Some(target) != options.ignore_index;
            let target = target as usize; // read only where the row counts: then it is a class
            losses.push(if counts { softmax.negative_log_probability(row[target]) } else { 0.0 });

            if let (Some(gradient), Some(upstream)) = (&mut gradient, upstream) {
                let upstream = f64::from(upstream.of_row(i));
                let factor = match options.reduction {
                    Reduction::None | Reduction::Sum => upstream,
                    Reduction::Mean => upstream / denominator,
                };
                gradient.extend(row.iter().enumerate().map(|(class, &x)| {
                    if !counts {
                        // 0 * softmax: NaN where the softmax is undefined, 0 everywhere else.
                        0.0 * softmax.probability(x)
                    } else if class == target {
                        factor * softmax.probability_minus_one(class, x)
                    } else {
                        factor * softmax.probability(x)
                    }
                }));
            }
        }

        let sum: f64 = losses.iter().sum();
        let loss = match options.reduction {
            Reduction::None => f64::NAN,
            Reduction::Sum => sum + 0.0, // the sum over no rows is -0.0 in Rust
            Reduction::Mean => sum / denominator,
        };
        let wanted = options.rows;
        Ok(CrossEntropyOutput {
            loss,
            denominator,
            counted,
            loss_rows: (wanted.loss || options.reduction == Reduction::None).then_some(losses),
            log_sum_exp: wanted.log_sum_exp.then_some(log_sum_exp),
            argmax: wanted.argmax.then_some(argmax),
            gradient,
        })
    }
}

fn round(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn round_log_sum_exp(exact: LogSumExpOutput<f64>) -> LogSumExpOutput {
    LogSumExpOutput { log_sum_exp: round(exact.log_sum_exp), gradient: exact.gradient.map(round) }
}

fn round_cross_entropy(exact: CrossEntropyOutput<f64>) -> CrossEntropyOutput {
    CrossEntropyOutput {
        loss: exact.loss as f32,
        denominator: exact.denominator as f32,
        counted: exact.counted,
        loss_rows: exact.loss_rows.map(round),
        log_sum_exp: exact.log_sum_exp.map(round),
        argmax: exact.argmax,
        gradient: exact.gradient.map(round),
    }
}

impl Engine for Oracle {
    fn name(&self) -> String {
        "cpu::Oracle".into()
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        _: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.log_sum_exp_f64(logits, upstream).map(round_log_sum_exp)
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.cross_entropy_f64(logits, targets, upstream, options).map(round_cross_entropy)
    }
}
