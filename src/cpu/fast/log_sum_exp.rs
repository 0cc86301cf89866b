//! Log-sum-exp and its gradient.

use super::gradient::RowResult;
use super::place::Place;
use super::softmax::Softmax;
use super::split::for_rows;
use super::tiled::{Source, for_each_row};
use super::transform::Transform;
use crate::{Float, LogSumExpOutput, Upstream};

/// Everything but the gradient itself, of validated operands.
pub(super) fn evaluate<G: Float>(
    place: Place<'_, G>,
    upstream: Option<Upstream<'_>>,
) -> LogSumExpOutput {
    let shape = place.shape;
    let mut log_sum_exp = vec![0.0; shape.rows];
    let source = Source {
        logits: place.logits,
        shape,
        transform: Transform::IDENTITY,
        argmax: false,
        others: None,
        in_parts: true,
    };
    let results = (log_sum_exp.as_mut_slice(), place.matrix());
    for_rows(0..shape.rows, shape, results, &|part, (log_sum_exp, matrix)| {
        for_each_row(source, part, matrix, |row| {
            let logits = row.transformed.logits;
            let softmax = match row.values {
                Some(values) => Softmax::leaving_exps(logits, values),
                None => Softmax::of(logits),
            };
            log_sum_exp[row.index] = softmax.log_sum_exp();
            let Some(factor) = upstream.map(|upstream| upstream.of_row(row.row)) else {
                return RowResult::Zero;
            };
            let scale = factor / (1.0 + softmax.rest);
            if softmax.log_sum_exp() == f32::INFINITY {
                RowResult::BesideInfinity { factor }
            } else if scale.is_nan() {
                RowResult::Undefined // the exponentials are anything
            } else {
                RowResult::Scaled { maximum: softmax.maximum, factor: scale }
            }
        });
    });
    LogSumExpOutput { log_sum_exp, gradient: None }
}
