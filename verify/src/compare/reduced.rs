//! What is reduced over the rows, and what it is divided by.

use wgpu_loss::{CrossEntropyOutput, Mode, Reduction};

use super::coefficients::Denominators;
use super::row_values::RowTolerances;
use super::tolerance::Tolerance;
use super::{Comparison, Problem};

/// What sums over the rows are multiplied by: 1, or what the mean makes of them.
pub(super) struct Mean {
    pub(super) loss: f64,
    /// With what weights of either sign allow: their sum's error is relative to the absolute values.
    pub(super) z_loss: f64,
    /// How far the reported denominator is from the oracle's, relatively.
    pub(super) deviation: f64,
}

impl Mean {
    pub(super) fn new(reduction: Reduction, sums: &Denominators, found: f32) -> Self {
        if !reduction.is_mean() {
            return Self { loss: 1.0, z_loss: 1.0, deviation: 0.0 };
        }
        // A mean over nothing is NaN or 0, exactly.
        let quotient = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
        let deviation = (sums.loss / f64::from(found) - 1.0).abs();
        Self {
            loss: quotient(1.0, sums.loss.abs()),
            z_loss: quotient(quotient(sums.z_loss_terms, sums.z_loss.abs()), sums.z_loss.abs()),
            deviation: if deviation.is_finite() { deviation } else { 0.0 },
        }
    }
}

/// What the sums over the rows may be off by, and what they are.
#[derive(Default)]
pub(super) struct Sums {
    /// Without the z-loss, and of the z-loss.
    values: [f64; 2],
    loss: Tolerance,
    z_loss: Tolerance,
}

impl Sums {
    pub(super) fn add(&mut self, row: &RowTolerances) {
        let [loss, z_loss] = row.values;
        self.values = [self.values[0] + loss, self.values[1] + z_loss];
        self.loss = self.loss + row.loss;
        self.z_loss = self.z_loss + row.z_loss;
    }

    /// In masked mode a mean over nothing is 0 if the sum is 0, else NaN. Whether a sum of weights of
    /// either sign is 0 depends on rounding: `None`, it may be either. Else the mean, where it is
    /// one.
    fn means(&self, problem: &Problem<'_>, denominators: &Denominators) -> [Option<f64>; 2] {
        let parts = [(self.loss, denominators.loss), (self.z_loss, denominators.z_loss)];
        let is_masked_mean =
            problem.options.mode == Mode::Masked && problem.options.reduction.is_mean();
        std::array::from_fn(|part| {
            let (sum, (tolerance, denominator)) = (self.values[part], parts[part]);
            let is_zero = tolerance.scale > 0.0 && sum.abs() <= tolerance.allowed();
            let either = is_masked_mean && denominator == 0.0 && is_zero;
            let mean = if is_masked_mean && sum == 0.0 { 0.0 } else { sum / denominator };
            (!either).then_some(mean)
        })
    }
}

impl Comparison {
    /// Without weights that it is the sum of, a number of rows or of logits, exactly.
    pub(super) fn denominator(
        &mut self,
        problem: &Problem<'_>,
        sums: &Denominators,
        found: f32,
        expected: f64,
    ) {
        let targets = problem.targets;
        let weighted = (targets.row_weights.is_some() || targets.class_weights.is_some())
            && !problem.options.reduction.is_mean_by_size();
        let scale = if weighted { sums.loss_terms } else { 0.0 };
        self.close(found, expected, Tolerance::of(scale), || "denominator".into());
    }

    pub(super) fn reduced(
        &mut self,
        problem: &Problem<'_>,
        mean: &Mean,
        sums: &Sums,
        denominators: &Denominators,
        found: &CrossEntropyOutput,
        expected: &CrossEntropyOutput<f64, Vec<f64>>,
    ) {
        // Losses near the largest number: their sum overflows before the mean divides it.
        let main = (expected.loss - expected.z_loss) * denominators.loss;
        let overflows = problem.options.reduction.is_mean()
            && main.is_finite()
            && main.abs() > f64::from(f32::MAX);
        if overflows && found.loss.is_infinite() {
            return;
        }
        // Relative to the sums of the absolute values of the rows' terms.
        let z_loss = sums.z_loss * mean.z_loss;
        let means = sums.means(problem, denominators);
        let (mut expected_loss, mut expected_z_loss) = (expected.loss, expected.z_loss);
        if means.contains(&None) {
            // Either is as good: what is not NaN is judged with 0 for the part that is not known.
            let known = |part: Option<f64>| part.unwrap_or(0.0);
            expected_loss =
                if found.loss.is_nan() { f64::NAN } else { known(means[0]) + known(means[1]) };
            if means[1].is_none() {
                expected_z_loss = if found.z_loss.is_nan() { f64::NAN } else { 0.0 };
            }
        }
        self.close(found.z_loss, expected_z_loss, z_loss, || "z-loss".into());
        let deviation = (expected.loss - expected.z_loss).abs() * mean.deviation;
        let loss = sums.loss * mean.loss + z_loss;
        let loss = if deviation > 0.0 { loss.and(deviation) } else { loss };
        self.close(found.loss, expected_loss, loss, || "loss".into());
    }
}
