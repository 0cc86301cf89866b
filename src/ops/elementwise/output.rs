//! What an element-wise loss returns.

use crate::element::OwnedValues;

/// Results of an element-wise loss: those of an engine in `f32` with gradients of any element type,
/// those of the oracle in `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct ElementwiseOutput<T = f32, G = OwnedValues> {
    /// One for each row, one for each column, or one; unreduced one for each element, shaped as the
    /// input but contiguous.
    pub values: Vec<T>,
    /// What each weighted mean was divided by.
    pub denominator: Option<Vec<T>>,
    /// Positives and negatives, where asked for.
    pub counts: Option<BinaryCounts>,
    /// The gradient with respect to the input, shaped as it is but contiguous, where asked for.
    pub gradient: Option<G>,
    /// The gradient with respect to the variance, where there is one for each element.
    pub variance_gradient: Option<G>,
}

/// How many positives and negatives were taken for what they are; elements of weight 0 are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BinaryCounts {
    /// Positives taken for positives.
    pub true_positives: u64,
    /// Negatives taken for positives.
    pub false_positives: u64,
    /// Negatives taken for negatives.
    pub true_negatives: u64,
    /// Positives taken for negatives.
    pub false_negatives: u64,
}

impl BinaryCounts {
    /// One element's.
    #[cfg(feature = "cpu")]
    pub(crate) fn add(&mut self, input: f32, target: f32, threshold: f32) {
        let count = match (input > threshold, target > 0.5) {
            (true, true) => &mut self.true_positives,
            (true, false) => &mut self.false_positives,
            (false, false) => &mut self.true_negatives,
            (false, true) => &mut self.false_negatives,
        };
        *count += 1;
    }

    /// Elements counted.
    pub const fn total(&self) -> u64 {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    /// Part of the elements that were taken for what they are; NaN of none.
    pub fn accuracy(&self) -> f64 {
        (self.true_positives + self.true_negatives) as f64 / self.total() as f64
    }

    /// Part of those taken for positives that are; NaN where nothing was.
    pub fn precision(&self) -> f64 {
        self.true_positives as f64 / (self.true_positives + self.false_positives) as f64
    }

    /// Part of the positives that were taken for such; NaN where there are none.
    pub fn recall(&self) -> f64 {
        self.true_positives as f64 / (self.true_positives + self.false_negatives) as f64
    }
}
