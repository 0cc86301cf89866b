//! Rows that hold log-probabilities already: negative log-likelihood.

use wgpu_loss::Input;

use super::*;

const LIKELIHOOD: Row =
    Row { logits: [-0.5, -1.5, -2.0], ..ROW }.with_input(Input::LogProbabilities);

const NAN_ON_TARGET: Row =
    Row { logits: [NAN_LOGIT, 0.0, 0.0], target_log_probability: Is::Nan, ..LIKELIHOOD };

const NEG_ON_TARGET: Row =
    Row { logits: [NEG, 0.0, 0.0], target_log_probability: Is::NegInf, ..LIKELIHOOD };

pub const ROWS: &[Row] = &[
    Row { name: "log-probabilities", ..LIKELIHOOD }
        .gives(Outcome::new(Is::Value(0.5), gradient([-1.0, 0.0, 0.0]))),
    Row { name: "log-probabilities, all weights", row_weight: -2.0, ..LIKELIHOOD }
        .weighing([0.25, 1.0, 2.0])
        .gives(Outcome::new(Is::Value(-0.25), gradient([0.5, 0.0, 0.0]))),
    Row { name: "log-probabilities, -inf on the target", ..NEG_ON_TARGET }
        .gives(Outcome::new(Is::Inf, gradient([-1.0, 0.0, 0.0]))),
    Row { name: "log-probabilities, NaN on the target", ..NAN_ON_TARGET }
        .gives(Outcome::new(Is::Nan, gradient([-1.0, 0.0, 0.0]))),
    Row {
        name: "log-probabilities, special values elsewhere",
        logits: [-0.5, NAN_LOGIT, INF],
        ..LIKELIHOOD
    }
    .gives(Outcome::new(Is::Value(0.5), gradient([-1.0, 0.0, 0.0]))),
    Row {
        name: "log-probabilities, -inf elsewhere",
        logits: [-0.5, NEG, NEG],
        others: NEG,
        ..LIKELIHOOD
    }
    .gives(Outcome::new(Is::Value(0.5), gradient([-1.0, 0.0, 0.0]))),
    Row { name: "log-probabilities, -inf on a target of weight 0", ..NEG_ON_TARGET }
        .weighing([0.0, 1.0, 2.0])
        .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row { name: "log-probabilities, NaN on a target of weight 0", ..NAN_ON_TARGET }
        .weighing([0.0, 1.0, 2.0])
        .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row {
        name: "log-probabilities, -inf on the target, a row of weight 0",
        row_weight: 0.0,
        ..NEG_ON_TARGET
    }
    .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row { name: "log-probabilities, ignored", target: Target::Ignored, ..LIKELIHOOD }
        .gives(NOTHING),
    Row {
        name: "log-probabilities, ignored, holds NaN",
        logits: [NAN_LOGIT; 3],
        others: NAN_LOGIT,
        target: Target::Ignored,
        ..LIKELIHOOD
    }
    .gives(NOTHING),
    Row {
        name: "log-probabilities, ignored by a class, holds infinities",
        logits: [INF, NEG, 0.0],
        target: Target::IgnoredClass(0),
        ..LIKELIHOOD
    }
    .gives(NOTHING),
];
