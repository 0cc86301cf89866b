//! The same of element-wise losses.

use wgpu_loss::{
    Axis, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands, ElementwisePass,
    ElementwiseReduction, ElementwiseUpstreamLayout, Kernels, LossFunction, Pass, Result,
    UpstreamSource, WeightLayout,
};

use super::draw::Draw;
use super::operands::{bytes_of, operand, times};
use super::reductions::weight_bytes;
use super::{Bound, gradient, upstream_operand};

impl Draw<'_> {
    fn function(&mut self) -> LossFunction {
        let number = self.float();
        self.of(&[
            LossFunction::BinaryCrossEntropyWithLogits,
            LossFunction::BinaryCrossEntropy,
            LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: number },
            LossFunction::KlDivergence { log_target: false },
            LossFunction::SquaredError,
            LossFunction::Huber { delta: number },
            LossFunction::PoissonNll { log_input: true, full: true, epsilon: number },
            LossFunction::GaussianNll { full: false, epsilon: 1e-6 },
            LossFunction::GaussianNll { full: true, epsilon: number },
            LossFunction::Entropy,
        ])
    }

    fn elementwise(&mut self) -> ElementwiseLoss {
        let function = self.function();
        let is_binary = function.is_binary() || self.is_mistake();
        ElementwiseLoss {
            reduction: self.of(&[
                ElementwiseReduction::None,
                ElementwiseReduction::Sum,
                ElementwiseReduction::Mean,
                ElementwiseReduction::WeightedMean,
            ]),
            axis: self.of(&[Axis::EachRow, Axis::EachColumn, Axis::All]),
            label_smoothing: if is_binary { self.float().min(1.0) } else { 0.0 },
            threshold: if is_binary && self.is() { Some(self.float()) } else { None },
            gradient_element: if self.is() { Some(self.element()) } else { None },
            ..ElementwiseLoss::new(function)
        }
    }
}

pub fn elementwise(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let (input, options) = (draw.shape(), draw.elementwise());
    let function = options.function;
    let is_there = |is_wanted: bool, draw: &mut Draw<'_>| is_wanted != draw.is_mistake();
    let has_target = is_there(function.has_target(), draw);
    let has_variance = is_there(matches!(function, LossFunction::GaussianNll { .. }), draw);
    let is_positive = function == LossFunction::BinaryCrossEntropyWithLogits;
    let has_positives = is_there(is_positive, draw);
    let layout = ElementwiseLayout {
        input,
        target: has_target.then(|| draw.shape_like(input)),
        weights: draw.weights(input),
        positive_weights: if has_positives { draw.weights(input) } else { WeightLayout::None },
        variance: match has_variance {
            true => match draw.weights(input) {
                WeightLayout::None => WeightLayout::PerColumn,
                variance => variance,
            },
            false => WeightLayout::None,
        },
    };
    let factors = match (options.reduction, options.axis) {
        (ElementwiseReduction::None, _) => draw.weights(input),
        (_, Axis::EachRow) => draw.of(&[WeightLayout::None, WeightLayout::PerRow]),
        (_, Axis::EachColumn) => draw.of(&[WeightLayout::None, WeightLayout::PerColumn]),
        (_, Axis::All) => WeightLayout::None,
    };
    let upstream = match draw.is() {
        true => ElementwiseUpstreamLayout::Buffer(factors),
        false => ElementwiseUpstreamLayout::Scalar,
    };
    let place = draw.place(input);
    let pass = match draw.byte() % 3 {
        0 => ElementwisePass::Forward,
        1 => ElementwisePass::Fused { gradient: place, upstream },
        _ => ElementwisePass::Backward { gradient: place, upstream },
    };
    let plan = options.plan(kernels, &layout, pass)?;
    let is_backward = matches!(pass, ElementwisePass::Backward { .. });
    let has_gradient = pass != ElementwisePass::Forward;
    let divides = options.reduction == ElementwiseReduction::WeightedMean
        && layout.weights != WeightLayout::None;
    let result_bytes = times(plan.results(), 4 * u64::from(plan.result_words()));
    let of_variance = has_gradient && matches!(layout.variance, WeightLayout::PerElement(_));
    let has_factors = has_gradient && upstream != ElementwiseUpstreamLayout::Scalar;
    let (factor_bytes, factor_unit) = match factors {
        WeightLayout::None => (Some(4), 4),
        factors => weight_bytes(factors, input),
    };
    let as_gradient = match has_gradient {
        true => Pass::Fused { gradient: place, upstream: UpstreamSource::Scalar },
        false => Pass::Forward { save_state: false },
    };
    let target = layout.target.unwrap_or(input);
    let mut of = |is_wanted: bool, (bytes, unit): (Option<u64>, u64)| {
        operand(kernels.device(), draw, is_wanted, bytes, unit)
    };
    let weights = |layout: WeightLayout| weight_bytes(layout, input);
    let is_given = |layout: WeightLayout| layout != WeightLayout::None;
    let made = [
        of(true, (bytes_of(input), input.element.bytes() as u64)),
        of(layout.target.is_some(), (bytes_of(target), target.element.bytes() as u64)),
        of(is_given(layout.weights), weights(layout.weights)),
        of(is_given(layout.positive_weights), weights(layout.positive_weights)),
        of(is_given(layout.variance), weights(layout.variance)),
        of(!is_backward || divides, (result_bytes, 4)),
        of(options.threshold.is_some() && !is_backward, (Some(16), 4)),
        of(of_variance, (bytes_of(input.contiguous()).and_then(|bytes| bytes.checked_mul(2)), 4)),
        of(has_factors, (factor_bytes, factor_unit)),
        gradient(kernels, draw, as_gradient, input),
    ];
    let [
        Some(input),
        Some(target),
        Some(weights),
        Some(positive_weights),
        Some(variance),
        Some(results),
        Some(counts),
        Some(variance_gradient),
        Some(factors),
        Some(gradient),
    ] = &made
    else {
        return Ok(None);
    };
    let Some(input) = input.slice() else { return Ok(None) };
    plan.bind(&ElementwiseOperands {
        target: target.slice(),
        weights: weights.slice(),
        positive_weights: positive_weights.slice(),
        variance: variance.slice(),
        results: results.slice(),
        counts: counts.slice(),
        gradient: gradient.slice(),
        variance_gradient: variance_gradient.slice(),
        upstream: upstream_operand(factors),
        ..ElementwiseOperands::new(input)
    })
    .map(Bound::of_reduction)
}
