//! Probabilities as targets.

use super::*;

/// The third class has none of the others' logits of 0.
const SPLIT: Row = Row { logits: [0.0, NEG, 0.0], target_log_probability: Is::Nan, ..HALVES };

const fn of(probabilities: [f32; 3]) -> Target {
    Target::Probabilities(probabilities)
}

pub const ROWS: &[Row] = &[
    Row { name: "probabilities", target: of([0.25, 0.5, 0.25]), ..ROW }.gives(ORDINARY),
    Row { name: "probabilities that sum to 2", target: of([1.0, 0.5, 0.5]), ..ROW }.gives(ORDINARY),
    Row { name: "probabilities of nothing", target: of([0.0; 3]), ..ROW }.gives(NOTHING),
    Row { name: "probabilities, label smoothing", target: of([0.25, 0.5, 0.25]), ..ROW }
        .smoothed(0.25)
        .gives(ORDINARY),
    Row {
        name: "probabilities, all weights, label smoothing",
        target: of([0.25, 0.5, 0.25]),
        row_weight: 1.5,
        ..ROW
    }
    .weighing([0.5, -1.0, 2.0])
    .smoothed(0.25)
    .gives(ORDINARY),
    Row { name: "-inf on a probability of 0", target: of([0.25, 0.0, 0.75]), ..SPLIT }.gives_each(
        Outcome::new(Is::Nan, gradient([0.25, 0.0, -0.25])),
        Outcome::new(Is::Value(LN_2), gradient([0.25, 0.0, -0.25])),
    ),
    Row { name: "-inf on a probability of 0.5", target: of([0.5, 0.5, 0.0]), ..SPLIT }
        .gives(Outcome::new(Is::Inf, gradient([0.0, -0.5, 0.5]))),
    Row {
        name: "-inf on probabilities of 0 and of 0.5",
        logits: [0.0, NEG, NEG],
        target: of([0.5, 0.5, 0.0]),
        log_sum_exp: Is::Zero,
        entropy: Is::Zero,
        ..SPLIT
    }
    .gives_each(
        Outcome::new(Is::Nan, gradient([0.5, -0.5, 0.0])),
        Outcome::new(Is::Inf, gradient([0.5, -0.5, 0.0])),
    ),
    Row { name: "-inf on a probability below 0", target: of([1.5, -0.5, 0.0]), ..SPLIT }
        .gives(Outcome::new(Is::NegInf, gradient([-1.0, 0.5, 0.5]))),
    Row {
        name: "-inf on probabilities of either sign",
        logits: [NEG, NEG, 0.0],
        target: of([0.5, -0.5, 1.0]),
        log_sum_exp: Is::Zero,
        entropy: Is::Zero,
        argmax: Argmax::Column(2),
        ..SPLIT
    }
    .gives(Outcome::new(Is::Nan, gradient([-0.5, 0.5, 0.0]))),
    Row {
        name: "-inf on a probability of 0.5 and a class weight of 0",
        target: of([0.5, 0.5, 0.0]),
        ..SPLIT
    }
    .weighing([1.0, 0.0, 1.0])
    .gives_each(
        Outcome::new(Is::Nan, gradient([-0.25, 0.0, 0.25])),
        Outcome::new(Is::Value(0.5 * LN_2), gradient([-0.25, 0.0, 0.25])),
    ),
    Row {
        name: "-inf on a probability of 0, label smoothing",
        target: of([0.5, 0.0, 0.5]),
        ..SPLIT
    }
    .smoothed(0.125)
    .gives(Outcome::all(Is::Inf, Is::Textbook)),
    Row {
        name: "-inf on a probability of 0.5, a row of weight 0",
        target: of([0.5, 0.5, 0.0]),
        row_weight: 0.0,
        ..SPLIT
    }
    .gives_each(Outcome::all(Is::Nan, Is::Zero), NOTHING),
    Row {
        name: "nothing but -inf, probabilities",
        logits: [NEG; 3],
        others: NEG,
        target: of([0.5, 0.25, 0.25]),
        ..ROW
    }
    .undefined(Is::NegInf, Argmax::First),
    Row {
        name: "+inf, probabilities",
        logits: [0.0, INF, 0.0],
        target: of([0.5, 0.25, 0.25]),
        ..ROW
    }
    .undefined(Is::Inf, Argmax::Column(1)),
    Row {
        name: "NaN, probabilities",
        logits: [0.0, 0.0, NAN_LOGIT],
        target: of([1.0, 0.0, 0.0]),
        ..ROW
    }
    .undefined(Is::Nan, Argmax::Column(2)),
    Row {
        name: "NaN, probabilities of nothing",
        logits: [NAN_LOGIT, 0.0, 0.0],
        target: of([0.0; 3]),
        ..ROW
    }
    .undefined(Is::Nan, Argmax::Column(0))
    .gives_each(NAN, NOTHING),
];
