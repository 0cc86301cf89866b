//! How large the terms are that a row's loss and gradient are made of.

use wgpu_loss::{Logits, SoftmaxAgainst, SoftmaxLoss};

use super::super::tolerance::{TOLERANCE, Tolerance};
use super::SoftmaxLosses;

/// How large the terms are that a row's loss and gradient are made of, without its weight, what is
/// upstream and what a mean divides by: what an engine's errors are relative to.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxLossScale {
    /// Of the loss: the sum of its terms' absolute values, and more where its distances are rounded
    /// because the temperature is no power of two.
    pub value: f64,
    /// Of each value of the gradient: the sum of the coefficients' absolute values over the
    /// temperature, or the temperature of a divergence.
    pub gradient: f64,
}

impl SoftmaxLossScale {
    /// Of one row of a valid call; `None` where its softmax, or its teacher's, is undefined.
    pub fn of(
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        options: &SoftmaxLoss,
        row: usize,
    ) -> Option<Self> {
        let call = SoftmaxLosses { logits, against, upstream: None, options };
        let terms = call.terms(row)?;
        let Tolerance { scale, extra } = terms.value;
        Some(Self {
            value: (scale + extra / TOLERANCE) * options.loss_scale(),
            gradient: terms.factor * call.chain(),
        })
    }
}
