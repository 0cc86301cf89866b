//! Weights of classes and rows: 0, and below it.

use super::*;

/// The target weighs nothing.
const UNWEIGHTED: Row = Row { class_weights: Some([0.0, 1.0, 2.0]), ..ROW };

/// The row weighs nothing.
const WEIGHTLESS: Row = Row { row_weight: 0.0, ..ROW };

pub const ROWS: &[Row] = &[
    Row { name: "a target of weight 0", ..UNWEIGHTED }.gives(NOTHING),
    Row {
        name: "-inf on a target of weight 0",
        class_weights: Some([1.0, 0.0, 2.0]),
        ..HALVES_MISSED
    }
    .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row {
        name: "-inf on a target of weight 0, label smoothing",
        class_weights: Some([1.0, 0.0, 2.0]),
        ..HALVES_MISSED
    }
    .smoothed(0.125)
    .gives_each(Outcome::all(Is::Nan, Is::Textbook), ORDINARY),
    Row { name: "NaN, a target of weight 0", logits: [0.0, NAN_LOGIT, 0.0], ..UNWEIGHTED }
        .undefined(Is::Nan, Argmax::Column(1))
        .gives_each(NAN, NOTHING),
    Row { name: "+inf, a target of weight 0", logits: [INF, 0.0, 0.0], ..UNWEIGHTED }
        .undefined(Is::Inf, Argmax::Column(0))
        .gives_each(NAN, NOTHING),
    Row {
        name: "nothing but -inf, a target of weight 0",
        logits: [NEG; 3],
        others: NEG,
        ..UNWEIGHTED
    }
    .undefined(Is::NegInf, Argmax::First)
    .gives_each(NAN, NOTHING),
    Row {
        name: "NaN, a target of weight 0, label smoothing",
        logits: [0.0, NAN_LOGIT, 0.0],
        ..UNWEIGHTED
    }
    .smoothed(0.125)
    .undefined(Is::Nan, Argmax::Column(1)),
    Row {
        name: "a target of weight below 0",
        logits: [0.0; 3],
        class_weights: Some([-2.0, 1.0, 1.0]),
        log_sum_exp: Is::Value(LN_3),
        entropy: Is::Value(LN_3),
        target_log_probability: Is::Value(-LN_3),
        argmax: Argmax::Column(0),
        ..ROW
    }
    .gives(Outcome::new(Is::Value(-2.0 * LN_3), gradient([4.0 / 3.0, -2.0 / 3.0, -2.0 / 3.0]))),
    Row {
        name: "-inf on a target of weight below 0",
        class_weights: Some([1.0, -2.0, 2.0]),
        ..HALVES_MISSED
    }
    .gives(Outcome::new(Is::NegInf, gradient([-1.0, 2.0, -1.0]))),
    Row {
        name: "weights of either sign, label smoothing",
        class_weights: Some([2.0, -0.5, 0.0]),
        ..ROW
    }
    .smoothed(0.25)
    .gives(ORDINARY),
    Row { name: "a row of weight 2.5", row_weight: 2.5, ..ROW }.gives(ORDINARY),
    Row { name: "a row of weight -2", row_weight: -2.0, ..ROW }.gives(ORDINARY),
    Row { name: "a row of weight -2, -inf on the target", row_weight: -2.0, ..HALVES_MISSED }
        .gives(Outcome::new(Is::NegInf, gradient([-1.0, 2.0, -1.0]))),
    Row { name: "a row of weight 0", ..WEIGHTLESS }.gives(NOTHING),
    Row { name: "a row of weight 0, -inf on the target", row_weight: 0.0, ..HALVES_MISSED }
        .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row { name: "a row of weight 0, -inf, label smoothing", row_weight: 0.0, ..HALVES_MISSED }
        .smoothed(0.125)
        .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row { name: "a row of weight 0, NaN", logits: [0.0, 0.0, NAN_LOGIT], ..WEIGHTLESS }
        .undefined(Is::Nan, Argmax::Column(2))
        .gives_each(NAN, NOTHING),
    Row { name: "a row of weight 0, +inf", logits: [0.0, INF, 0.0], ..WEIGHTLESS }
        .undefined(Is::Inf, Argmax::Column(1))
        .gives_each(NAN, NOTHING),
    Row {
        name: "a row of weight 0, nothing but -inf",
        logits: [NEG; 3],
        others: NEG,
        ..WEIGHTLESS
    }
    .undefined(Is::NegInf, Argmax::First)
    .gives_each(NAN, NOTHING),
    Row {
        name: "all weights, -inf on another class",
        row_weight: 2.0,
        logits: [0.0, 0.0, NEG],
        ..HALVES
    }
    .weighing([0.5, 3.0, 0.0])
    .gives(Outcome::new(Is::Value(LN_2), gradient([-0.5, 0.5, 0.0]))),
];
