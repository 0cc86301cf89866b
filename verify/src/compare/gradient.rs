//! One row of a gradient.

use wgpu_loss::Element;

use super::tolerance::{FLUSHED, PER_EXPONENT, ROW_SUM_TOLERANCE, TOLERANCE, Tolerance};
use super::{Comparison, Matrices};

/// What a row of a gradient may be off by.
pub(super) struct RowTolerance<'a> {
    /// What the row's `softmax - one-hot` is multiplied by.
    pub(super) factor: f64,
    /// The same of the part that does not sum to 0, which is that of the z-loss.
    pub(super) z_factor: f64,
    /// How much of the sum of exponentials may be missing.
    pub(super) flushed: f64,
    pub(super) of_class: Box<dyn Fn(usize) -> ClassTolerance + 'a>,
    /// What the row's sum may be off by beside rounding; `None`: it is not judged.
    pub(super) sum: Option<f64>,
}

/// What one value of a gradient may be off by, beside the row's factor.
#[derive(Clone, Copy)]
pub(super) struct ClassTolerance {
    /// Sum of the absolute values of its terms.
    pub(super) terms: f64,
    /// The exponent of its exponential.
    pub(super) exponent: f64,
    /// By how much the rounding of transformed logits may shift it.
    pub(super) shift: f64,
}

impl Comparison {
    /// Judges each value and, in single precision, the row's sum. Without a tolerance there are only
    /// special values and zeros.
    pub(super) fn gradient_row(
        &mut self,
        what: &str,
        matrices: &Matrices<'_>,
        row: usize,
        tolerance: Option<&RowTolerance<'_>>,
    ) {
        let classes = matrices.shape.classes;
        let (mut found_sum, mut expected_sum) = (0.0, 0.0);
        for class in 0..classes {
            let (found, expected) = matrices.get(row, class);
            let (of_value, unit) = match tolerance {
                Some(tolerance) => tolerance.of_value(class),
                None => (Tolerance::EXACT, 0.0),
            };
            let name = || format!("{what} at row {row}, class {class}");
            self.element(found, expected, matrices.element, of_value, unit, name);
            found_sum += f64::from(found);
            expected_sum += expected;
        }
        let Some((tolerance, beside)) = tolerance.and_then(|it| Some((it, it.sum?))) else {
            return;
        };
        let difference = (found_sum - expected_sum).abs();
        let allowed = ROW_SUM_TOLERANCE * (tolerance.factor + tolerance.z_factor)
            // The z-loss's part sums to lse, which has an error of its own.
            + TOLERANCE * tolerance.z_factor
            + beside;
        let is_judged = matrices.element == Element::F32 && found_sum.is_finite();
        if is_judged && difference > allowed {
            self.fail(|| {
                format!("{what} of row {row} sums to {found_sum:e}, expected {expected_sum:e}")
            });
        }
    }
}

impl RowTolerance<'_> {
    /// The tolerance of one value, and what its error is measured by.
    fn of_value(&self, class: usize) -> (Tolerance, f64) {
        let factor = self.factor + self.z_factor;
        if !(factor.is_finite() && factor > 0.0) {
            return (Tolerance::EXACT, 0.0);
        }
        let ClassTolerance { terms, exponent, shift } = (self.of_class)(class);
        // The exponential of -inf is 0.
        if terms == 0.0 && exponent == f64::INFINITY {
            return (Tolerance::EXACT, factor);
        }
        // Among many classes most probabilities are below the tolerance of the factor: they must
        // have the right size too.
        let size = terms * (1.0 + PER_EXPONENT * exponent.min(88.0));
        let extra = shift + factor * (FLUSHED + self.flushed);
        (Tolerance { scale: factor.min(size), extra }, factor)
    }
}
