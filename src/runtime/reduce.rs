//! Weighted reductions of host data on the GPU.

use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::collected;
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{
    Reduce, ReduceOperands, ReduceOutput, ReduceSegmentsOperands, SegmentLayout, Statistic,
};
use crate::ops::{GradientPlace, Pass};
use crate::runtime::Gpu;
use crate::segments::Segments;
use crate::upstream::Upstream;
use crate::weights::Weights;

use super::call::{Call, DeviceUpstream, place_of_results, slice};
use super::readback::Waiting;

impl Gpu {
    /// [`Engine::reduce`](crate::Engine::reduce) as a future; with an upstream gradient,
    /// [`Engine::reduce_with_gradient`](crate::Engine::reduce_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn reduce_async(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.run_reduce(values, weights, upstream, options, Waiting::Yielding).await
    }

    /// [`Engine::reduce_segments`](crate::Engine::reduce_segments) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn reduce_segments_async(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.run_segments(values, segments, weights, options, Waiting::Yielding).await
    }

    pub(super) async fn run_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
        waiting: Waiting,
    ) -> Result<ReduceOutput> {
        validate::reduce(values, weights, upstream, options)?;
        if let Some(pieces) = self.reduce_in_pieces(values, weights, upstream, options)? {
            let all = pieces.run(waiting).await?;
            return Ok(ReduceOutput {
                gradient: all.gradient,
                weight_gradient: all.weight_gradient,
                ..output(options, &all.words, all.result_words)?
            });
        }
        let mut call = Call::new(self, OPERATION)?;
        let upstream = upstream.map(|each| call.upstream(each)).transpose()?;
        let pass = match &upstream {
            None => Pass::Forward { save_state: false },
            Some(upstream) => Pass::Fused {
                gradient: place_of_results(values, options.gradient_element),
                upstream: upstream.source,
            },
        };
        let plan = options.plan(self.kernels(), values.shape(), weights.layout(), pass)?;
        let element = options.gradient_element.unwrap_or(values.element());
        let elements = values.rows() as u64 * values.classes() as u64;
        let gradient_bytes = elements * element.bytes() as u64;
        let result_bytes = plan.results() as u64 * 4 * u64::from(plan.result_words());

        let device_values = call.upload_logits("wgpu-loss values", values)?;
        let device_weights = call.upload_weights("wgpu-loss weights", weights)?;
        let results = call.output(true, "wgpu-loss results", result_bytes)?;
        let is_separate = matches!(pass.gradient(), Some((GradientPlace::Separate, _)));
        let gradient = call.output(is_separate, "wgpu-loss gradient", gradient_bytes)?;
        let weight_bytes = match weights {
            Weights::None => 0,
            Weights::PerRow(weights) | Weights::PerColumn(weights) => 4 * weights.len() as u64,
            Weights::PerElement(_) => 4 * elements,
        };
        let has_weight_gradient = upstream.is_some() && options.weight_gradient;
        let weight_gradient =
            call.output(has_weight_gradient, "wgpu-loss weight gradient", weight_bytes)?;
        let operands = ReduceOperands {
            weights: slice(&device_weights),
            results: slice(&results),
            gradient: slice(&gradient),
            weight_gradient: slice(&weight_gradient),
            upstream: upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default(),
            ..ReduceOperands::new(device_values.slice(..))
        };
        plan.bind(&operands)?.record(&mut call.encoder);

        let results = call.read(results.as_ref(), result_bytes)?;
        let source = gradient.as_ref().unwrap_or(&device_values);
        let gradient = call.read(upstream.is_some().then_some(source), gradient_bytes)?;
        let weight_gradient = call.read(weight_gradient.as_ref(), weight_bytes)?;
        let read = call.finish(waiting).await?;
        let words: Vec<f32> = read.values(results)?.unwrap_or_default();
        Ok(ReduceOutput {
            gradient: read.elements(gradient, element)?,
            weight_gradient: read.values(weight_gradient)?,
            ..output(options, &words, plan.result_words())?
        })
    }

    pub(super) async fn run_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
        waiting: Waiting,
    ) -> Result<ReduceOutput> {
        validate::reduce_segments(values, segments, weights, options)?;
        if let Some(pieces) = self.segments_in_pieces(values, segments, weights, options)? {
            let (words, result_words) = pieces.run(waiting).await?;
            return output(options, &words, result_words);
        }
        let mut call = Call::new(self, OPERATION)?;
        let (layout, device_segments) = match segments {
            Segments::Offsets(offsets) => (
                SegmentLayout::Offsets(segments.len()),
                call.upload("wgpu-loss segment offsets", offsets)?,
            ),
            Segments::Ids { ids, segments } => {
                (SegmentLayout::Ids(segments), call.upload("wgpu-loss segment ids", ids)?)
            }
        };
        let plan =
            options.plan_segments(self.kernels(), values.shape(), weights.layout(), layout)?;
        let device_values = call.upload_logits("wgpu-loss values", values)?;
        let device_weights = call.upload_weights("wgpu-loss weights", weights)?;
        let result_bytes = plan.results() as u64 * 4 * u64::from(plan.result_words());
        let results = self.storage(OPERATION, "wgpu-loss results", result_bytes, false)?;
        let operands = ReduceSegmentsOperands {
            values: device_values.slice(..),
            weights: slice(&device_weights),
            segments: device_segments.slice(..),
            results: results.slice(..),
        };
        plan.bind(&operands)?.record(&mut call.encoder);
        let results = call.read(Some(&results), result_bytes)?;
        let read = call.finish(waiting).await?;
        let words: Vec<f32> = read.values(results)?.unwrap_or_default();
        output(options, &words, plan.result_words())
    }
}

/// Results from their words; see [`ReducePlan::result_words`](crate::ReducePlan::result_words).
fn output(options: &Reduce, words: &[f32], stride: u32) -> Result<ReduceOutput> {
    let word = |at: usize| {
        let of_results = words.iter().skip(at).step_by(stride as usize).copied();
        collected(OPERATION, of_results)
    };
    let (variance, denominator, sign) = match options.statistic {
        Statistic::Mean => (None, Some(1), None),
        Statistic::MeanAndVariance { .. } => (Some(1), Some(2), None),
        Statistic::LogSumExp => (None, None, Some(1)),
        Statistic::Sum | Statistic::SumOfSquares | Statistic::Max | Statistic::Min => {
            (None, None, None)
        }
    };
    Ok(ReduceOutput {
        values: word(0)?,
        variance: variance.map(word).transpose()?,
        sign: sign.map(word).transpose()?,
        denominator: denominator.map(word).transpose()?,
        gradient: None,
        weight_gradient: None,
    })
}
