//! Softmax, log-softmax and their gradients.

use wgpu_loss::{Logits, OwnedValues, Softmax};

use super::row::{Row, Transform};
use super::tolerance::{FLUSHED, PER_EXPONENT, Tolerance};
use super::{Comparison, Matrices};

impl Comparison {
    pub(in super::super) fn softmax(
        &mut self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
        found: &OwnedValues,
        expected: &[f64],
    ) {
        let element = options.element.unwrap_or(logits.element());
        let what = match (upstream.is_some(), options.log) {
            (false, false) => "softmax",
            (false, true) => "log-softmax",
            (true, false) => "gradient of softmax",
            (true, true) => "gradient of log-softmax",
        };
        let Some(matrices) = self.matrices(what, logits.shape(), element, found, expected) else {
            return;
        };
        for i in 0..logits.rows() {
            let Some(row) = Row::of(&logits.row(i), Transform::IDENTITY) else {
                self.softmax_row(what, &matrices, i, |_| (Tolerance::EXACT, 0.0));
                continue;
            };
            match upstream.map(|upstream| upstream.row(i)) {
                None if options.log => self.softmax_row(what, &matrices, i, |class| {
                    let tolerance = row.log_probability_tolerance(class);
                    (tolerance, tolerance.scale)
                }),
                None => self.softmax_row(what, &matrices, i, |class| {
                    (exponential(&row, class, row.probability(class)), 1.0)
                }),
                Some(upstream) => {
                    self.softmax_gradient_row(what, &matrices, i, &row, &upstream, options)
                }
            }
        }
    }

    fn softmax_gradient_row(
        &mut self,
        what: &str,
        matrices: &Matrices<'_>,
        i: usize,
        row: &Row,
        upstream: &[f32],
        options: &Softmax,
    ) {
        // That of softmax depends on differences alone: relative to the smallest, equal ones are 0.
        let smallest = upstream.iter().copied().min_by(|a, b| a.abs().total_cmp(&b.abs()));
        let reference = match options.log {
            true => 0.0,
            false => f64::from(smallest.filter(|value| value.is_finite()).unwrap_or(0.0)),
        };
        let size = |class: usize| (f64::from(upstream[class]) - reference).abs();
        // `p (g - sum p g)`, `g - p sum g`: relative to the absolute values of what they sum.
        let weight = |class| if options.log { 1.0 } else { row.probability(class) };
        let sum: f64 = (0..upstream.len()).map(|class| weight(class) * size(class)).sum();
        self.softmax_row(what, matrices, i, |class| {
            let terms = sum * row.probability(class);
            match options.log {
                true => (exponential(row, class, terms) + Tolerance::of(size(class)), sum),
                false => {
                    let own = row.probability(class) * size(class);
                    (exponential(row, class, terms + own), sum + size(class))
                }
            }
        });
    }

    /// `tolerance` is that of a class, with what its error is measured by.
    fn softmax_row(
        &mut self,
        what: &str,
        matrices: &Matrices<'_>,
        i: usize,
        tolerance: impl Fn(usize) -> (Tolerance, f64),
    ) {
        for class in 0..matrices.shape.classes {
            let (found, expected) = matrices.get(i, class);
            let (tolerance, unit) = tolerance(class);
            let name = || format!("{what} at row {i}, class {class}");
            self.element(found, expected, matrices.element, tolerance, unit, name);
        }
    }
}

/// Of something that is a multiple of a class's exponential, and as large as `terms`.
fn exponential(row: &Row, class: usize, terms: f64) -> Tolerance {
    // The exponential of -inf is 0.
    if row.distance(class) == f64::INFINITY {
        return Tolerance::EXACT;
    }
    let multiple = match row.probability(class) {
        0.0 => 1.0,
        probability => terms / probability,
    };
    let size = terms * (1.0 + PER_EXPONENT * row.distance(class).min(88.0));
    Tolerance::of(size).and(multiple * FLUSHED + terms * row.flushed)
}
