//! Ignored rows, whatever they hold.

use super::*;

/// A loss of 0 without gradients; in strict mode NaN gradients where the softmax is undefined.
const IGNORED_UNDEFINED: Outcome = Outcome::all(Is::Zero, Is::Nan);

const IGNORED: Row = Row { target: Target::Ignored, ..ROW };

pub const ROWS: &[Row] = &[
    Row { name: "ignored", ..IGNORED }.gives(NOTHING),
    Row { name: "ignored by a class, the first", target: Target::IgnoredClass(0), ..ROW }
        .gives(NOTHING),
    Row { name: "ignored by a class, the last", target: Target::IgnoredClass(2), ..ROW }
        .gives(NOTHING),
    Row { name: "ignored, label smoothing", ..IGNORED }.smoothed(0.125).gives(NOTHING),
    Row { name: "ignored, z-loss", ..IGNORED }.with_z_loss(0.5).gives(NOTHING),
    Row { name: "ignored, weights", row_weight: 2.0, ..IGNORED }.gives(NOTHING),
    Row {
        name: "ignored, holds -inf, label smoothing",
        target: Target::Ignored,
        logits: [0.0, NEG, 0.0],
        ..HALVES
    }
    .smoothed(0.125)
    .gives(NOTHING),
    Row { name: "ignored, holds NaN", logits: [0.0, NAN_LOGIT, 0.0], ..IGNORED }
        .undefined(Is::Nan, Argmax::Column(1))
        .gives_each(IGNORED_UNDEFINED, NOTHING),
    Row { name: "ignored, holds +inf", logits: [0.0, 0.0, INF], ..IGNORED }
        .undefined(Is::Inf, Argmax::Column(2))
        .gives_each(IGNORED_UNDEFINED, NOTHING),
    Row { name: "ignored, holds nothing but -inf", logits: [NEG; 3], others: NEG, ..IGNORED }
        .undefined(Is::NegInf, Argmax::First)
        .gives_each(IGNORED_UNDEFINED, NOTHING),
    Row { name: "ignored, holds NaN, z-loss", logits: [NAN_LOGIT, 0.0, 0.0], ..IGNORED }
        .with_z_loss(0.5)
        .undefined(Is::Nan, Argmax::Column(0))
        .gives_each(IGNORED_UNDEFINED, NOTHING),
    Row {
        name: "ignored by a class, holds NaN, weights",
        logits: [NAN_LOGIT, 0.0, 0.0],
        target: Target::IgnoredClass(1),
        class_weights: Some([0.5, 1.0, 2.0]),
        ..ROW
    }
    .undefined(Is::Nan, Argmax::Column(0))
    .gives_each(IGNORED_UNDEFINED, NOTHING),
];
