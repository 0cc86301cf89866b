//! The values of each row.

use wgpu_loss::CrossEntropyOutput;

use super::row::Row;
use super::tolerance::Tolerance;
use super::{Comparison, Problem};

/// The results that have a value for each row, found and expected.
pub(super) struct RowResults<'a> {
    loss: Option<(&'a [f32], &'a [f64])>,
    log_sum_exp: Option<(&'a [f32], &'a [f64])>,
    target_log_probability: Option<(&'a [f32], &'a [f64])>,
    entropy: Option<(&'a [f32], &'a [f64])>,
    pub(super) argmax: Option<(&'a [u32], &'a [u32])>,
    pub(super) target_rank: Option<(&'a [u32], &'a [u32])>,
    z_loss: Option<(&'a [f32], &'a [f64])>,
}

impl RowResults<'_> {
    /// Whether there are results that follow from the order of a row's logits.
    pub(super) fn have_order(&self) -> bool {
        self.argmax.is_some() || self.target_rank.is_some()
    }
}

/// What one row's results may be off by.
#[derive(Clone, Copy)]
pub(super) struct RowTolerances {
    /// The row's loss without the z-loss, and its z-loss.
    pub(super) values: [f64; 2],
    /// Without the z-loss.
    pub(super) loss: Tolerance,
    pub(super) z_loss: Tolerance,
    log_sum_exp: Tolerance,
    target_log_probability: Tolerance,
    entropy: Tolerance,
}

impl RowTolerances {
    const EXACT: Self = Self {
        values: [0.0; 2],
        loss: Tolerance::EXACT,
        z_loss: Tolerance::EXACT,
        log_sum_exp: Tolerance::EXACT,
        target_log_probability: Tolerance::EXACT,
        entropy: Tolerance::EXACT,
    };

    /// Of a row whose softmax is undefined.
    pub(super) fn of_undefined(problem: &Problem<'_>, i: usize) -> Self {
        let loss = if problem.row_weight(i) == 0.0 { 0.0 } else { f64::NAN };
        Self { values: [loss; 2], ..Self::EXACT }
    }

    /// Of log-probabilities, of which the target's alone is looked at.
    pub(super) fn of_log_probabilities(problem: &Problem<'_>, i: usize, stored: &[f32]) -> Self {
        let Some(target) = problem.target(i) else { return Self::EXACT };
        let own = Tolerance::of(f64::from(stored[target]).abs());
        let weight = problem.class_weight(target) * problem.row_weight(i);
        let values = [-weight * f64::from(stored[target]), 0.0];
        Self { values, loss: own * weight, target_log_probability: own, ..Self::EXACT }
    }

    pub(super) fn of_logits(
        problem: &Problem<'_>,
        i: usize,
        row: &Row,
        coefficients: &[f64],
    ) -> Self {
        // Relative to the sum of the terms' absolute values: weights may be of either sign.
        let (mut loss, mut value) = (Tolerance::EXACT, 0.0);
        for (class, &coefficient) in coefficients.iter().enumerate().filter(|it| *it.1 != 0.0) {
            let term = row.log_probability_tolerance(class);
            value += coefficient * term.scale;
            loss = loss + term * coefficient;
        }
        let log_sum_exp = row.log_sum_exp_tolerance();
        let (lse, error) = (row.log_sum_exp(), log_sum_exp.allowed());
        // v z lse^2: rounding, and what the log-sum-exp's own error makes of it.
        let square = Tolerance::of(lse * lse).and(2.0 * lse.abs() * error + error * error);
        let (weight, z) = (problem.row_weight(i), f64::from(problem.options.z_loss));
        Self {
            values: [weight * value, weight * z * lse * lse],
            loss: loss * weight,
            z_loss: square * z * weight,
            log_sum_exp,
            target_log_probability: problem
                .target(i)
                .map_or(Tolerance::EXACT, |target| row.log_probability_tolerance(target)),
            entropy: row.entropy_tolerance(),
        }
    }
}

impl Comparison {
    /// `None` where a length is wrong.
    pub(super) fn row_results<'a>(
        &mut self,
        found: &'a CrossEntropyOutput,
        expected: &'a CrossEntropyOutput<f64, Vec<f64>>,
    ) -> Option<RowResults<'a>> {
        let results = RowResults {
            loss: self.rows("row loss", &found.loss_rows, &expected.loss_rows),
            log_sum_exp: self.rows("row log-sum-exp", &found.log_sum_exp, &expected.log_sum_exp),
            target_log_probability: self.rows(
                "target log-probability",
                &found.target_log_probability,
                &expected.target_log_probability,
            ),
            entropy: self.rows("entropy", &found.entropy, &expected.entropy),
            argmax: self.rows("argmax", &found.argmax, &expected.argmax),
            target_rank: self.rows("target rank", &found.target_rank, &expected.target_rank),
            z_loss: self.rows("row z-loss", &found.z_loss_rows, &expected.z_loss_rows),
        };
        self.failure.is_none().then_some(results)
    }

    /// Judges a row's values.
    pub(super) fn row_values(
        &mut self,
        i: usize,
        results: &RowResults<'_>,
        tolerances: &RowTolerances,
    ) {
        let values = [
            ("loss", results.loss, tolerances.loss + tolerances.z_loss),
            ("z-loss", results.z_loss, tolerances.z_loss),
            ("log-sum-exp", results.log_sum_exp, tolerances.log_sum_exp),
            (
                "target log-probability",
                results.target_log_probability,
                tolerances.target_log_probability,
            ),
            ("entropy", results.entropy, tolerances.entropy),
        ];
        for (what, values, tolerance) in values {
            if let Some((found, expected)) = values {
                self.close(found[i], expected[i], tolerance, || format!("{what} of row {i}"));
            }
        }
    }
}
