//! Softmax cross-entropy over a part of the classes, of host data on the GPU.

use crate::element::OwnedValues;
use crate::engine::validate;
use crate::error::Result;
use crate::kernel::parameters::Totals;
use crate::logits::Logits;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::cross_entropy::{CrossEntropyOperands, MergeOperands};
use crate::ops::validate::CROSS_ENTROPY;
use crate::ops::{GradientPlace, Pass};
use crate::partial::{ClassRange, PartialState};
use crate::runtime::Gpu;
use crate::targets::Targets;
use crate::upstream::Upstream;

use super::call::{Call, place_of_results, slice};
use super::cross_entropy::matrices;
use super::operands::{DeviceTargets, output, refuse_invalid_target};
use super::readback::Waiting;
use super::stream::output::owned;

const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;
const STATE_BYTES: usize = size_of::<PartialState>();

/// A part of the logits, with the merged states of all.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) logits: Logits<'a>,
    pub(super) classes: ClassRange,
    pub(super) states: &'a [PartialState],
}

impl Gpu {
    /// [`Engine::partial_states`](crate::Engine::partial_states) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn partial_states_async(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        self.run_partial_states(logits, classes, targets, options, Waiting::Yielding).await
    }

    /// [`Engine::cross_entropy_of_states`](crate::Engine::cross_entropy_of_states) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn cross_entropy_of_states_async(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.run_states(states, classes, targets, options, Waiting::Yielding).await
    }

    /// [`Engine::partial_gradient`](crate::Engine::partial_gradient) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn partial_gradient_async(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        let part = Part { logits, classes, states };
        self.run_partial_gradient(part, targets, upstream, options, Waiting::Yielding).await
    }

    pub(super) async fn run_partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
        waiting: Waiting,
    ) -> Result<Vec<PartialState>> {
        validate::partial(logits, classes, targets, None, options)?;
        if self.takes_part_in_pieces(logits, targets) {
            return self.stream_partial_states(logits, classes, targets, options, waiting).await;
        }
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let pass = Pass::Forward { save_state: true };
        let layout = targets.layout();
        let plan = options.plan_part(self.kernels(), logits.shape(), classes, &layout, pass)?;
        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let device_targets = DeviceTargets::upload(&call, targets, classes.total, options)?;
        let bytes = plan.state_bytes() * logits.rows() as u64;
        let state = call.output(true, "wgpu-loss state", bytes)?;
        let totals = call.output(true, "wgpu-loss totals", TOTALS_BYTES)?;
        let operands = CrossEntropyOperands {
            class_weights: device_targets.class_weights(),
            row_weights: device_targets.row_weights(),
            state: slice(&state),
            totals: slice(&totals),
            ..CrossEntropyOperands::new(device_logits.slice(..), device_targets.targets())
        };
        plan.bind(&operands)?.record(&mut call.encoder);
        let totals = call.read(totals.as_ref(), TOTALS_BYTES)?;
        let state = call.read(state.as_ref(), bytes)?;
        let results = call.finish(waiting).await?;
        let (totals, indices) = (results.totals(totals)?, targets.class_indices());
        refuse_invalid_target(CROSS_ENTROPY, &totals, indices, classes.total)?;
        Ok(results.values(state)?.unwrap_or_default())
    }

    pub(super) async fn run_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        validate::of_states(states, classes, targets, options)?;
        if self.streaming().cuts_rows(states.len(), STATE_BYTES) {
            return self.stream_states(states, classes, targets, options, waiting).await;
        }
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let rows = states.len();
        let plan = options.plan_merge(self.kernels(), rows, 1, classes, &targets.layout())?;
        let device_targets = DeviceTargets::upload(&call, targets, classes, options)?;
        let parts = call.upload("wgpu-loss states", states)?;
        let record = plan.record();
        let rows_bytes = 4 * u64::from(record.words()) * rows as u64;
        let records = call.output(true, "wgpu-loss rows", rows_bytes)?;
        let totals = call.output(true, "wgpu-loss totals", TOTALS_BYTES)?;
        let operands = MergeOperands {
            targets: device_targets.classes(),
            class_weights: device_targets.class_weights(),
            row_weights: device_targets.row_weights(),
            rows: slice(&records),
            totals: slice(&totals),
            ..MergeOperands::new(parts.slice(..))
        };
        plan.bind(&operands)?.record(&mut call.encoder);
        let totals = call.read(totals.as_ref(), TOTALS_BYTES)?;
        let records = call.read(records.as_ref(), rows_bytes)?;
        let results = call.finish(waiting).await?;
        let totals = results.totals(totals)?;
        refuse_invalid_target(CROSS_ENTROPY, &totals, targets.class_indices(), classes)?;
        let words = results.values(records)?.unwrap_or_default();
        Ok(output(options, &totals, record, &words, None))
    }

    pub(super) async fn run_partial_gradient(
        &self,
        part: Part<'_>,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
        waiting: Waiting,
    ) -> Result<OwnedValues> {
        let Part { logits, classes, states } = part;
        validate::partial(logits, classes, targets, Some(upstream), options)?;
        validate::states_of_rows(states, logits.rows())?;
        let missing = || self.failure(CROSS_ENTROPY, "no gradient came back".into());
        let element = options.gradient_element.unwrap_or(logits.element());
        if self.takes_part_in_pieces(logits, targets) {
            let shape = logits.shape();
            let (gradient, ()) = owned(CROSS_ENTROPY, shape, Some(element), async |gradient| {
                let gradient = gradient.ok_or_else(missing)?;
                self.stream_partial_gradient(part, targets, upstream, options, gradient, waiting)
                    .await
            })
            .await?;
            return gradient.ok_or_else(missing);
        }
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let upstream = call.upstream(upstream)?;
        let place = place_of_results(logits, options.gradient_element);
        let pass = Pass::Backward { gradient: place, upstream: upstream.source };
        let layout = targets.layout();
        let shape = logits.shape();
        let plan = options.plan_part(self.kernels(), shape, classes, &layout, pass)?;
        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let device_targets = DeviceTargets::upload(&call, targets, classes.total, options)?;
        let state = call.upload("wgpu-loss states", states)?;
        let bytes = (logits.rows() * logits.classes() * element.bytes()) as u64;
        let is_separate = place != GradientPlace::InPlace;
        let gradient = call.output(is_separate, "wgpu-loss gradient", bytes)?;
        let totals = call.output(true, "wgpu-loss totals", TOTALS_BYTES)?;

        // The denominators and the check of the targets, which a backward leaves to its forward.
        let counts =
            options.plan_merge(self.kernels(), logits.rows(), 1, classes.total, &layout)?;
        let of_states = MergeOperands {
            targets: device_targets.classes(),
            class_weights: device_targets.class_weights(),
            row_weights: device_targets.row_weights(),
            totals: slice(&totals),
            ..MergeOperands::new(state.slice(..))
        };
        counts.bind_counts(&of_states)?.record(&mut call.encoder);
        let operands = CrossEntropyOperands {
            class_weights: device_targets.class_weights(),
            row_weights: device_targets.row_weights(),
            gradient: slice(&gradient),
            state: Some(state.slice(..)),
            totals: slice(&totals),
            upstream: upstream.operand(),
            ..CrossEntropyOperands::new(device_logits.slice(..), device_targets.targets())
        };
        plan.bind(&operands)?.record(&mut call.encoder);
        let totals = call.read(totals.as_ref(), TOTALS_BYTES)?;
        let read = call.read(Some(gradient.as_ref().unwrap_or(&device_logits)), bytes)?;
        let results = call.finish(waiting).await?;
        let (totals, indices) = (results.totals(totals)?, targets.class_indices());
        refuse_invalid_target(CROSS_ENTROPY, &totals, indices, classes.total)?;
        results.elements(read, element)?.ok_or_else(missing)
    }

    /// Whether a part, or the states of its rows, are more than one submission takes.
    fn takes_part_in_pieces(&self, logits: Logits<'_>, targets: Targets<'_>) -> bool {
        self.streaming().cuts(&matrices(logits, targets))
            || self.streaming().cuts_rows(logits.rows(), STATE_BYTES)
    }
}
