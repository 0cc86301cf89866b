//! What a row's loss and its other outputs follow from, be it from its logits or from a state.

use super::row::{Row, Softmax};
use crate::ops::cross_entropy::Mode;

pub(super) struct Summary {
    pub(super) softmax: Softmax,
    /// `sum_c u_c (m - y_c)`; infinite or NaN where a term is.
    pub(super) distance: f64,
    /// `U = sum_c u_c`.
    pub(super) weight: f64,
    /// Whether a coefficient is not 0.
    pub(super) contributes: bool,
    /// `log p` of the target class; anything where there is none.
    pub(super) target_log_probability: f64,
    pub(super) entropy: f64,
    pub(super) argmax: usize,
    /// How many classes come before the target; all of them where there is none, or nobody knows.
    pub(super) target_rank: usize,
}

/// A coefficient times what may be infinite: in masked mode a coefficient of 0 hides it.
fn product(coefficient: f64, x: f64, mode: Mode) -> f64 {
    if mode == Mode::Masked && coefficient == 0.0 { 0.0 } else { coefficient * x }
}

impl Summary {
    pub(super) fn of_logits(
        row: &Row,
        terms: &[Option<f64>],
        target: Option<usize>,
        mode: Mode,
    ) -> Self {
        let Row { ref logits, softmax, argmax, .. } = *row;
        let distance = logits.iter().zip(terms).filter_map(|(y, term)| {
            term.map(|coefficient| product(coefficient, softmax.maximum - y, mode))
        });
        Self {
            softmax,
            distance: distance.sum(),
            weight: terms.iter().flatten().sum(),
            contributes: terms.iter().flatten().any(|&coefficient| coefficient != 0.0),
            target_log_probability: match target {
                Some(target) => softmax.log_probability(logits[target]),
                None => f64::NAN,
            },
            entropy: softmax.rest.ln_1p() + row.spread() / (1.0 + softmax.rest),
            argmax,
            target_rank: target.map_or(logits.len(), |target| row.rank(target)),
        }
    }

    /// Of a row of log-probabilities: nothing but the target's is looked at. `log sum exp = 0`.
    pub(super) fn of_log_probabilities(
        row: &[f32],
        target: Option<usize>,
        weight: f64,
        mode: Mode,
    ) -> Self {
        let log_probability = target.map_or(0.0, |target| f64::from(row[target]));
        Self {
            softmax: Softmax { maximum: 0.0, rest: 0.0 },
            distance: product(weight, -log_probability, mode),
            weight,
            contributes: weight != 0.0,
            target_log_probability: log_probability,
            entropy: f64::NAN,
            argmax: 0,
            target_rank: row.len(),
        }
    }

    /// `sum_c u_c (lse - y_c)`.
    pub(super) fn loss(&self) -> f64 {
        if self.softmax.is_undefined() {
            return f64::NAN;
        }
        self.distance + self.weight * self.softmax.rest.ln_1p()
    }
}
