//! Log-sum-exp and its gradient.

use bytemuck::allocation::zeroed_vec;

use super::matrix::Matrix;
use super::softmax::Softmax;
use super::split::for_rows;
use super::tiled::{Source, for_each_row};
use super::transform::Transform;
use crate::{Float, LogSumExpOutput, Logits, Upstream};

/// Of validated operands.
pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    upstream: Option<Upstream<'_>>,
) -> LogSumExpOutput {
    let shape = logits.shape();
    let mut log_sum_exp = vec![0.0; shape.rows];
    let mut gradient = upstream.map(|_| zeroed_vec::<G>(shape.rows * shape.classes));
    let matrix = gradient.as_mut().map(|gradient| Matrix::new(gradient, shape));
    let source = Source { logits, transform: Transform::IDENTITY, argmax: false, others: None };
    let results = (log_sum_exp.as_mut_slice(), matrix);
    for_rows(0..shape.rows, shape, results, &|part, (log_sum_exp, matrix)| {
        for_each_row(source, part, matrix, |row| {
            let logits = row.transformed.logits;
            let softmax = match (row.result, upstream) {
                (Some(gradient), Some(upstream)) => {
                    let softmax = Softmax::with_exps(logits, gradient.values);
                    softmax.scale_exps(gradient.values, upstream.of_row(row.row));
                    if softmax.log_sum_exp() == f32::INFINITY {
                        let classes = gradient.values.iter_mut().zip(logits);
                        let others = classes.filter(|(_, logit)| **logit < f32::INFINITY);
                        others.for_each(|(value, _)| *value = 0.0 * upstream.of_row(row.row));
                    }
                    softmax
                }
                _ => Softmax::of(logits),
            };
            log_sum_exp[row.index] = softmax.log_sum_exp();
        });
    });
    LogSumExpOutput { log_sum_exp, gradient: gradient.map(G::owned) }
}
