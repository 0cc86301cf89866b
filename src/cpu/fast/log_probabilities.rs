//! Cross-entropy where the rows hold log-probabilities already: one element of each is looked at.

use super::batch::{Denominators, Factors, is_hidden, reduce};
use super::matrix::Holds;
use super::place::Place;
use super::terms::{Target, Terms};
use crate::element::Float;
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::{when, zeros};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Reduction};
use crate::ops::validate::CROSS_ENTROPY;
use crate::upstream::Upstream;

/// Everything but the gradient itself, of validated operands.
pub(super) fn evaluate<G: Float>(
    mut place: Place<'_, G>,
    terms: &Terms<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<CrossEntropyOutput> {
    let shape = place.shape;
    let denominators = Denominators::of(terms, shape.rows, counted, options.reduction);
    let factors = upstream.map(|up| Factors::new(up, denominators, options.reduction));
    let column = || zeros::<f32>(CROSS_ENTROPY, shape.rows);
    let mut losses = column()?;
    let mut target_log_probability = when(options.rows.target_log_probability, column)?;
    for row in 0..shape.rows {
        let target = terms.target(row);
        let Target::Class(class) = target else { continue };
        let at = shape.start_of(row) + class * shape.inner;
        let log_probability = place.get(at);
        if let Some(values) = &mut target_log_probability {
            values[row] = log_probability;
        }
        let (row_weight, class_weight) = (terms.row_weight(row), terms.class_weight(class));
        if !is_hidden(target, class_weight != 0.0, row_weight, options) {
            losses[row] = (row_weight * (class_weight * -f64::from(log_probability))) as f32;
        }
    }
    if let (Some((gradient, results, holds)), Some(factors)) = (place.results(), factors) {
        write_gradient((gradient, results, holds), terms, factors, options);
    }
    Ok(CrossEntropyOutput {
        loss: reduce(&losses, denominators.loss, options) as f32,
        z_loss: 0.0,
        denominator: denominators.loss as f32,
        counted: denominators.counted,
        correct: None,
        loss_rows: (options.rows.loss || options.reduction == Reduction::None).then_some(losses),
        log_sum_exp: None,
        target_log_probability,
        entropy: None,
        argmax: None,
        target_rank: None,
        z_loss_rows: when(options.rows.z_loss, column)?,
        gradient: None,
    })
}

/// Zeros, and a value where the target is.
fn write_gradient<G: Float>(
    (gradient, shape, holds): (&mut [G], Shape, Holds),
    terms: &Terms<'_>,
    factors: Factors<'_>,
    options: &CrossEntropy,
) {
    if holds != Holds::Zeros {
        let block = shape.classes * shape.inner;
        for of_block in gradient.chunks_mut(shape.row_stride.max(1)).take(shape.outer()) {
            of_block[..block].fill(G::narrow(0.0));
        }
    }
    for row in 0..shape.rows {
        let target = terms.target(row);
        let Target::Class(class) = target else { continue };
        let (row_weight, class_weight) = (terms.row_weight(row), terms.class_weight(class));
        if is_hidden(target, class_weight != 0.0, row_weight, options) {
            continue;
        }
        let value = -factors.of_row(row, false).0 * row_weight * class_weight;
        gradient[shape.start_of(row) + class * shape.inner] = G::narrow(value as f32);
    }
}
