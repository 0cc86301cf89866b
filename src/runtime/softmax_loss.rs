//! The relatives of softmax cross-entropy, of host data on the GPU.

use crate::engine::validate;
use crate::error::Result;
use crate::kernel::parameters::Totals;
use crate::logits::Logits;
use crate::ops::softmax_loss::{
    SoftmaxAgainst, SoftmaxLoss, SoftmaxLossOperands, SoftmaxLossOutput, SoftmaxLossPass,
};
use crate::ops::{GradientPlace, UpstreamSource};
use crate::runtime::Gpu;
use crate::upstream::Upstream;

use super::call::{Call, DeviceUpstream, place_of_results, slice};
use super::operands::{device_indices, refuse_invalid_target, refuse_unseen};
use super::readback::Waiting;
use super::stream::output::owned;

const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

impl Gpu {
    /// [`Engine::softmax_loss`](crate::Engine::softmax_loss) as a future; with an upstream gradient,
    /// [`Engine::softmax_loss_with_gradient`](crate::Engine::softmax_loss_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn softmax_loss_async(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        self.run_softmax_loss(logits, against, upstream, options, Waiting::Yielding).await
    }

    pub(super) async fn run_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
        waiting: Waiting,
    ) -> Result<SoftmaxLossOutput> {
        validate::softmax_loss(logits, &against, upstream, options)?;
        let operation = options.function.name();
        let (rows, classes) = (logits.rows(), logits.classes());
        let element = options.gradient_element.unwrap_or(logits.element());
        if self.streaming().cuts(&matrices(logits, &against)) {
            let (shape, element) = (logits.shape(), upstream.map(|_| element));
            let (gradient, out) = owned(operation, shape, element, async |gradient| {
                self.stream_softmax_loss(logits, against, upstream, options, gradient, waiting)
                    .await
            })
            .await?;
            return Ok(SoftmaxLossOutput { gradient, ..out });
        }
        refuse_unseen(operation, against.classes(), classes, options.ignore_index)?;
        let mut call = Call::new(self, operation)?;
        let upstream = upstream.map(|each| call.upstream(each)).transpose()?;
        let place = place_of_results(logits, options.gradient_element);
        let pass = pass_of(place, upstream.as_ref().map(|each| each.source));
        let plan = options.plan(self.kernels(), logits.shape(), &against.layout(), pass)?;

        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let device_against = match (against.classes(), against.matrix()) {
            (Some(indices), _) => {
                let indices = device_indices(operation, indices, 0..indices.len(), classes)?;
                call.upload("wgpu-loss targets", &indices)?
            }
            (None, Some(matrix)) => call.upload_logits("wgpu-loss teacher", matrix)?,
            (None, None) => return Err(self.failure(options.function.name(), String::new())),
        };
        let optional = |label, weights: Option<&[f32]>| {
            weights.map(|weights| call.upload(label, weights)).transpose()
        };
        let class_weights = optional("wgpu-loss class weights", against.class_weights())?;
        let row_weights = optional("wgpu-loss row weights", against.row_weights())?;
        let rows_bytes = 4 * rows as u64;
        let loss_rows = call.output(options.wants_rows(), "wgpu-loss rows", rows_bytes)?;
        let totals = call.output(true, "wgpu-loss totals", TOTALS_BYTES)?;
        let matrix = (rows * classes * element.bytes()) as u64;
        let is_separate = upstream.is_some() && place != GradientPlace::InPlace;
        let gradient = call.output(is_separate, "wgpu-loss gradient", matrix)?;
        let operands = SoftmaxLossOperands {
            class_weights: slice(&class_weights),
            row_weights: slice(&row_weights),
            gradient: slice(&gradient),
            loss_rows: slice(&loss_rows),
            totals: slice(&totals),
            upstream: upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default(),
            ..SoftmaxLossOperands::new(device_logits.slice(..), device_against.slice(..))
        };
        plan.bind(&operands)?.record(&mut call.encoder);

        let totals = call.read(totals.as_ref(), TOTALS_BYTES)?;
        let loss_rows = call.read(loss_rows.as_ref(), rows_bytes)?;
        let source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = call.read(upstream.is_some().then_some(source), matrix)?;
        let results = call.finish(waiting).await?;

        let totals = results.totals(totals)?;
        refuse_invalid_target(operation, &totals, against.classes(), classes)?;
        Ok(SoftmaxLossOutput {
            loss: totals.loss,
            denominator: totals.denominator,
            counted: totals.counted as usize,
            loss_rows: results.values(loss_rows)?,
            gradient: results.elements(gradient, element)?,
        })
    }
}

/// Whatever has a value for each logit.
pub(super) fn matrices<'a>(logits: Logits<'a>, against: &SoftmaxAgainst<'a>) -> Vec<Logits<'a>> {
    [logits].into_iter().chain(against.matrix()).collect()
}

/// The losses, and a gradient where there is an upstream gradient.
pub(super) fn pass_of(
    gradient: GradientPlace,
    upstream: Option<UpstreamSource>,
) -> SoftmaxLossPass {
    match upstream {
        None => SoftmaxLossPass::Forward,
        Some(upstream) => SoftmaxLossPass::Fused { gradient, upstream },
    }
}
