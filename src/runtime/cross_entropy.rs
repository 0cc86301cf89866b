//! Softmax cross-entropy of host data on the GPU.

#[cfg(not(target_arch = "wasm32"))]
use crate::element::Float;
use crate::engine::validate;
use crate::error::Result;
use crate::kernel::parameters::Totals;
use crate::logits::Logits;
use crate::ops::cross_entropy::CrossEntropyOperands;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::validate::CROSS_ENTROPY;
use crate::runtime::Gpu;
use crate::targets::{TargetValues, Targets};
use crate::upstream::Upstream;

use super::call::{Call, DeviceUpstream, Steps, passes, slice, writes_separately};
use super::operands::{DeviceTargets, output, refuse_invalid_target};
use super::readback::Waiting;
#[cfg(not(target_arch = "wasm32"))]
use super::stream::output::MatrixOutput;
use super::stream::output::owned;

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

    /// [`Engine::cross_entropy_with_gradient`](crate::Engine::cross_entropy_with_gradient), the
    /// gradient written to the caller's memory: shaped as the logits but contiguous, of any element
    /// type. The batch is gone over piece by piece, whatever its size; see
    /// [`Streaming`](crate::Streaming). The output's `gradient` is `None`.
    ///
    /// ```no_run
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{CrossEntropy, Gpu, Logits, Targets, Upstream};
    /// # let (values, targets, mut gradient) = (vec![0f32; 4], vec![0, 1], vec![0f32; 4]);
    /// let gpu = Gpu::new()?;
    /// let (logits, targets) = (Logits::new(&values, 2, 2)?, Targets::classes(&targets));
    /// let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
    /// let out = gpu.cross_entropy_into(logits, targets, upstream, &options, &mut gradient)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As `cross_entropy_with_gradient`; also [`Error::Invalid`](crate::Error::Invalid) unless
    /// `gradient` has `rows * classes` elements, of the type that the options ask for if they do.
    /// Nothing is written before all targets have been found valid.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn cross_entropy_into<G: Float>(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
        gradient: &mut [G],
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, Some(upstream), options)?;
        let (element, shape) = (options.gradient_element, logits.shape());
        validate::results::<G>(CROSS_ENTROPY, validate::GRADIENT, element, shape, gradient.len())?;
        let gradient = MatrixOutput::new(shape, gradient);
        let (upstream, gradient, waiting) = (Some(upstream), Some(gradient), Waiting::Blocking);
        pollster::block_on(
            self.stream_cross_entropy(logits, targets, upstream, options, gradient, waiting),
        )
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
        if steps == Steps::Fused && self.streaming().cuts(&matrices(logits, targets)) {
            let element = options.gradient_element.unwrap_or(logits.element());
            let element = upstream.map(|_| element);
            let shape = logits.shape();
            let (gradient, out) = owned(CROSS_ENTROPY, shape, element, async |gradient| {
                self.stream_cross_entropy(logits, targets, upstream, options, gradient, waiting)
                    .await
            })
            .await?;
            return Ok(CrossEntropyOutput { gradient, ..out });
        }
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
        let indices = targets.class_indices();
        refuse_invalid_target(CROSS_ENTROPY, &totals, indices, logits.classes())?;
        let words = results.values(records)?.unwrap_or_default();
        let gradient = results.elements(gradient, element)?;
        Ok(output(options, &totals, record, &words, gradient))
    }
}

/// Whatever has a value for each logit.
pub(super) fn matrices<'a>(logits: Logits<'a>, targets: Targets<'a>) -> Vec<Logits<'a>> {
    match targets.values {
        TargetValues::Classes(_) => vec![logits],
        TargetValues::Probabilities(probabilities) => vec![logits, probabilities],
    }
}
