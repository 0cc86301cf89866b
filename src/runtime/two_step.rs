//! The same engine by forward and, later, backward.

use crate::{
    CrossEntropy, CrossEntropyOutput, Engine, Gpu, LogSumExp, LogSumExpOutput, Logits, Result,
    Upstream,
};

use super::call::Steps;
use super::readback::Waiting;

/// A [`Gpu`] that computes gradients in two steps: a forward that saves each row's state, and a
/// backward from what it saved. It gives the same results as one fused step, so it serves to check
/// what a trainer does whose upstream gradient is known only later.
#[derive(Clone, Copy, Debug)]
pub struct TwoStep<'a>(pub &'a Gpu);

impl Engine for TwoStep<'_> {
    fn name(&self) -> String {
        format!("{}, forward then backward", self.0.name())
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let (steps, waiting) = (Steps::ForwardThenBackward, Waiting::Blocking);
        pollster::block_on(self.0.run_log_sum_exp(logits, upstream, options, steps, waiting))
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let (steps, waiting) = (Steps::ForwardThenBackward, Waiting::Blocking);
        pollster::block_on(
            self.0.run_cross_entropy(logits, targets, upstream, options, steps, waiting),
        )
    }
}
