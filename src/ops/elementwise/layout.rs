//! The forms of an element-wise loss's operands.

use super::ElementwiseUpstreamLayout;
use crate::logits::Shape;
use crate::ops::GradientPlace;
use crate::weights::WeightLayout;

/// The forms of the operands: what a plan needs to know of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElementwiseLayout {
    /// The input's.
    pub input: Shape,
    /// The target's, where there is one: of the same rows, columns and rows side by side, with a row
    /// stride and an element type of its own.
    pub target: Option<Shape>,
    /// The weights'.
    pub weights: WeightLayout,
    /// Those of the weights of positives.
    pub positive_weights: WeightLayout,
    /// The variance's.
    pub variance: WeightLayout,
}

impl ElementwiseLayout {
    /// Input and target, without weights.
    pub const fn new(input: Shape, target: Shape) -> Self {
        Self { target: Some(target), ..Self::of_input(input) }
    }

    /// An input without a target.
    pub const fn of_input(input: Shape) -> Self {
        Self {
            input,
            target: None,
            weights: WeightLayout::None,
            positive_weights: WeightLayout::None,
            variance: WeightLayout::None,
        }
    }

    /// Whether there is a variance for each element, which has a gradient of its own.
    pub(crate) fn has_variance_of_elements(&self) -> bool {
        matches!(self.variance, WeightLayout::PerElement(_))
    }

    /// The weights of positives, or the variance: no function has both.
    pub(super) fn third(&self) -> WeightLayout {
        match self.variance {
            WeightLayout::None => self.positive_weights,
            variance => variance,
        }
    }
}

/// Which part of an element-wise loss a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementwisePass {
    /// The loss alone.
    Forward,
    /// Loss and gradient, from one read of the operands; but a mean that is divided by the sum of
    /// its weights reads these twice, and columns, or rows that lie side by side, have gradients of
    /// half precision from a second read of everything, as does a device that cannot bind all
    /// operands at a time.
    Fused {
        /// Where the gradient goes.
        gradient: GradientPlace,
        /// Where the upstream gradient comes from.
        upstream: ElementwiseUpstreamLayout,
    },
    /// The gradient alone. That of a mean divided by the sum of its weights reads the results of a
    /// forward.
    Backward {
        /// Where the gradient goes.
        gradient: GradientPlace,
        /// Where the upstream gradient comes from.
        upstream: ElementwiseUpstreamLayout,
    },
}

impl ElementwisePass {
    /// The gradient's place and source, where there is a gradient.
    pub(super) fn gradient(&self) -> Option<(GradientPlace, ElementwiseUpstreamLayout)> {
        match *self {
            Self::Forward => None,
            Self::Fused { gradient, upstream } | Self::Backward { gradient, upstream } => {
                Some((gradient, upstream))
            }
        }
    }
}
