//! Softmax cross-entropy of host data on the GPU.

use crate::kernel::parameters::Totals;
use crate::ops::cross_entropy::CrossEntropyOperands;
use crate::ops::validate;
use crate::{CrossEntropy, CrossEntropyOutput, Gpu, Logits, Result, Targets, Upstream};

use super::call::{Call, DeviceUpstream, Steps, passes, slice, writes_separately};
use super::operands::{DeviceTargets, output};
use super::readback::Waiting;

const CROSS_ENTROPY: &str = "cross-entropy";
const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

impl Gpu {
    /// [`Engine::cross_entropy`](crate::Engine::cross_entropy) as a future; with an upstream gradient,
    /// [`Engine::cross_entropy_with_gradient`](crate::Engine::cross_entropy_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn cross_entropy_async(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.run_cross_entropy(logits, targets, upstream, options, Steps::Fused, Waiting::Yielding)
            .await
    }

    pub(super) async fn run_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
        steps: Steps,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let rows = logits.rows() as u64;
        let element = options.gradient_element.unwrap_or(logits.element());
        let upstream = upstream.map(|each| call.upstream(each)).transpose()?;
        let source = upstream.as_ref().map(|each| each.source);
        let (pass, backward) = passes(steps, logits, options.gradient_element, source);
        let layout = targets.layout();
        let plan = options.plan(self.kernels(), logits.shape(), &layout, pass)?;

        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let device_targets = DeviceTargets::upload(&call, targets, logits.classes(), options)?;
        let record = plan.record();
        let rows_bytes = 4 * u64::from(record.words()) * rows;
        let records = call.output(record.words() > 0, "wgpu-loss rows", rows_bytes)?;
        let state_bytes = plan.state_bytes() * rows;
        let state = call.output(plan.state_bytes() > 0, "wgpu-loss state", state_bytes)?;
        let totals = call.output(true, "wgpu-loss totals", TOTALS_BYTES)?;
        let matrix = rows * logits.classes() as u64 * element.bytes() as u64;
        let is_separate = writes_separately(pass) || backward.is_some_and(writes_separately);
        let gradient = call.output(is_separate, "wgpu-loss gradient", matrix)?;

        let operand = upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default();
        let operands = CrossEntropyOperands {
            class_weights: device_targets.class_weights(),
            row_weights: device_targets.row_weights(),
            rows: slice(&records),
            state: slice(&state),
            totals: slice(&totals),
            ..CrossEntropyOperands::new(device_logits.slice(..), device_targets.targets())
        };
        match backward {
            None => {
                let gradient = slice(&gradient);
                let fused = CrossEntropyOperands { gradient, upstream: operand, ..operands };
                plan.bind(&fused)?.record(&mut call.encoder);
            }
            Some(backward) => {
                plan.bind(&operands)?.record(&mut call.encoder);
                let plan = options.plan(self.kernels(), logits.shape(), &layout, backward)?;
                let gradient = slice(&gradient);
                let operands =
                    CrossEntropyOperands { rows: None, gradient, upstream: operand, ..operands };
                plan.bind(&operands)?.record(&mut call.encoder);
            }
        }

        let totals = call.read(totals.as_ref(), TOTALS_BYTES)?;
        let records = call.read(records.as_ref(), rows_bytes)?;
        let gradient_source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = call.read(upstream.is_some().then_some(gradient_source), matrix)?;
        let results = call.finish(waiting).await?;

        let totals = results.totals(totals)?;
        self.refuse_invalid_target(&totals, targets, logits.classes())?;
        let words = results.values(records)?.unwrap_or_default();
        let gradient = results.elements(gradient, element)?;
        Ok(output(options, &totals, record, &words, gradient))
    }
}
