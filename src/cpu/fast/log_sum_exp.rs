//! Log-sum-exp and its gradient.

use std::ops::Range;

use super::gradient::RowResult;
use super::place::Place;
use super::plain_rows::{self, Plain};
use super::short_rows::ROWS;
use super::softmax::Softmax;
use super::split::for_rows;
use super::tiled::{Source, for_each_row};
use super::transform::Transform;
use crate::element::Float;
use crate::error::Result;
use crate::memory::zeros;
use crate::ops::log_sum_exp::LogSumExpOutput;
use crate::ops::validate::LOG_SUM_EXP;
use crate::upstream::Upstream;

/// Everything but the gradient itself, of validated operands.
pub(super) fn evaluate<G: Float>(
    place: Place<'_, G>,
    upstream: Option<Upstream<'_>>,
) -> Result<LogSumExpOutput> {
    let shape = place.shape;
    let mut log_sum_exp = zeros(LOG_SUM_EXP, shape.rows)?;
    let source = Source {
        logits: place.logits,
        shape,
        transform: Transform::IDENTITY,
        argmax: false,
        ranks: None,
        others: None,
        in_parts: true,
    };
    let results = (log_sum_exp.as_mut_slice(), place.matrix());
    let plain = Gradients { upstream };
    for_rows(0..shape.rows, shape, results, &|part, (log_sum_exp, mut matrix)| {
        if plain_rows::compute(source, part.clone(), &plain, log_sum_exp, &mut matrix) {
            return;
        }
        for_each_row(source, part, matrix, |row| {
            let logits = row.transformed.logits;
            let softmax = match row.values {
                Some(values) => Softmax::leaving_exps(logits, values),
                None => Softmax::of(logits),
            };
            log_sum_exp[row.index] = softmax.log_sum_exp();
            plain.of_row(row.row, &softmax)
        });
    });
    Ok(LogSumExpOutput { log_sum_exp, gradient: None })
}

/// The gradient of each row.
struct Gradients<'a> {
    upstream: Option<Upstream<'a>>,
}

impl Gradients<'_> {
    #[inline(always)]
    fn of_row<'a>(&self, row: usize, softmax: &Softmax) -> RowResult<'a> {
        let Some(factor) = self.upstream.map(|upstream| upstream.of_row(row)) else {
            return RowResult::Zero;
        };
        let scale = factor / (1.0 + softmax.rest);
        if softmax.is_undefined() && softmax.maximum == f32::INFINITY {
            RowResult::BesideInfinity { factor }
        } else if scale.is_nan() {
            RowResult::Undefined // the exponentials are anything
        } else {
            RowResult::Scaled { maximum: softmax.maximum, factor: scale }
        }
    }
}

impl Plain for Gradients<'_> {
    #[inline(always)]
    fn targets(&self, _: Range<usize>) -> [usize; ROWS] {
        [0; ROWS]
    }

    #[inline(always)]
    fn result(&self, _: &[f32], _: usize, maximum: f32, log: f32) -> f32 {
        // Where the softmax is undefined, the maximum has it.
        if log.is_nan() { maximum } else { maximum + log }
    }

    #[inline(always)]
    fn factors(&self, first: usize, rests: &[f32], into: &mut [f32]) {
        let Some(upstream) = self.upstream else { return };
        for (lane, (into, &rest)) in into.iter_mut().zip(rests).enumerate() {
            *into = upstream.of_row(first + lane) / (1.0 + rest);
        }
    }

    #[inline(always)]
    fn finish(
        &self,
        (row, _): (usize, usize),
        logits: &[f32],
        softmax: &Softmax,
        values: &mut [f32],
    ) {
        match self.of_row(row, softmax) {
            RowResult::Scaled { .. } => {} // as it is
            special => special.write(logits, 0, values, true),
        }
    }
}
