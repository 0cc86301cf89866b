//! The same of weighted reductions.

use wgpu_loss::{
    Axis, Kernels, Pass, Reduce, ReduceOperands, ReduceSegmentsOperands, Result, SegmentLayout,
    Shape, Statistic, WeightLayout,
};

use super::draw::Draw;
use super::operands::{bytes_of, operand, times};
use super::{Bound, gradient, upstream, upstream_operand};

/// Bytes of weights, and of one.
pub fn weight_bytes(weights: WeightLayout, values: Shape) -> (Option<u64>, u64) {
    match weights {
        WeightLayout::None | WeightLayout::PerRow => (times(values.rows, 4), 4),
        WeightLayout::PerColumn => (times(values.classes, 4), 4),
        WeightLayout::PerElement(shape) => (bytes_of(shape), shape.element.bytes() as u64),
    }
}

pub fn reduce(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let (values, options) = (draw.shape(), draw.reduce());
    let (weights, pass) = (draw.weights(values), draw.pass(values));
    let plan = options.plan(kernels, values, weights, pass)?;
    let is_forward = !matches!(pass, Pass::Backward { .. });
    let has_gradient = !matches!(pass, Pass::Forward { .. });
    let has_results = is_forward || options.statistic != Statistic::Sum;
    let result_bytes = times(plan.results(), 4 * u64::from(plan.result_words()));
    let gradient_count = match weights {
        WeightLayout::None => Some(0),
        WeightLayout::PerRow => Some(values.rows),
        WeightLayout::PerColumn => Some(values.classes),
        WeightLayout::PerElement(shape) => shape.elements(),
    };
    let gradient_bytes = gradient_count.and_then(|count| times(count, 4));
    let (weight_bytes, weight_unit) = weight_bytes(weights, values);
    let mut of = |is_wanted: bool, bytes: Option<u64>, unit: u64| {
        operand(kernels.device(), draw, is_wanted, bytes, unit)
    };
    let made = [
        of(true, bytes_of(values), values.element.bytes() as u64),
        of(weights != WeightLayout::None, weight_bytes, weight_unit),
        of(has_results, result_bytes, 4),
        of(has_gradient && options.weight_gradient, gradient_bytes, 4),
        gradient(kernels, draw, pass, values),
        upstream(kernels, draw, pass, plan.results()),
    ];
    let [
        Some(values),
        Some(weights),
        Some(results),
        Some(weight_gradient),
        Some(gradient),
        Some(upstream),
    ] = &made
    else {
        return Ok(None);
    };
    let Some(values) = values.slice() else { return Ok(None) };
    plan.bind(&ReduceOperands {
        weights: weights.slice(),
        results: results.slice(),
        gradient: gradient.slice(),
        weight_gradient: weight_gradient.slice(),
        upstream: upstream_operand(upstream),
        ..ReduceOperands::new(values)
    })
    .map(Bound::of_reduction)
}

pub fn segments(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let (values, options) = (draw.shape(), draw.reduce());
    let options = match draw.is_mistake() {
        true => options,
        false => Reduce {
            axis: Axis::EachColumn,
            weight_gradient: false,
            gradient_element: None,
            ..options
        },
    };
    let weights = draw.weights(values);
    let segments = draw.size(12) as usize;
    let layout = match draw.is() {
        true => SegmentLayout::Ids(segments),
        false => SegmentLayout::Offsets(segments),
    };
    let plan = options.plan_segments(kernels, values, weights, layout)?;
    let (weight_bytes, weight_unit) = weight_bytes(weights, values);
    let count = match layout {
        SegmentLayout::Ids(_) => values.rows,
        SegmentLayout::Offsets(segments) => segments + 1,
    };
    let result_bytes = times(plan.results(), 4 * u64::from(plan.result_words()));
    let mut of = |is_wanted: bool, bytes: Option<u64>, unit: u64| {
        operand(kernels.device(), draw, is_wanted, bytes, unit)
    };
    let made = [
        of(true, bytes_of(values), values.element.bytes() as u64),
        of(weights != WeightLayout::None, weight_bytes, weight_unit),
        of(true, times(count, 4), 4),
        of(true, result_bytes, 4),
    ];
    let [Some(values), Some(weights), Some(segments), Some(results)] = &made else {
        return Ok(None);
    };
    let (Some(values), Some(segments), Some(results)) =
        (values.slice(), segments.slice(), results.slice())
    else {
        return Ok(None);
    };
    let weights = weights.slice();
    plan.bind(&ReduceSegmentsOperands { values, weights, segments, results })
        .map(Bound::of_reduction)
}
