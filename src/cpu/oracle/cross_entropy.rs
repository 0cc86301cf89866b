//! Softmax cross-entropy and its gradient.

use super::batch::{Batch, Denominators, Factors, hides_loss, is_hidden};
use super::row::Row;
use super::summary::Summary;
use super::terms::{Target, Terms};
use super::transform::Transform;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::{when, zeros};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Input, Mode};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::ClassRange;
use crate::targets::{TargetValues, Targets};
use crate::upstream::Upstream;

/// Counts the targets where they are classes, and refuses those out of range.
pub(super) fn check_targets(
    targets: Targets<'_>,
    classes: usize,
    options: &CrossEntropy,
) -> Result<()> {
    if let TargetValues::Classes(indices) = targets.values {
        validate::count_targets(CROSS_ENTROPY, indices, classes, options.ignore_index)?;
    }
    Ok(())
}

pub(super) fn evaluate(
    logits: Logits<'_>,
    targets: Targets<'_>,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<CrossEntropyOutput<f64, Vec<f64>>> {
    validate::cross_entropy(logits, targets, upstream, options)?;
    check_targets(targets, logits.classes(), options)?;
    let shape = logits.shape().contiguous();
    let classes = ClassRange { first: 0, total: shape.classes };
    let terms = Terms::new(targets, classes, options);
    let denominators = Denominators::of(&terms, shape.rows, options.reduction);
    let mut batch = Batch::new(&terms, shape.rows, options)?;
    let zeros = || zeros(CROSS_ENTROPY, shape.rows * shape.classes);
    let mut gradient = when(upstream.is_some(), zeros)?;
    for i in 0..shape.rows {
        let (target, weight) = (terms.target(i), terms.row_weight(i));
        let class = match target {
            Target::Class(class) => Some(class),
            Target::Ignored | Target::Probabilities => None,
        };
        let stored = logits.row(i);
        let factors =
            upstream.map(|upstream| denominators.factors(upstream.of_row(i), options.reduction));
        let of_row = if options.input == Input::LogProbabilities {
            let class_weight = class.map_or(0.0, |class| terms.class_weight(class));
            let summary = Summary::of_log_probabilities(&stored, class, class_weight, options.mode);
            batch.push(&summary);
            let hidden = is_hidden(&summary, target, weight, options);
            factors.map(|factors| {
                let mut row = vec![0.0; shape.classes];
                if let Some(class) = class.filter(|_| !hidden) {
                    row[class] = -factors.loss * weight * class_weight;
                }
                row
            })
        } else {
            let row = Row::new(&stored, Transform::of(options));
            let coefficients = terms.of_row(i, shape.classes);
            let summary = Summary::of_logits(&row, &coefficients, class, options.mode);
            batch.push(&summary);
            factors.map(|factors| {
                row_gradient(&row, &coefficients, &summary, target, weight, factors, options)
            })
        };
        if let (Some(gradient), Some(of_row)) = (&mut gradient, of_row) {
            for (class, value) in of_row.into_iter().enumerate() {
                gradient[shape.start_of(i) + class * shape.inner] = value;
            }
        }
    }
    batch.finish(denominators, gradient)
}

/// `dy/dx_c v (g (U p_c - u_c) + g_z 2 z lse p_c)` of each column, with the softmax of the summary.
pub(super) fn row_gradient(
    row: &Row,
    coefficients: &[Option<f64>],
    summary: &Summary,
    target: Target,
    weight: f64,
    factors: Factors,
    options: &CrossEntropy,
) -> Vec<f64> {
    let softmax = &summary.softmax;
    let columns = row.logits.len();
    if is_hidden(summary, target, weight, options) {
        let is_nan = options.mode == Mode::Strict && softmax.is_undefined();
        return vec![if is_nan { f64::NAN } else { 0.0 }; columns];
    }
    if softmax.is_undefined() {
        return vec![f64::NAN; columns];
    }
    let z = f64::from(options.z_loss);
    let of_loss = if hides_loss(summary, options.mode) { 0.0 } else { factors.loss };
    let of_column = |column: usize| {
        let y = row.logits[column];
        let coefficient = coefficients[column].unwrap_or(0.0);
        // U p - u, without the cancellation where p is close to 1.
        let difference = if y == softmax.maximum {
            (summary.weight - coefficient) + summary.weight * softmax.probability_minus_one(y)
        } else {
            summary.weight * softmax.probability(y) - coefficient
        };
        let z_loss = match z == 0.0 {
            true => 0.0,
            false => factors.z_loss * 2.0 * z * softmax.log_sum_exp() * softmax.probability(y),
        };
        row.slopes[column] * weight * (of_loss * difference + z_loss)
    };
    (0..columns).map(of_column).collect()
}
