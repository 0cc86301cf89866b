//! The blocking one-call forms: [`Engine`] for the GPU. Not on the web, where nothing may block.

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
use super::partial::Part;
use super::readback::Waiting;

impl Engine for Gpu {
    fn name(&self) -> String {
        let adapter = self.adapter_info();
        format!("{} ({:?})", adapter.name, adapter.backend)
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let (steps, waiting) = (Steps::Fused, Waiting::Blocking);
        pollster::block_on(self.run_log_sum_exp(logits, upstream, options, steps, waiting))
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let (steps, waiting) = (Steps::Fused, Waiting::Blocking);
        pollster::block_on(
            self.run_cross_entropy(logits, targets, upstream, options, steps, waiting),
        )
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        pollster::block_on(self.run_softmax(logits, upstream, options, Waiting::Blocking))
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        let waiting = Waiting::Blocking;
        pollster::block_on(self.run_partial_states(logits, classes, targets, options, waiting))
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let waiting = Waiting::Blocking;
        pollster::block_on(self.run_states(states, classes, targets, options, waiting))
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
        let part = Part { logits, classes, states };
        let waiting = Waiting::Blocking;
        pollster::block_on(self.run_partial_gradient(part, targets, upstream, options, waiting))
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        pollster::block_on(self.run_softmax_loss(
            logits,
            against,
            upstream,
            options,
            Waiting::Blocking,
        ))
    }

    fn evaluate_elementwise(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        pollster::block_on(self.run_elementwise(operands, upstream, options, Waiting::Blocking))
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        pollster::block_on(self.run_reduce(values, weights, upstream, options, Waiting::Blocking))
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        pollster::block_on(self.run_segments(values, segments, weights, options, Waiting::Blocking))
    }
}
