//! What a reduction returns.

use crate::element::OwnedValues;

/// Results of a reduction: one for each row, one for each column, or one; of segments one for each
/// segment and column, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceOutput<T = f32, G = OwnedValues> {
    /// The sum, mean, sum of squares, maximum, minimum, or logarithm of the sum's magnitude.
    pub values: Vec<T>,
    /// Of [`Statistic::MeanAndVariance`](super::Statistic::MeanAndVariance).
    pub variance: Option<Vec<T>>,
    /// Of [`Statistic::LogSumExp`](super::Statistic::LogSumExp): 1, -1, 0 where the sum is 0, NaN
    /// where it is NaN.
    pub sign: Option<Vec<T>>,
    /// What a mean was divided by: the sum of the weights, or the number of those that are not 0.
    /// Of [`Statistic::Mean`](super::Statistic::Mean) and
    /// [`Statistic::MeanAndVariance`](super::Statistic::MeanAndVariance).
    pub denominator: Option<Vec<T>>,
    /// The gradient with respect to the values, shaped as they are but contiguous.
    pub gradient: Option<G>,
    /// The gradient with respect to the weights: for each row, for each column, or for each value,
    /// contiguous.
    pub weight_gradient: Option<Vec<T>>,
}
