//! States of parts of the classes, and the gradient that merged ones give.

use super::batch::{Denominators, Factors, hides_loss, is_hidden};
use super::gradient::{RowGradient, RowResult};
use super::matrix::{Holds, Matrix};
use super::memory::zeroed;
use super::softmax::{Softmax, exps_below};
use super::split::for_rows;
use super::terms::{Coefficients, Terms};
use super::tiled::{Source, SourceRow, for_each_row};
use super::transform::Transform;
use crate::element::{Float, OwnedValues};
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::filled;
use crate::ops::cross_entropy::{CrossEntropy, Mode};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::PartialState;
use crate::targets::{TargetValues, Targets};
use crate::upstream::Upstream;

fn source<'a>(logits: Logits<'a>, targets: Targets<'a>, options: &CrossEntropy) -> Source<'a> {
    Source {
        logits: Some(logits),
        shape: logits.shape(),
        transform: Transform::of(options),
        argmax: true,
        ranks: None,
        in_parts: true,
        others: match targets.values {
            TargetValues::Classes(_) => None,
            TargetValues::Probabilities(probabilities) => Some(probabilities),
        },
    }
}

/// Of validated operands.
pub(super) fn states(
    logits: Logits<'_>,
    first: usize,
    targets: Targets<'_>,
    terms: &Terms<'_>,
    options: &CrossEntropy,
) -> Result<Vec<PartialState>> {
    let shape = logits.shape();
    let source = source(logits, targets, options);
    let mut states = filled(CROSS_ENTROPY, PartialState::EMPTY, shape.rows)?;
    for_rows(0..shape.rows, shape, states.as_mut_slice(), &|part, states| {
        for_each_row::<f32>(source, part, None, |row| {
            let SourceRow { row, index, transformed, others, .. } = row;
            let coefficients = terms.of_row(terms.target(row), shape.classes, others);
            let state = state(transformed.logits, &coefficients, options.mode);
            let argmax = transformed.argmax.unwrap_or(state.argmax as usize);
            states[index] = PartialState { argmax: (first + argmax) as u32, ..state };
            RowResult::Zero
        });
    });
    Ok(states)
}

/// With the argmax among this part's columns.
fn state(row: &[f32], coefficients: &Coefficients<'_>, mode: Mode) -> PartialState {
    let softmax = Softmax::of(row);
    let (maximum, rest) = match softmax.maximum {
        _ if !softmax.is_undefined() => (softmax.maximum, softmax.rest),
        maximum => {
            let finite = row.iter().copied().filter(|y| y.is_finite());
            let rest = match maximum {
                f32::INFINITY => -2.0,
                f32::NEG_INFINITY => -1.0,
                _ => -4.0,
            };
            (finite.fold(f32::MIN, f32::max), rest)
        }
    };
    let (distance, mut flags) = coefficients.finite_distance(row, maximum, mode);
    if coefficients.contributes {
        flags |= PartialState::CONTRIBUTES;
    }
    if coefficients.target.is_some() {
        flags |= PartialState::HOLDS_TARGET;
    }
    PartialState {
        maximum,
        rest,
        distance: distance as f32,
        weight: coefficients.weight as f32,
        spread: if softmax.is_undefined() { 0.0 } else { softmax.spread(row) as f32 },
        argmax: softmax.argmax(row) as u32,
        target_logit: coefficients.target.map_or(0.0, |(target, _)| row[target]),
        flags,
    }
}

/// Of validated operands.
pub(super) fn gradient<G: Float>(
    logits: Logits<'_>,
    states: &[PartialState],
    targets: Targets<'_>,
    (terms, counted): (&Terms<'_>, usize),
    upstream: Upstream<'_>,
    options: &CrossEntropy,
) -> Result<OwnedValues> {
    let shape = logits.shape();
    let denominators = Denominators::of(terms, shape.rows, counted, options.reduction);
    let factors = Factors::new(upstream, denominators, options.reduction);
    let source = Source { argmax: false, ..source(logits, targets, options) };
    let mut gradient = zeroed::<G>(CROSS_ENTROPY, shape.rows * shape.classes)?;
    let matrix = Matrix::new(&mut gradient, shape.contiguous(), Holds::Zeros);
    for_rows(0..shape.rows, shape, matrix, &|part, matrix| {
        for_each_row(source, part, Some(matrix), |row| {
            row_gradient(row, states, terms, factors, options)
        });
    });
    Ok(G::owned(gradient))
}

fn row_gradient<'a, 'c>(
    source: SourceRow<'_, 'a, 'c>,
    states: &[PartialState],
    terms: &'c Terms<'_>,
    factors: Factors<'_>,
    options: &CrossEntropy,
) -> RowResult<'a> {
    let SourceRow { row, transformed, others, values, .. } = source;
    let (state, logits) = (&states[row], transformed.logits);
    let (target, row_weight) = (terms.target(row), terms.row_weight(row));
    let contributes = state.flags & PartialState::CONTRIBUTES != 0;
    let is_undefined = state.rest.is_nan() || state.rest < 0.0;
    if is_hidden(target, contributes, row_weight, options) {
        let has_part = options.mode == Mode::Strict && is_undefined;
        return if has_part { RowResult::Undefined } else { RowResult::Zero };
    }
    if is_undefined {
        return RowResult::Undefined;
    }
    let coefficients = terms.of_row(target, logits.len(), others);
    let (of_loss, of_z_loss) = factors.of_row(row, hides_loss(contributes, options.mode));
    let z_loss = match options.z_loss == 0.0 {
        true => 0.0,
        false => {
            let lse = f64::from(state.maximum) + f64::from(state.rest).ln_1p();
            of_z_loss * 2.0 * f64::from(options.z_loss) * lse
        }
    };
    if let Some(values) = values.filter(|values| values.len() == logits.len()) {
        exps_below(logits, state.maximum, values);
    }
    let leader = match state.rest < 1.0 {
        true => logits.iter().position(|&y| y == state.maximum),
        false => None, // no probability is close to 1
    };
    RowResult::Gradient(RowGradient {
        maximum: state.maximum,
        rest: state.rest,
        leader,
        of_probability: row_weight * (of_loss * f64::from(state.weight) + z_loss),
        of_coefficient: row_weight * of_loss,
        of_z_loss: row_weight * z_loss,
        weight: f64::from(state.weight),
        coefficients,
        scale: options.logit_scale,
        slopes: transformed.slopes,
    })
}
