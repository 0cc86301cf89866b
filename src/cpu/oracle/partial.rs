//! States of parts of the classes, and what follows from merged ones.

use super::batch::{Batch, Denominators};
use super::cross_entropy::{check_targets, row_gradient};
use super::row::{Row, Softmax};
use super::summary::Summary;
use super::terms::{Target, Terms};
use super::transform::Transform;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::{collected, zeros};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Mode};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::{ClassRange, PartialState};
use crate::targets::Targets;
use crate::upstream::Upstream;

pub(super) fn states(
    logits: Logits<'_>,
    classes: ClassRange,
    targets: Targets<'_>,
    options: &CrossEntropy,
) -> Result<Vec<PartialState>> {
    validate::partial(logits, classes, targets, None, options)?;
    check_targets(targets, classes.total, options)?;
    let terms = Terms::new(targets, classes, options);
    let state = |i| {
        let row = Row::new(&logits.row(i), Transform::of(options).rounded());
        let target = match terms.target(i) {
            Target::Class(class) => terms.column(class, logits.classes()),
            Target::Ignored | Target::Probabilities => None,
        };
        let coefficients = terms.of_row(i, logits.classes());
        let state = state(&row, &coefficients, target, options.mode);
        PartialState { argmax: (classes.first + row.argmax) as u32, ..state }
    };
    collected(CROSS_ENTROPY, (0..logits.rows()).map(state))
}

/// All but the argmax.
fn state(
    row: &Row,
    coefficients: &[Option<f64>],
    target: Option<usize>,
    mode: Mode,
) -> PartialState {
    let finite = row.logits.iter().copied().filter(|y| y.is_finite());
    let maximum = finite.fold(f64::from(f32::MIN), f64::max);
    let is_nan = row.logits.iter().any(|y| y.is_nan());
    let rest = match row.softmax.maximum {
        _ if is_nan => -4.0,
        f64::INFINITY => -2.0,
        f64::NEG_INFINITY => -1.0,
        _ => row.softmax.rest,
    };
    let (mut distance, mut weight, mut flags) = (0.0, 0.0, 0);
    for (&y, coefficient) in row.logits.iter().zip(coefficients) {
        let Some(coefficient) = *coefficient else { continue };
        weight += coefficient;
        if coefficient != 0.0 {
            flags |= PartialState::CONTRIBUTES;
        }
        if y.is_finite() {
            distance += coefficient * (maximum - y);
        } else if y == f64::NEG_INFINITY {
            flags |= match coefficient {
                c if c > 0.0 => PartialState::POSITIVE,
                c if c < 0.0 => PartialState::NEGATIVE,
                0.0 if mode == Mode::Masked => 0,
                _ => PartialState::UNDEFINED,
            };
        }
    }
    if target.is_some() {
        flags |= PartialState::HOLDS_TARGET;
    }
    PartialState {
        maximum: maximum as f32,
        rest: rest as f32,
        distance: distance as f32,
        weight: weight as f32,
        spread: if rest < 0.0 { 0.0 } else { row.spread() as f32 },
        argmax: 0,
        target_logit: target.map_or(0.0, |target| row.logits[target] as f32),
        flags,
    }
}

/// What a whole row's state says of it.
fn summary(state: &PartialState) -> Summary {
    let softmax = match state.rest {
        rest if rest >= 0.0 => Softmax { maximum: state.maximum.into(), rest: rest.into() },
        rest if rest > -1.5 => Softmax { maximum: f64::NEG_INFINITY, rest: f64::NAN },
        rest if rest > -3.0 => Softmax { maximum: f64::INFINITY, rest: f64::NAN },
        _ => Softmax { maximum: f64::NAN, rest: f64::NAN },
    };
    let has = |flag| state.flags & flag != 0;
    let mut distance = f64::from(state.distance);
    if has(PartialState::POSITIVE) {
        distance += f64::INFINITY;
    }
    if has(PartialState::NEGATIVE) {
        distance -= f64::INFINITY;
    }
    if has(PartialState::UNDEFINED) {
        distance = f64::NAN;
    }
    Summary {
        softmax,
        distance,
        weight: state.weight.into(),
        contributes: has(PartialState::CONTRIBUTES),
        target_log_probability: match has(PartialState::HOLDS_TARGET) {
            true => softmax.log_probability(state.target_logit.into()),
            false => f64::NAN,
        },
        entropy: softmax.rest.ln_1p() + f64::from(state.spread) / (1.0 + softmax.rest),
        argmax: state.argmax as usize,
        target_rank: usize::MAX,
    }
}

pub(super) fn cross_entropy_of_states(
    states: &[PartialState],
    classes: usize,
    targets: Targets<'_>,
    options: &CrossEntropy,
) -> Result<CrossEntropyOutput<f64, Vec<f64>>> {
    validate::of_states(states, classes, targets, options)?;
    check_targets(targets, classes, options)?;
    let terms = Terms::new(targets, ClassRange { first: 0, total: classes }, options);
    let mut batch = Batch::new(&terms, states.len(), options)?;
    for state in states {
        batch.push(&summary(state));
    }
    batch.finish(Denominators::of(&terms, states.len(), options.reduction), None)
}

pub(super) fn gradient(
    logits: Logits<'_>,
    classes: ClassRange,
    states: &[PartialState],
    targets: Targets<'_>,
    upstream: Upstream<'_>,
    options: &CrossEntropy,
) -> Result<Vec<f64>> {
    validate::partial(logits, classes, targets, Some(upstream), options)?;
    validate::states_of_rows(states, logits.rows())?;
    check_targets(targets, classes.total, options)?;
    let shape = logits.shape().contiguous();
    let terms = Terms::new(targets, classes, options);
    let denominators = Denominators::of(&terms, shape.rows, options.reduction);
    let mut gradient = zeros(CROSS_ENTROPY, shape.rows * shape.classes)?;
    for (i, state) in states.iter().enumerate() {
        let row = Row::new(&logits.row(i), Transform::of(options).rounded());
        let of_row = row_gradient(
            &row,
            &terms.of_row(i, shape.classes),
            &summary(state),
            terms.target(i),
            terms.row_weight(i),
            denominators.factors(upstream.of_row(i), options.reduction),
            options,
        );
        for (column, value) in of_row.into_iter().enumerate() {
            gradient[shape.start_of(i) + column * shape.inner] = value;
        }
    }
    Ok(gradient)
}
