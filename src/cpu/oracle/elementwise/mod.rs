//! Element-wise losses.

mod functions;

use super::reduce::{Sum, mean};
use crate::axis::Axis;
use crate::engine::validate;
use crate::error::Result;
use crate::memory::{collected, filled, when, zeros};
use crate::ops::cross_entropy::Mode;
use crate::ops::elementwise::{
    BinaryCounts, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, LossFunction,
};
use crate::weights::Weights;
use functions::{Element, Loss, loss};

use super::reduce::Operands;

/// What an operand is for one element; 1 where there is none.
fn operand(operands: &Elementwise<'_>, values: Weights<'_>, row: usize, column: usize) -> f64 {
    Operands { values: operands.input, weights: values }.term(row, column).w
}

/// One element with its weight.
pub(in crate::cpu) struct Weighted {
    pub(in crate::cpu) loss: Loss,
    pub(in crate::cpu) weight: f64,
}

impl Weighted {
    /// Whether whatever is multiplied by the weight is 0.
    fn is_out(&self, mode: Mode) -> bool {
        mode == Mode::Masked && self.weight == 0.0
    }

    pub(in crate::cpu) fn times(&self, value: f64, mode: Mode) -> f64 {
        if self.is_out(mode) { 0.0 } else { self.weight * value }
    }

    /// From a derivative, the upstream gradient and what a mean divides by.
    pub(in crate::cpu) fn gradient(
        &self,
        derivative: f64,
        (upstream, divisor): (f64, f64),
        mode: Mode,
    ) -> f64 {
        match divisor {
            _ if self.is_out(mode) => 0.0,
            0.0 => f64::NAN,
            _ => upstream * (self.weight * derivative) / divisor,
        }
    }
}

/// The loss of one element.
pub(in crate::cpu) fn at(
    operands: &Elementwise<'_>,
    options: &ElementwiseLoss,
    row: usize,
    column: usize,
) -> Weighted {
    let input = Operands { values: operands.input, weights: Weights::None };
    let target = operands
        .target
        .map_or(0.0, |target| operand(operands, Weights::PerElement(target), row, column));
    let smoothing = f64::from(options.label_smoothing);
    let third = match options.function {
        LossFunction::GaussianNll { .. } => operands.variance,
        _ => operands.positive_weights,
    };
    let element = Element {
        x: input.term(row, column).x,
        t: if smoothing == 0.0 { target } else { target * (1.0 - smoothing) + smoothing / 2.0 },
        third: operand(operands, third, row, column),
    };
    Weighted {
        loss: loss(&options.function, options.mode, element),
        weight: operand(operands, operands.weights, row, column),
    }
}

pub(in crate::cpu::oracle) fn evaluate(
    operands: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstream<'_>>,
    options: &ElementwiseLoss,
) -> Result<ElementwiseOutput<f64, Vec<f64>>> {
    validate::elementwise(operands, upstream, options)?;
    let shape = operands.input.shape();
    let (operation, rows, columns) =
        (options.function.name(), shape.occupied_rows(), shape.classes);
    let results = options.results(shape);
    let mut sums = filled(operation, Sum::default(), results)?;
    let mut weights = filled(operation, Sum::default(), results)?;
    // Shaped as the input but contiguous.
    let contiguous = shape.contiguous();
    let place = |row: usize, column: usize| contiguous.start_of(row) + column * contiguous.inner;
    let result_of = |row: usize, column: usize| match (options.reduction, options.axis) {
        (ElementwiseReduction::None, _) => place(row, column),
        (_, Axis::EachRow) => row,
        (_, Axis::EachColumn) => column,
        (_, Axis::All) => 0,
    };
    let mut counts = options.threshold.map(|_| BinaryCounts::default());
    for row in 0..rows {
        for column in 0..columns {
            let element = at(operands, options, row, column);
            let result = result_of(row, column);
            sums[result].add(element.times(element.loss.value, options.mode));
            weights[result].add(element.weight);
            if let (Some(counts), Some(threshold), Some(target)) =
                (&mut counts, options.threshold, operands.target)
                && element.weight != 0.0
            {
                let number = |matrix| operand(operands, Weights::PerElement(matrix), row, column);
                counts.add(number(operands.input) as f32, number(target) as f32, threshold);
            }
        }
    }
    let weights = collected(operation, weights.iter().map(Sum::total))?;
    let is_weighted_mean = options.reduction == ElementwiseReduction::WeightedMean;
    let divisor = |result: usize| match options.divisor(shape) {
        Some(divisor) => divisor as f64,
        None if is_weighted_mean => weights[result],
        None => 1.0,
    };
    let is_mean = is_weighted_mean || options.divisor(shape).is_some();
    let value = |(result, sum): (usize, &Sum)| match is_mean {
        true => mean(sum.total(), divisor(result), options.mode),
        false => sum.total(),
    };
    let mut output = ElementwiseOutput {
        values: collected(operation, sums.iter().enumerate().map(value))?,
        denominator: when(is_weighted_mean, || collected(operation, weights.iter().copied()))?,
        counts,
        gradient: None,
        variance_gradient: None,
    };
    let Some(upstream) = upstream else { return Ok(output) };
    let has_variance_gradient = operands.layout().has_variance_of_elements();
    let mut gradient = zeros(operation, rows * columns)?;
    let mut of_variance = zeros(operation, rows * columns)?;
    for row in 0..rows {
        for column in 0..columns {
            let element = at(operands, options, row, column);
            let factor =
                f64::from(upstream.scalar()) * operand(operands, upstream.weights(), row, column);
            let divisor = divisor(result_of(row, column));
            let of = |derivative| element.gradient(derivative, (factor, divisor), options.mode);
            gradient[place(row, column)] = of(element.loss.derivative);
            of_variance[place(row, column)] = of(element.loss.of_variance);
        }
    }
    output.gradient = Some(gradient);
    output.variance_gradient = has_variance_gradient.then_some(of_variance);
    Ok(output)
}
