//! The table of element-wise losses on vectors. What is not finite, and what overflows single
//! precision, is left to the oracle: a formula only has to come out infinite or NaN there.

mod binary;
mod divergence;
mod itself;
mod likelihood;
mod regression;

use pulp::Simd;

use super::kernel::{CustomKernel, Formula, Kernel};
use crate::cpu::fast::lanes::Lanes;
use crate::ops::elementwise::{ElementwiseLoss, LossFunction};
use binary::{
    BinaryCrossEntropy, BinaryCrossEntropyWithLogits, FocalPower, SigmoidFocal, Smoothing,
};
use divergence::{
    CrossEntropyOfProbabilities, Entropy, KlDivergence, KlDivergenceOfLogarithms,
    KlDivergenceOfProbabilities,
};
pub(super) use itself::Itself;
use likelihood::{GaussianNll, PoissonNll};
use regression::{AbsoluteError, Huber, SquaredError};

/// Of finite inputs and targets; `third` is the weight of positives or the variance, or 1.
pub(super) trait Function: Sync {
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, third: Lanes<S>) -> Loss<S>;
}

/// Losses and their derivatives.
#[derive(Clone, Copy)]
pub(super) struct Loss<S: Simd> {
    pub(super) value: Lanes<S>,
    pub(super) derivative: Lanes<S>,
    /// With respect to the variance; anything where there is none.
    pub(super) of_variance: Lanes<S>,
}

impl<S: Simd> Loss<S> {
    #[inline(always)]
    fn new(value: Lanes<S>, derivative: Lanes<S>) -> Self {
        Self { value, derivative, of_variance: derivative }
    }
}

/// Calls with what computes a loss.
pub(super) fn with_kernel<T>(options: &ElementwiseLoss, call: impl FnOnce(&dyn Kernel) -> T) -> T {
    let smoothing = Smoothing::new(options.label_smoothing);
    match options.function {
        LossFunction::BinaryCrossEntropyWithLogits => {
            call(&Formula(BinaryCrossEntropyWithLogits { smoothing }))
        }
        LossFunction::BinaryCrossEntropy => call(&Formula(BinaryCrossEntropy { smoothing })),
        LossFunction::SigmoidFocal { alpha, gamma } => {
            let power = FocalPower::new(gamma);
            call(&Formula(SigmoidFocal { smoothing, alpha, gamma, power }))
        }
        LossFunction::KlDivergence { log_target: false } => call(&Formula(KlDivergence)),
        LossFunction::KlDivergence { log_target: true } => call(&Formula(KlDivergenceOfLogarithms)),
        LossFunction::SquaredError => call(&Formula(SquaredError)),
        LossFunction::AbsoluteError => call(&Formula(AbsoluteError)),
        LossFunction::Huber { delta } => call(&Formula(Huber { delta })),
        LossFunction::PoissonNll { log_input, full, epsilon } => {
            call(&Formula(PoissonNll { log_input, full, epsilon }))
        }
        LossFunction::GaussianNll { full, epsilon } => {
            call(&Formula(GaussianNll { full, epsilon }))
        }
        LossFunction::Entropy => call(&Formula(Entropy)),
        LossFunction::CrossEntropyOfProbabilities => call(&Formula(CrossEntropyOfProbabilities)),
        LossFunction::KlDivergenceOfProbabilities => call(&Formula(KlDivergenceOfProbabilities)),
        LossFunction::Custom(loss) => call(&CustomKernel(loss)),
    }
}
