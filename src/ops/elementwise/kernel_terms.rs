//! What kernels are told of an element-wise loss.

use super::ElementwiseLayout;
use crate::kernel::loss::LossKind;
use crate::kernel::parameters::ReduceParameters;
use crate::ops::elementwise::{ElementwiseLoss, ElementwiseReduction, LossFunction};
use crate::weights::WeightLayout;

impl LossFunction {
    /// The module that is linked.
    pub(super) fn kind(&self) -> LossKind {
        match *self {
            Self::BinaryCrossEntropyWithLogits => LossKind::BinaryCrossEntropyWithLogits,
            Self::BinaryCrossEntropy => LossKind::BinaryCrossEntropy,
            Self::SigmoidFocal { .. } => LossKind::SigmoidFocal,
            Self::KlDivergence { log_target } => LossKind::KlDivergence { log_target },
            Self::SquaredError => LossKind::SquaredError,
            Self::AbsoluteError => LossKind::AbsoluteError,
            Self::Huber { .. } => LossKind::Huber,
            Self::PoissonNll { log_input, full, .. } => LossKind::PoissonNll { log_input, full },
            Self::GaussianNll { .. } => LossKind::GaussianNll,
            Self::Entropy => LossKind::Entropy,
            Self::CrossEntropyOfProbabilities => LossKind::CrossEntropyOfProbabilities,
            Self::KlDivergenceOfProbabilities => LossKind::KlDivergenceOfProbabilities,
            Self::Custom(custom) => LossKind::Custom(custom.module()),
        }
    }

    /// `parameters.loss` of the modules.
    fn numbers(&self) -> [f32; 4] {
        match *self {
            Self::SigmoidFocal { alpha, gamma } => {
                let (positive, negative) = alpha.map_or((1.0, 1.0), |alpha| (alpha, 1.0 - alpha));
                [positive, negative, gamma, 0.0]
            }
            Self::Huber { delta } => [delta, 0.0, 0.0, 0.0],
            Self::PoissonNll { epsilon, .. } => [epsilon, 0.0, 0.0, 0.0],
            Self::GaussianNll { full, epsilon } => {
                let constant = 0.5 * (2.0 * std::f64::consts::PI).ln();
                [epsilon, if full { constant as f32 } else { 0.0 }, 0.0, 0.0]
            }
            Self::Custom(custom) => custom.parameters,
            _ => [0.0; 4],
        }
    }
}

impl ElementwiseLoss {
    /// What kernels are told whatever they do; `upstream`: the number that all elements share.
    pub(super) fn parameters(&self, layout: &ElementwiseLayout, upstream: f32) -> ReduceParameters {
        let is_weighted = layout.weights != WeightLayout::None;
        // Without weights their sum is the number of elements.
        let divisor = match self.reduction {
            ElementwiseReduction::WeightedMean if !is_weighted => Some(self.elements(layout.input)),
            _ => self.divisor(layout.input),
        };
        let share = divisor.map_or(1.0, |divisor| 1.0 / divisor as f64);
        let high = divisor.unwrap_or(1) as f32;
        let smoothing = f64::from(self.label_smoothing);
        ReduceParameters {
            loss: self.function.numbers(),
            target_scale: (1.0 - smoothing) as f32,
            target_shift: (0.5 * smoothing) as f32,
            threshold: self.threshold.unwrap_or(0.0),
            divisor_high: high,
            divisor_low: (divisor.unwrap_or(1) as f64 - f64::from(high)) as f32,
            upstream: (f64::from(upstream) * share) as f32,
            ..Default::default()
        }
    }
}
