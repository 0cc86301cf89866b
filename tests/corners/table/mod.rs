//! The table of corner cases, as data: what is to come of each row was written by hand.

mod ignored;
mod infinities;
mod log_probabilities;
mod probabilities;
mod transformed;
mod weights;
mod z_loss;

use std::f64::consts::LN_2;

use super::expect::Is;
use super::row::{Argmax, NAN, NOTHING, ORDINARY, Outcome, ROW, Row, Target};

const INF: f32 = f32::INFINITY;
const NEG: f32 = f32::NEG_INFINITY;
const NAN_LOGIT: f32 = f32::NAN;

/// `ln 3`: the log-sum-exp of three equal logits of 0.
const LN_3: f64 = 1.098_612_288_668_109_8;

/// Every row of the table.
pub fn rows() -> Vec<Row> {
    let tables: [&[Row]; 7] = [
        infinities::ROWS,
        ignored::ROWS,
        weights::ROWS,
        probabilities::ROWS,
        transformed::ROWS,
        z_loss::ROWS,
        log_probabilities::ROWS,
    ];
    tables.concat()
}

/// Two classes of a logit of 0; one of `-inf`, which the row's loss and gradient do not see.
const HALVES: Row = Row {
    log_sum_exp: Is::Value(LN_2),
    entropy: Is::Value(LN_2),
    target_log_probability: Is::Value(-LN_2),
    argmax: Argmax::Column(0),
    ..ROW
};

/// The same with the target at the logit of `-inf`: the second.
const HALVES_MISSED: Row = Row {
    logits: [0.0, NEG, 0.0],
    target: Target::Class(1),
    target_log_probability: Is::NegInf,
    ..HALVES
};

/// Numbers, as a gradient at the three classes; nothing at all others.
const fn gradient(three: [f64; 3]) -> [Is; 4] {
    [number(three[0]), number(three[1]), number(three[2]), Is::Zero]
}

const fn number(value: f64) -> Is {
    if value == 0.0 { Is::Zero } else { Is::Value(value) }
}
