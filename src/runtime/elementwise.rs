//! Element-wise losses of host data on the GPU.

use super::call::{Call, place_of_results, slice};
use super::readback::Waiting;
use crate::engine::validate;
use crate::error::Result;
use crate::ops::elementwise::{
    BinaryCounts, Elementwise, ElementwiseLoss, ElementwiseOperands, ElementwiseOutput,
    ElementwisePass, ElementwiseReduction, ElementwiseUpstream,
};
use crate::ops::{GradientPlace, UpstreamOperand};
use crate::runtime::Gpu;
use crate::weights::Weights;

impl Gpu {
    /// [`Engine::elementwise_loss`](crate::Engine::elementwise_loss) as a future; with an upstream
    /// gradient,
    /// [`Engine::elementwise_loss_with_gradient`](crate::Engine::elementwise_loss_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn elementwise_loss_async(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        self.run_elementwise(operands, upstream, options, Waiting::Yielding).await
    }

    pub(super) async fn run_elementwise(
        &self,
        host: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
        waiting: Waiting,
    ) -> Result<ElementwiseOutput> {
        validate::elementwise(host, upstream, options)?;
        if let Some(pieces) = self.elementwise_in_pieces(host, upstream, options)? {
            return pieces.run(waiting).await;
        }
        let mut call = Call::new(self, options.function.name())?;
        let place = place_of_results(host.input, options.gradient_element);
        let pass = match upstream {
            None => ElementwisePass::Forward,
            Some(upstream) => {
                ElementwisePass::Fused { gradient: place, upstream: upstream.layout() }
            }
        };
        let layout = host.layout();
        let plan = options.plan(self.kernels(), &layout, pass)?;
        let element = options.gradient_element.unwrap_or(host.input.element());
        let gradient_bytes = (host.input.rows() * host.input.classes() * element.bytes()) as u64;
        let result_bytes = plan.results() as u64 * 4 * u64::from(plan.result_words());
        let has_gradient = upstream.is_some();
        let of_variance = has_gradient && layout.has_variance_of_elements();

        let input = call.upload_logits("wgpu-loss input", host.input)?;
        let target = match host.target {
            Some(target) => Some(call.upload_logits("wgpu-loss target", target)?),
            None => None,
        };
        let weights = call.upload_weights("wgpu-loss weights", host.weights)?;
        let positive_weights =
            call.upload_weights("wgpu-loss weights of positives", host.positive_weights)?;
        let variance = call.upload_weights("wgpu-loss variance", host.variance)?;
        let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
        let factors = call.upload_weights("wgpu-loss upstream", factors)?;
        let results = call.output(true, "wgpu-loss results", result_bytes)?;
        let counts = call.output(options.threshold.is_some(), "wgpu-loss counts", 16)?;
        let is_separate = has_gradient && place != GradientPlace::InPlace;
        let gradient = call.output(is_separate, "wgpu-loss gradient", gradient_bytes)?;
        let variance_gradient =
            call.output(of_variance, "wgpu-loss variance gradient", gradient_bytes)?;
        let operands = ElementwiseOperands {
            target: slice(&target),
            weights: slice(&weights),
            positive_weights: slice(&positive_weights),
            variance: slice(&variance),
            results: slice(&results),
            counts: slice(&counts),
            gradient: slice(&gradient),
            variance_gradient: slice(&variance_gradient),
            upstream: match (&factors, upstream) {
                (Some(factors), _) => UpstreamOperand::Buffer(factors.slice(..)),
                (None, upstream) => {
                    UpstreamOperand::Scalar(upstream.map_or(1.0, |upstream| upstream.scalar()))
                }
            },
            ..ElementwiseOperands::new(input.slice(..))
        };
        plan.bind(&operands)?.record(&mut call.encoder);

        let results = call.read(results.as_ref(), result_bytes)?;
        let counts = call.read(counts.as_ref(), 16)?;
        let source = gradient.as_ref().unwrap_or(&input);
        let gradient = call.read(has_gradient.then_some(source), gradient_bytes)?;
        let variance_gradient = call.read(variance_gradient.as_ref(), gradient_bytes)?;
        let read = call.finish(waiting).await?;
        let words: Vec<f32> = read.values(results)?.unwrap_or_default();
        let counts: Option<Vec<[u32; 4]>> = read.values(counts)?;
        let counts = counts.and_then(|counts| counts.first().copied());
        Ok(ElementwiseOutput {
            counts: counts.map(|counts| binary_counts(counts.map(u64::from))),
            gradient: read.elements(gradient, element)?,
            variance_gradient: read.elements(variance_gradient, element)?,
            ..output(options, words, plan.result_words())
        })
    }
}

/// Results from their words; see
/// [`ElementwisePlan::result_words`](crate::ElementwisePlan::result_words).
pub(super) fn output(options: &ElementwiseLoss, words: Vec<f32>, stride: u32) -> ElementwiseOutput {
    let is_divided = options.reduction == ElementwiseReduction::WeightedMean;
    let word =
        |at: usize| words.iter().skip(at).step_by(stride as usize).copied().collect::<Vec<f32>>();
    let denominator = is_divided.then(|| word(1));
    let values = if stride == 1 { words } else { word(0) };
    ElementwiseOutput { values, denominator, counts: None, gradient: None, variance_gradient: None }
}

/// Counts in the order of [`ElementwiseOperands::counts`].
pub(super) fn binary_counts(counts: [u64; 4]) -> BinaryCounts {
    let [true_positives, false_positives, true_negatives, false_negatives] = counts;
    BinaryCounts { true_positives, false_positives, true_negatives, false_negatives }
}
