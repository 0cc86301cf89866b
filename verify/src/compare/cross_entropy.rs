//! Cross-entropy, row by row.

use wgpu_loss::CrossEntropyOutput;

use super::correct::Correct;
use super::reduced::{Mean, Sums};
use super::row::{Row, Transform};
use super::row_gradient::{RowFactors, of_log_probabilities, of_logits};
use super::row_values::RowTolerances;
use super::{Comparison, Problem};

impl Comparison {
    pub(in super::super) fn cross_entropy(
        &mut self,
        problem: &Problem<'_>,
        found: &CrossEntropyOutput,
        expected: &CrossEntropyOutput<f64, Vec<f64>>,
    ) {
        let options = problem.options;
        let denominators = problem.denominators();
        self.equal("counted", &found.counted, &expected.counted);
        self.denominator(problem, &denominators, found.denominator, expected.denominator);
        let mean = Mean::new(options.reduction, &denominators, found.denominator);
        let Some(results) = self.row_results(found, expected) else { return };
        let element = options.gradient_element.unwrap_or(problem.logits.element());
        let gradient = self.both("gradient", &found.gradient, &expected.gradient).and_then(
            |(found, expected)| {
                self.matrices("gradient", problem.logits.shape(), element, found, expected)
            },
        );
        let (transform, softmax) = (Transform::of(options), problem.takes_softmax());
        let (mut sums, mut correct) = (Sums::default(), Correct::default());
        for i in 0..problem.logits.rows() {
            let stored = problem.logits.row(i);
            if results.have_order() || found.correct.is_some() {
                self.order_of_row(problem, i, &stored, transform, &results, &mut correct);
            }
            let row = if softmax { Row::of(&stored, transform) } else { None };
            let coefficients = row.as_ref().map_or(Vec::new(), |_| problem.coefficients(i));
            let tolerances = match &row {
                Some(row) => RowTolerances::of_logits(problem, i, row, &coefficients),
                None if softmax => RowTolerances::of_undefined(problem, i),
                None => RowTolerances::of_log_probabilities(problem, i, &stored),
            };
            self.row_values(i, &results, &tolerances);
            sums.add(&tolerances);
            if let Some(gradient) = &gradient {
                let factors = RowFactors::new(problem, i, &mean);
                let tolerance = match &row {
                    Some(row) => Some(of_logits(problem, i, row, &coefficients, &factors)),
                    None if softmax => None,
                    None => Some(of_log_probabilities(problem, i, &factors)),
                };
                self.gradient_row("gradient", gradient, i, tolerance.as_ref());
            }
        }
        self.correct(problem, &found.correct, &expected.correct, &results, &correct);
        self.reduced(problem, &mean, &sums, &denominators, found, expected);
    }
}
