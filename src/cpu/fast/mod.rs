//! Single precision, vectorised, on all cores.

mod softmax;
mod split;

use crate::ops::validate;
use crate::{
    CrossEntropy, CrossEntropyOutput, Engine, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Result, Upstream,
};
use softmax::Softmax;
use split::RowResults;

/// Every operation in single precision on all cores: what to use without a GPU.
///
/// A row's result depends on that row alone, and rows are summed in their order, so the same input
/// gives the same bits on any number of threads. Without the feature `rayon` there is one thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fast;

/// Writes `factor * (softmax(x) - e_target)` over a gradient of zeros; without a target, which is
/// an ignored row, zeros, or NaN where the softmax is undefined.
fn row_with_gradient(
    logits: &[f32],
    target: Option<usize>,
    factor: f32,
    gradient: &mut [f32],
) -> Softmax {
    let Some(target) = target else {
        let softmax = Softmax::of(logits);
        if softmax.rest.is_nan() {
            gradient.fill(f32::NAN);
        }
        return softmax;
    };
    let softmax = Softmax::with_exps(logits, gradient);
    softmax.scale_exps(gradient, factor);
    if target == softmax.argmax {
        // Not p - 1, which cancels where p is close to 1.
        gradient[target] = -factor * (softmax.rest / (1.0 + softmax.rest));
    } else {
        gradient[target] -= factor;
    }
    softmax
}

/// In the order of the rows, in double precision: the error does not grow with their number.
fn sum(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |sum, &value| sum + f64::from(value))
}

impl Engine for Fast {
    fn name(&self) -> String {
        match split::threads() {
            1 => "cpu::Fast, 1 thread".into(),
            threads => format!("cpu::Fast, {threads} threads"),
        }
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        _: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, upstream)?;
        let (rows, classes) = (logits.rows(), logits.classes());
        let mut log_sum_exp = vec![0.0; rows];
        let mut gradient = upstream.map(|_| vec![0.0; rows * classes]);
        let results = RowResults {
            rows: 0..rows,
            classes,
            loss: None,
            log_sum_exp: Some(&mut log_sum_exp),
            argmax: None,
            gradient: gradient.as_deref_mut(),
        };
        results.fill(&|mut part| {
            for (i, row) in part.rows.enumerate() {
                let softmax = match (&mut part.gradient, upstream) {
                    (Some(gradient), Some(upstream)) => {
                        let gradient = &mut gradient[i * classes..(i + 1) * classes];
                        let softmax = Softmax::with_exps(logits.row(row), gradient);
                        softmax.scale_exps(gradient, upstream.of_row(row));
                        softmax
                    }
                    _ => Softmax::of(logits.row(row)),
                };
                if let Some(log_sum_exp) = &mut part.log_sum_exp {
                    log_sum_exp[i] = softmax.log_sum_exp();
                }
            }
        });
        Ok(LogSumExpOutput { log_sum_exp, gradient })
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        let (rows, classes) = (logits.rows(), logits.classes());
        let counted = validate::count_targets(targets, classes, options.ignore_index)?;
        let denominator = counted as f32;

        let wanted = options.rows;
        let mut loss_rows = vec![0.0; rows];
        let mut log_sum_exp = wanted.log_sum_exp.then(|| vec![0.0; rows]);
        let mut argmax = wanted.argmax.then(|| vec![0; rows]);
        let mut gradient = upstream.map(|_| vec![0.0; rows * classes]);
        let results = RowResults {
            rows: 0..rows,
            classes,
            loss: Some(&mut loss_rows),
            log_sum_exp: log_sum_exp.as_deref_mut(),
            argmax: argmax.as_deref_mut(),
            gradient: gradient.as_deref_mut(),
        };
        results.fill(&|mut part| {
            for (i, row) in part.rows.enumerate() {
                let target = Some(targets[row])
                    .filter(|&target| Some(target) != options.ignore_index)
                    .map(|target| target as usize); // counted, so it is a class
                let logits = logits.row(row);
                let softmax = match (&mut part.gradient, upstream) {
                    (Some(gradient), Some(upstream)) => {
                        let gradient = &mut gradient[i * classes..(i + 1) * classes];
                        let factor = match options.reduction {
                            Reduction::None | Reduction::Sum => upstream.of_row(row),
                            Reduction::Mean => upstream.of_row(row) / denominator,
                        };
                        row_with_gradient(logits, target, factor, gradient)
                    }
                    _ if target.is_some() || wanted.log_sum_exp || wanted.argmax => {
                        Softmax::of(logits)
                    }
                    _ => continue, // an ignored row that nothing is wanted of: loss 0
                };
                if let (Some(loss), Some(target)) = (&mut part.loss, target) {
                    loss[i] = softmax.negative_log_probability(logits[target]);
                }
                if let Some(log_sum_exp) = &mut part.log_sum_exp {
                    log_sum_exp[i] = softmax.log_sum_exp();
                }
                if let Some(argmax) = &mut part.argmax {
                    argmax[i] = softmax.argmax as u32;
                }
            }
        });

        let loss = match options.reduction {
            Reduction::None => f32::NAN,
            Reduction::Sum => sum(&loss_rows) as f32,
            Reduction::Mean => (sum(&loss_rows) / counted as f64) as f32,
        };
        let loss_rows = (wanted.loss || options.reduction == Reduction::None).then_some(loss_rows);
        Ok(CrossEntropyOutput {
            loss,
            denominator,
            counted,
            loss_rows,
            log_sum_exp,
            argmax,
            gradient,
        })
    }
}
