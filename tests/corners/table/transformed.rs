//! Logits that are scaled and capped.

use super::*;
use crate::row::LOW;

/// At the bounds of the cap the gradient is exactly 0, as at every other class, which is far below.
const CAPPED: Outcome = Outcome::new(Is::Textbook, [Is::Zero, Is::Textbook, Is::Zero, Is::Zero]);

/// `+inf` and `-inf` at the bounds, with the target in between.
const BOUNDS: Row =
    Row { logits: [INF, 0.5, NEG], target: Target::Class(1), argmax: Argmax::Column(0), ..ROW };

pub const ROWS: &[Row] = &[
    Row { name: "capped", ..ROW }
        .capped(2.0)
        .gives(Outcome::new(Is::Textbook, [Is::Textbook, Is::Textbook, Is::Textbook, Is::Zero])),
    Row { name: "infinities, capped", ..BOUNDS }.capped(2.0).gives(CAPPED),
    Row { name: "+inf on the target, capped", target: Target::Class(0), ..BOUNDS }
        .capped(2.0)
        .gives(CAPPED),
    Row { name: "-inf on the target, capped", target: Target::Class(2), ..BOUNDS }
        .capped(2.0)
        .gives(CAPPED),
    Row { name: "infinities, capped, label smoothing", ..BOUNDS }
        .capped(2.0)
        .smoothed(0.125)
        .gives(CAPPED),
    Row { name: "infinities, scaled and capped", ..BOUNDS }.scaled(1.5).capped(2.0).gives(CAPPED),
    Row {
        name: "infinities on probabilities of 0, capped",
        target: Target::Probabilities([0.0, 1.0, 0.0]),
        target_log_probability: Is::Nan,
        ..BOUNDS
    }
    .capped(2.0)
    .gives(CAPPED),
    Row {
        name: "nothing but -inf, capped: all alike",
        logits: [NEG; 3],
        others: NEG,
        argmax: Argmax::First,
        ..ROW
    }
    .capped(2.0)
    .gives(Outcome::all(Is::Textbook, Is::Zero)),
    Row { name: "NaN, capped", logits: [INF, NAN_LOGIT, 0.0], ..ROW }
        .capped(2.0)
        .undefined(Is::Nan, Argmax::Column(1)),
    Row { name: "ignored, infinities, capped", target: Target::Ignored, ..BOUNDS }
        .capped(2.0)
        .gives(NOTHING),
    Row { name: "scaled", ..ROW }.scaled(0.5).gives(ORDINARY),
    Row { name: "scaled, -inf on another class", logits: [0.0, NEG, 0.0], ..HALVES }
        .scaled(0.5)
        .gives(Outcome::new(Is::Value(LN_2), gradient([-0.25, 0.0, 0.25]))),
    Row { name: "scaled, -inf on the target", ..HALVES_MISSED }
        .scaled(2.0)
        .gives(Outcome::new(Is::Inf, gradient([1.0, -2.0, 1.0]))),
    Row { name: "scaled by -1: the lowest leads", others: -LOW, argmax: Argmax::Column(2), ..ROW }
        .scaled(-1.0)
        .gives(ORDINARY),
    Row {
        name: "scaled by -1, +inf on another class",
        logits: [0.0, INF, 0.0],
        others: -LOW,
        ..HALVES
    }
    .scaled(-1.0)
    .gives(Outcome::new(Is::Value(LN_2), gradient([0.5, 0.0, -0.5]))),
    Row {
        name: "scaled by -1, -inf on another class",
        logits: [0.0, NEG, 0.0],
        others: -LOW,
        ..ROW
    }
    .scaled(-1.0)
    .undefined(Is::Inf, Argmax::Column(1)),
    Row { name: "scaled by 0: all alike", argmax: Argmax::First, ..ROW }
        .scaled(0.0)
        .gives(Outcome::all(Is::Textbook, Is::Zero)),
    Row { name: "scaled by 0, -inf", logits: [0.0, NEG, 0.0], ..ROW }
        .scaled(0.0)
        .undefined(Is::Nan, Argmax::Column(1)),
    Row { name: "scaled beyond f32", logits: [0.0, 0.0, 3e38], ..ROW }
        .scaled(4.0)
        .undefined(Is::Inf, Argmax::Column(2)),
];
