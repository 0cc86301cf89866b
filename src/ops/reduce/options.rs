//! What a caller may ask of a reduction.

use crate::axis::Axis;
use crate::element::Element;
use crate::ops::cross_entropy::Mode;

/// What is computed of values `x_i` and weights `w_i`, which are 1 where there are none.
///
/// | | result | over nothing |
/// |---|---|---|
/// | `Sum` | `sum_i w_i x_i` | 0 |
/// | `Mean` | `sum_i w_i x_i / D`; see [`Denominator`] | NaN |
/// | `SumOfSquares` | `sum_i w_i x_i^2` | 0 |
/// | `MeanAndVariance` | the mean `m` with `D = sum_i w_i`, and `sum_i w_i (x_i - m)^2 / (D - correction)` | NaN |
/// | `Max`, `Min` | of the values whose weight is not 0; NaN where one of them is | -inf, +inf |
/// | `LogSumExp` | `log abs(s)` and the sign of `s = sum_i w_i exp(x_i)`, as `scipy.special.logsumexp(x, b=w, return_sign=True)` | -inf, sign 0 |
///
/// Sources of the formulas: NumPy's `average` (weighted mean), PyTorch's `var` (`correction`), SciPy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Statistic {
    /// The weighted sum.
    #[default]
    Sum,
    /// The weighted mean.
    Mean,
    /// The weighted sum of squares.
    SumOfSquares,
    /// The weighted mean and variance, from one read of the values.
    MeanAndVariance {
        /// What is taken off the sum of the weights before the variance is divided by it: 0 for the
        /// variance of the values themselves, 1 for the unbiased estimate from a sample. Where the
        /// difference is not above 0 the variance is NaN.
        correction: f32,
    },
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
    /// The logarithm of the weighted sum of exponentials. Values whose weight is 0 are left out.
    LogSumExp,
}

/// What a weighted mean is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Denominator {
    /// The sum of the weights; the number of values where there are none. NaN mean where it is 0.
    #[default]
    Weights,
    /// The number of weights that are not 0, TensorFlow's `SUM_BY_NONZERO_WEIGHTS`. NaN mean where
    /// it is 0.
    NonzeroWeights,
}

/// Options of a reduction.
///
/// Under [`Mode::Strict`] `0 * inf` and `0 * NaN` are NaN. Under [`Mode::Masked`] values of weight 0
/// are left out whatever they are, and a mean whose sum and denominator are both 0 is 0 (its
/// variance, too). `Max`, `Min` and `LogSumExp` leave them out in both.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Axis, Engine, Logits, Reduce, Statistic, Weights, cpu};
/// let values = Logits::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3)?;
/// let weights = Weights::PerColumn(&[1.0, 0.0, 3.0]);
/// let mean = Reduce { statistic: Statistic::Mean, axis: Axis::EachRow, ..Default::default() };
/// assert_eq!(cpu::Fast.reduce(values, weights, &mean)?.values, [2.5, 5.5]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reduce {
    /// What is computed. Default: the sum.
    pub statistic: Statistic,
    /// Of which values. Default: all of them.
    pub axis: Axis,
    /// What becomes of `0 * inf`. Default: NaN.
    pub mode: Mode,
    /// What [`Statistic::Mean`] is divided by. Default: the sum of the weights.
    pub denominator: Denominator,
    /// The element type of the gradient with respect to the values. Default: `None`, theirs.
    pub gradient_element: Option<Element>,
    /// Whether there is, beside the gradient with respect to the values, one with respect to the
    /// weights. Default: no.
    pub weight_gradient: bool,
}

impl Reduce {
    /// A statistic along an axis; everything else as the defaults.
    pub fn new(statistic: Statistic, axis: Axis) -> Self {
        Self { statistic, axis, ..Self::default() }
    }
}
