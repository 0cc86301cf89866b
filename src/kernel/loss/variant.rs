//! Every choice that makes one kernel of an element-wise loss differ from another.

use super::CustomModule;
use crate::element::Element;
use crate::kernel::reduce::WeightsKind;
use crate::kernel::{Access, Geometry, GradientKind};

/// A loss as kernels tell it apart: the module that is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // as in `LossFunction`
pub enum LossKind {
    BinaryCrossEntropyWithLogits,
    BinaryCrossEntropy,
    SigmoidFocal,
    KlDivergence { log_target: bool },
    SquaredError,
    AbsoluteError,
    Huber,
    PoissonNll { log_input: bool, full: bool },
    GaussianNll,
    Entropy,
    CrossEntropyOfProbabilities,
    KlDivergenceOfProbabilities,
    Custom(CustomModule),
}

impl LossKind {
    /// All that come with the crate.
    pub const ALL: [Self; 16] = [
        Self::BinaryCrossEntropyWithLogits,
        Self::BinaryCrossEntropy,
        Self::SigmoidFocal,
        Self::KlDivergence { log_target: false },
        Self::KlDivergence { log_target: true },
        Self::SquaredError,
        Self::AbsoluteError,
        Self::Huber,
        Self::PoissonNll { log_input: false, full: false },
        Self::PoissonNll { log_input: false, full: true },
        Self::PoissonNll { log_input: true, full: false },
        Self::PoissonNll { log_input: true, full: true },
        Self::GaussianNll,
        Self::Entropy,
        Self::CrossEntropyOfProbabilities,
        Self::KlDivergenceOfProbabilities,
    ];

    /// Whether there is a target.
    pub const fn has_target(self) -> bool {
        !matches!(self, Self::Entropy)
    }
}

/// The gradient of an element-wise loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LossGradient {
    /// Where that in the input goes.
    pub place: GradientKind,
    /// Where the upstream gradient is, beside a number that all share.
    pub upstream: WeightsKind,
    /// Divided by the denominators that a forward left.
    pub divides: bool,
    /// There is one in the variance, too, of this element type.
    pub of_third: Option<Element>,
}

/// An element-wise loss: what becomes of an input before it is added up or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LossTerm {
    /// Which loss.
    pub kind: LossKind,
    /// Targets are smoothed.
    pub smoothed: bool,
    /// How targets are stored, where there are any.
    pub target: Option<Element>,
    /// Where the weights of positives, or the variances, are.
    pub third: WeightsKind,
    /// Positives and negatives are counted.
    pub counts: bool,
    /// The gradient that is written.
    pub gradient: Option<LossGradient>,
}

/// A kernel that writes each element's loss or gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LossesVariant {
    /// Of what.
    pub term: LossTerm,
    /// How inputs are stored.
    pub element: Element,
    /// Where weights are.
    pub weights: WeightsKind,
    /// Weights of 0 hide what they multiply.
    pub masked: bool,
    /// How operands are addressed.
    pub access: Access,
    /// Lanes of a run, runs of a workgroup.
    pub geometry: Geometry,
    /// The losses themselves are written.
    pub writes_losses: bool,
}
