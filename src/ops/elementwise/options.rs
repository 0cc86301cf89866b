//! What a caller may ask of an element-wise loss.

use super::LossFunction;
use crate::axis::Axis;
use crate::element::Element;
use crate::ops::cross_entropy::Mode;

/// How the losses of elements are put together; along which axis is [`ElementwiseLoss::axis`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ElementwiseReduction {
    /// They are not: a weighted loss for each element.
    None,
    /// `sum_i w_i L_i`.
    Sum,
    /// `sum_i w_i L_i / n`, `n` the number of elements: weights stay out of the denominator, as in
    /// PyTorch's binary cross-entropy.
    #[default]
    Mean,
    /// `sum_i w_i L_i / sum_i w_i`, as PyTorch's weighted `mse_loss`.
    WeightedMean,
    /// The sum over all elements divided by the number of rows, as PyTorch's `batchmean`: a
    /// divergence is a sum over each row. For [`Axis::All`] alone.
    BatchMean,
}

/// Options of an element-wise loss.
///
/// Under [`Mode::Strict`] an infinite loss that is multiplied by a weight of 0, or a logarithm of 0
/// that is multiplied by a probability of 0 in binary cross-entropy, is NaN as in PyTorch; under
/// [`Mode::Masked`] both count 0, elements of weight 0 get zero gradients whatever they hold, and a
/// mean over nothing is 0. Divergences, entropy and cross-entropy of probabilities take
/// `0 log 0 = 0` in both.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Elementwise, ElementwiseLoss, Engine, Logits, LossFunction, cpu};
/// // A positive that is thought positive with probability 0.8, and with 0.2.
/// let probabilities = Logits::new(&[0.8, 0.2], 2, 1)?;
/// let targets = Logits::new(&[1.0, 1.0], 2, 1)?;
/// let loss = ElementwiseLoss::unreduced(LossFunction::BinaryCrossEntropy);
/// let out = cpu::Fast.elementwise_loss(&Elementwise::new(probabilities, targets), &loss)?;
/// assert_eq!(out.values, [0.22314353, 1.609438]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElementwiseLoss {
    /// What is computed of each element.
    pub function: LossFunction,
    /// How elements are put together. Default: the mean.
    pub reduction: ElementwiseReduction,
    /// Along which axis. Default: all elements make up one result.
    pub axis: Axis,
    /// `t (1-eps) + eps/2` in place of each target `t` of a binary loss; 0 to 1. Default: 0.
    pub label_smoothing: f32,
    /// What becomes of `0 * inf`. Default: NaN.
    pub mode: Mode,
    /// Counts positives and negatives of a binary loss, from the same read: elements whose input is
    /// above this are taken for positives (0 for logits, 0.5 for probabilities, is even odds), and
    /// elements whose target is above 0.5 are positives. Default: `None`, nothing is counted.
    pub threshold: Option<f32>,
    /// The gradients' element type. Default: `None`, that of the input.
    pub gradient_element: Option<Element>,
}

impl ElementwiseLoss {
    /// The mean of a function; everything else as the defaults.
    pub const fn new(function: LossFunction) -> Self {
        Self {
            function,
            reduction: ElementwiseReduction::Mean,
            axis: Axis::All,
            label_smoothing: 0.0,
            mode: Mode::Strict,
            threshold: None,
            gradient_element: None,
        }
    }

    /// A function's value for each element.
    pub const fn unreduced(function: LossFunction) -> Self {
        Self { reduction: ElementwiseReduction::None, ..Self::new(function) }
    }

    /// A function's sum over each row, such as the divergence of rows that are distributions.
    pub const fn of_rows(function: LossFunction) -> Self {
        Self { reduction: ElementwiseReduction::Sum, axis: Axis::EachRow, ..Self::new(function) }
    }
}
