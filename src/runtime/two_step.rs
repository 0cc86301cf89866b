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

    fn log_sum_exp(&self, logits: Logits<'_>, options: &LogSumExp) -> Result<LogSumExpOutput> {
        self.0.log_sum_exp(logits, options)
    }

    fn log_sum_exp_with_gradient(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let steps = Steps::ForwardThenBackward;
        pollster::block_on(self.0.evaluate_log_sum_exp(
            logits,
            Some(upstream),
            options,
            steps,
            Waiting::Blocking,
        ))
    }

    fn cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.0.cross_entropy(logits, targets, options)
    }

    fn cross_entropy_with_gradient(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        pollster::block_on(self.0.evaluate_cross_entropy(
            logits,
            targets,
            Some(upstream),
            options,
            Steps::ForwardThenBackward,
            Waiting::Blocking,
        ))
    }
}
