//! Log-sum-exp and its gradient.

use wgpu_loss::{LogSumExp, LogSumExpOutput, Logits, Upstream};

use super::Comparison;
use super::gradient::{ClassTolerance, RowTolerance};
use super::row::{Row, Transform};
use super::tolerance::Tolerance;

impl Comparison {
    pub(in super::super) fn log_sum_exp(
        &mut self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
        found: &LogSumExpOutput,
        expected: &LogSumExpOutput<f64, Vec<f64>>,
    ) {
        if !self.same_length("log-sum-exp", &found.log_sum_exp, &expected.log_sum_exp) {
            return;
        }
        let element = options.gradient_element.unwrap_or(logits.element());
        let matrices = self.both("gradient", &found.gradient, &expected.gradient).and_then(
            |(found, expected)| self.matrices("gradient", logits.shape(), element, found, expected),
        );
        for i in 0..logits.rows() {
            let row = Row::of(&logits.row(i), Transform::IDENTITY);
            let tolerance = row.as_ref().map_or(Tolerance::EXACT, Row::log_sum_exp_tolerance);
            let name = || format!("log-sum-exp of row {i}");
            self.close(found.log_sum_exp[i], expected.log_sum_exp[i], tolerance, name);
            let Some(matrices) = &matrices else { continue };
            let factor = f64::from(upstream.of_row(i)).abs();
            let tolerance = row.as_ref().map(|row| RowTolerance {
                factor,
                z_factor: 0.0,
                flushed: row.flushed,
                of_class: Box::new(move |class| ClassTolerance {
                    terms: factor * row.probability(class),
                    exponent: row.distance(class),
                    shift: 0.0,
                }),
                sum: None,
            });
            self.gradient_row("gradient", matrices, i, tolerance.as_ref());
        }
    }
}
