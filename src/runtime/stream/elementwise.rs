//! Element-wise losses that are not put together, or row by row, piece by piece.

use crate::plan::Piece;
use crate::runtime::call::place_of_packed;
use crate::runtime::elementwise::{binary_counts, output};
use crate::runtime::readback::Waiting;
use crate::{
    Axis, Elementwise, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands, ElementwiseOutput,
    ElementwisePass, ElementwisePlan, ElementwiseReduction, ElementwiseUpstream,
    ElementwiseUpstreamLayout, Gpu, Logits, Result, UpstreamOperand, WeightLayout, Weights,
};

use super::cut::Cut;
use super::output::{MatrixOutput, zeroed, zeros};
use super::pipeline::Pipeline;
use super::traffic::{Brought, Returned, Spread, Traffic};

/// The operands beside the input, as they are on the device.
struct Beside {
    target: Option<usize>,
    weights: Spread,
    positive_weights: Spread,
    variance: Spread,
    upstream: Spread,
}

/// Every matrix among the operands, the input first.
fn matrices<'a>(
    host: &Elementwise<'a>,
    upstream: Option<ElementwiseUpstream<'a>>,
) -> Vec<Logits<'a>> {
    let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
    let spread = [host.weights, host.positive_weights, host.variance, factors];
    let of_elements = spread.into_iter().filter_map(|weights| match weights {
        Weights::PerElement(weights) => Some(weights),
        _ => None,
    });
    [host.input].into_iter().chain(host.target).chain(of_elements).collect()
}

impl Gpu {
    /// Where an element-wise loss's operands are cut, if they are: nothing is put together from
    /// several rows.
    pub(in crate::runtime) fn cut_of_elementwise(
        &self,
        host: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Option<Cut> {
        let is_unreduced = options.reduction == ElementwiseReduction::None;
        if !is_unreduced && options.axis != Axis::EachRow {
            return None;
        }
        let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
        let spread = [host.weights, host.positive_weights, host.variance, factors];
        let is_of_elements = |each| matches!(each, &Weights::None | &Weights::PerElement(_));
        let divides = options.reduction == ElementwiseReduction::WeightedMean
            && !matches!(host.weights, Weights::None);
        let has_blocks = host.input.shape().inner > 1;
        let may_be_flat =
            spread.iter().all(is_of_elements) && (is_unreduced || (has_blocks && !divides));
        self.cut(&matrices(host, upstream), !is_unreduced, may_be_flat)
    }

    /// See [`cut_of_elementwise`](Self::cut_of_elementwise).
    pub(in crate::runtime) async fn stream_elementwise(
        &self,
        host: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
        cut: Cut,
        waiting: Waiting,
    ) -> Result<ElementwiseOutput> {
        let operation = options.function.name();
        let shape = host.input.shape();
        let is_unreduced = options.reduction == ElementwiseReduction::None;
        let element = options.gradient_element.unwrap_or(shape.element);
        let options = &ElementwiseLoss { gradient_element: Some(element), ..*options };
        let of_variance = upstream.is_some() && host.layout().has_variance_of_elements();

        let mut traffic = Traffic::new(host.input, cut);
        let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
        let mut bring = |label, weights| traffic.bring_weights(self, operation, label, weights);
        let beside = Beside {
            weights: bring("wgpu-loss weights", host.weights)?,
            positive_weights: bring("wgpu-loss weights of positives", host.positive_weights)?,
            variance: bring("wgpu-loss variance", host.variance)?,
            upstream: bring("wgpu-loss upstream", factors)?,
            target: host.target.map(|target| traffic.bring(Brought::Matrix(target))),
        };
        let plan_of = |piece: &Piece| -> Result<ElementwisePlan> {
            let layout = ElementwiseLayout {
                input: piece.packed(&shape),
                target: host.target.map(|target| piece.packed(&target.shape())),
                weights: beside.weights.layout(piece),
                positive_weights: beside.positive_weights.layout(piece),
                variance: beside.variance.layout(piece),
            };
            let pass = match upstream {
                None => ElementwisePass::Forward,
                Some(_) => ElementwisePass::Fused {
                    gradient: place_of_packed(host.input, Some(element)),
                    upstream: match beside.upstream.layout(piece) {
                        WeightLayout::None => ElementwiseUpstreamLayout::Scalar,
                        factors => ElementwiseUpstreamLayout::Buffer(factors),
                    },
                },
            };
            options.plan(self.kernels(), &layout, pass)
        };
        let (result_words, results) = match is_unreduced {
            true => (1, shape.elements()),
            false => {
                let block = Piece::next(&shape, 0..shape.inner, shape.inner * shape.classes);
                let result_words = plan_of(&block)?.result_words();
                (result_words, shape.rows.checked_mul(result_words as usize))
            }
        };
        let mut words = zeroed::<f32>(operation, results)?;
        let wanted =
            |is_wanted: bool| is_wanted.then(|| zeros(operation, shape, element)).transpose();
        let mut gradient = wanted(upstream.is_some())?;
        let mut variance_gradient = wanted(of_variance)?;
        let mut counts = options.threshold.map(|_| [0; 4]);

        let of_gradient = gradient.as_mut().map(|each| MatrixOutput::over(shape, each));
        let of_gradient = traffic.take_back(of_gradient.map(Returned::OverLogits));
        let of_results = traffic.take_back(Some(match is_unreduced {
            true => Returned::Matrix(MatrixOutput::new(shape, &mut words)),
            false => Returned::Column { words: result_words as usize, values: &mut words },
        }));
        let of_variance = variance_gradient.as_mut().map(|each| MatrixOutput::over(shape, each));
        let of_variance = traffic.take_back(of_variance.map(Returned::Matrix));
        let of_counts = traffic.take_back(counts.as_mut().map(Returned::Counts));
        let mut pipeline = Pipeline::of(self, operation, waiting, traffic)?;
        pipeline
            .run(0..shape.rows, |piece, buffers| {
                let returned = |index: Option<usize>| buffers.returned(index?);
                let scalar = upstream.map_or(1.0, |upstream| upstream.scalar());
                let factors = beside.upstream.slice(&buffers);
                plan_of(piece)?.bind(&ElementwiseOperands {
                    target: beside.target.map(|index| buffers.brought(index)),
                    weights: beside.weights.slice(&buffers),
                    positive_weights: beside.positive_weights.slice(&buffers),
                    variance: beside.variance.slice(&buffers),
                    results: returned(of_results),
                    counts: returned(of_counts),
                    gradient: returned(of_gradient),
                    variance_gradient: returned(of_variance),
                    upstream: factors
                        .map_or(UpstreamOperand::Scalar(scalar), UpstreamOperand::Buffer),
                    ..ElementwiseOperands::new(buffers.brought(0))
                })
            })
            .await?;
        drop(pipeline);
        Ok(ElementwiseOutput {
            counts: counts.map(binary_counts),
            gradient,
            variance_gradient,
            ..output(options, words, result_words)
        })
    }
}
