//! The square of log-sum-exp.

use super::*;

/// Only the gradient of the z-loss.
const ONLY_Z: Outcome = Outcome::all(Is::Zero, Is::Textbook);

pub const ROWS: &[Row] = &[
    Row { name: "z-loss", ..ROW }.with_z_loss(0.5).gives(ORDINARY),
    Row { name: "z-loss, all weights, label smoothing", row_weight: 2.0, ..ROW }
        .weighing([0.5, 3.0, 0.0])
        .smoothed(0.125)
        .with_z_loss(0.5)
        .gives(ORDINARY),
    Row { name: "z-loss, scaled and capped", ..ROW }
        .scaled(1.5)
        .capped(2.0)
        .with_z_loss(0.25)
        .gives(Outcome::new(Is::Textbook, [Is::Textbook, Is::Textbook, Is::Textbook, Is::Zero])),
    Row { name: "z-loss below 0", ..ROW }.with_z_loss(-0.25).gives(ORDINARY),
    Row { name: "z-loss, -inf on another class", logits: [0.0, NEG, 0.0], ..HALVES }
        .with_z_loss(0.5)
        .gives(ORDINARY),
    Row { name: "z-loss, -inf on the target", ..HALVES_MISSED }
        .with_z_loss(0.5)
        .gives(Outcome::all(Is::Inf, Is::Textbook)),
    Row { name: "z-loss, a target of weight 0", ..ROW }
        .weighing([0.0, 1.0, 2.0])
        .with_z_loss(0.5)
        .gives(ONLY_Z),
    Row { name: "z-loss, -inf on a target of weight 0", ..HALVES_MISSED }
        .weighing([1.0, 0.0, 2.0])
        .with_z_loss(0.5)
        .gives_each(Outcome::all(Is::Nan, Is::Textbook), ONLY_Z),
    Row { name: "z-loss, NaN, a target of weight 0", logits: [0.0, NAN_LOGIT, 0.0], ..ROW }
        .weighing([0.0, 1.0, 2.0])
        .with_z_loss(0.5)
        .undefined(Is::Nan, Argmax::Column(1)),
    Row { name: "z-loss, a row of weight 0", row_weight: 0.0, ..ROW }
        .with_z_loss(0.5)
        .gives(NOTHING),
    Row {
        name: "z-loss, a row of weight 0, NaN",
        row_weight: 0.0,
        logits: [0.0, NAN_LOGIT, 0.0],
        ..ROW
    }
    .with_z_loss(0.5)
    .undefined(Is::Nan, Argmax::Column(1))
    .gives_each(NAN, NOTHING),
    Row { name: "z-loss, nothing but -inf", logits: [NEG; 3], others: NEG, ..ROW }
        .with_z_loss(0.5)
        .undefined(Is::NegInf, Argmax::First),
    Row { name: "z-loss, +inf", logits: [0.0, INF, 0.0], ..ROW }
        .with_z_loss(0.5)
        .undefined(Is::Inf, Argmax::Column(1)),
    Row {
        name: "z-loss, -inf on a probability of 0",
        logits: [0.0, NEG, 0.0],
        target: Target::Probabilities([0.25, 0.0, 0.75]),
        target_log_probability: Is::Nan,
        ..HALVES
    }
    .with_z_loss(0.5)
    .gives_each(Outcome::all(Is::Nan, Is::Textbook), ORDINARY),
];
