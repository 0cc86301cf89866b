//! What element-wise losses are computed from, in host memory.

use super::ElementwiseLayout;
use crate::logits::Logits;
use crate::weights::{WeightLayout, Weights};

/// Operands of an element-wise loss, in host memory.
///
/// Input, target and whatever has a value for each element are `(rows, columns)`, or
/// `(outer, columns, inner)` with rows side by side; each has a row stride and an element type of
/// its own.
#[derive(Clone, Copy, Debug)]
pub struct Elementwise<'a> {
    /// The input `x`: logits, log-probabilities, probabilities or predictions, as the function says.
    pub input: Logits<'a>,
    /// The target `t`; `None` for a function without.
    pub target: Option<Logits<'a>>,
    /// What each element's loss is multiplied by.
    pub weights: Weights<'a>,
    /// What the loss of positives is multiplied by, of
    /// [`BinaryCrossEntropyWithLogits`](super::LossFunction::BinaryCrossEntropyWithLogits) alone:
    /// PyTorch's `pos_weight`.
    pub positive_weights: Weights<'a>,
    /// The variance of [`GaussianNll`](super::LossFunction::GaussianNll): one for each row, for each
    /// column or for each element.
    pub variance: Weights<'a>,
}

impl<'a> Elementwise<'a> {
    /// Input and target, without weights.
    pub fn new(input: Logits<'a>, target: Logits<'a>) -> Self {
        Self { target: Some(target), ..Self::of_input(input) }
    }

    /// An input without a target.
    pub fn of_input(input: Logits<'a>) -> Self {
        Self {
            input,
            target: None,
            weights: Weights::None,
            positive_weights: Weights::None,
            variance: Weights::None,
        }
    }

    /// The forms, without the numbers.
    pub fn layout(&self) -> ElementwiseLayout {
        ElementwiseLayout {
            input: self.input.shape(),
            target: self.target.map(|target| target.shape()),
            weights: self.weights.layout(),
            positive_weights: self.positive_weights.layout(),
            variance: self.variance.layout(),
        }
    }

    /// The same with weights.
    pub fn with_weights(self, weights: Weights<'a>) -> Self {
        Self { weights, ..self }
    }

    /// The same with weights of positives.
    pub fn with_positive_weights(self, positive_weights: Weights<'a>) -> Self {
        Self { positive_weights, ..self }
    }

    /// The same with a variance.
    pub fn with_variance(self, variance: Weights<'a>) -> Self {
        Self { variance, ..self }
    }
}

/// The upstream gradient of an element-wise loss.
#[derive(Clone, Copy, Debug)]
pub enum ElementwiseUpstream<'a> {
    /// One factor for all.
    Scalar(f32),
    /// A factor for each row: of results that are rows', or of an unreduced loss.
    PerRow(&'a [f32]),
    /// A factor for each column: of results that are columns', or of an unreduced loss.
    PerColumn(&'a [f32]),
    /// A factor for each element of an unreduced loss: shaped as the input, with a row stride and
    /// an element type of its own.
    PerElement(Logits<'a>),
}

impl Default for ElementwiseUpstream<'_> {
    fn default() -> Self {
        Self::Scalar(1.0)
    }
}

impl<'a> ElementwiseUpstream<'a> {
    /// Its form.
    pub fn layout(&self) -> ElementwiseUpstreamLayout {
        match self {
            Self::Scalar(_) => ElementwiseUpstreamLayout::Scalar,
            _ => ElementwiseUpstreamLayout::Buffer(self.weights().layout()),
        }
    }

    /// All factors but a scalar, as weights of elements.
    pub fn weights(&self) -> Weights<'a> {
        match *self {
            Self::Scalar(_) => Weights::None,
            Self::PerRow(factors) => Weights::PerRow(factors),
            Self::PerColumn(factors) => Weights::PerColumn(factors),
            Self::PerElement(factors) => Weights::PerElement(factors),
        }
    }

    /// The scalar, or 1.
    pub fn scalar(&self) -> f32 {
        match self {
            Self::Scalar(factor) => *factor,
            _ => 1.0,
        }
    }
}

/// The form of an [`ElementwiseUpstream`]: what a plan needs to know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ElementwiseUpstreamLayout {
    /// A number given to `bind`.
    #[default]
    Scalar,
    /// A buffer with a factor for each row, column or element; of
    /// [`WeightLayout::None`], one factor for all.
    Buffer(WeightLayout),
}
