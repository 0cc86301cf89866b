//! The same engine by forward and, later, backward.

use crate::element::OwnedValues;
use crate::engine::Engine;
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::elementwise::{
    Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseUpstream,
};
use crate::ops::log_sum_exp::{LogSumExp, LogSumExpOutput};
use crate::ops::reduce::{Reduce, ReduceOutput};
use crate::ops::softmax::Softmax;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxLoss, SoftmaxLossOutput};
use crate::partial::{ClassRange, PartialState};
use crate::runtime::Gpu;
use crate::segments::Segments;
use crate::targets::Targets;
use crate::upstream::Upstream;
use crate::weights::Weights;

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
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let (steps, waiting) = (Steps::ForwardThenBackward, Waiting::Blocking);
        pollster::block_on(
            self.0.run_cross_entropy(logits, targets, upstream, options, steps, waiting),
        )
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        self.0.evaluate_softmax(logits, upstream, options)
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        self.0.partial_states(logits, classes, targets, options)
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.0.cross_entropy_of_states(states, classes, targets, options)
    }

    fn partial_gradient(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        self.0.partial_gradient(logits, classes, states, targets, upstream, options)
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        self.0.evaluate_softmax_loss(logits, against, upstream, options)
    }

    fn evaluate_elementwise(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        self.0.evaluate_elementwise(operands, upstream, options)
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.0.evaluate_reduce(values, weights, upstream, options)
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.0.reduce_segments(values, segments, weights, options)
    }
}
