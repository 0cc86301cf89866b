//! Element-wise losses and their gradients.

mod scale;

use wgpu_loss::{
    Axis, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, LossFunction, OwnedValues, Weights,
};

use super::Comparison;
use super::tolerance::{SUM, Tolerance};
pub use scale::ElementwiseScale;

/// What is lost of an element of weight 1 where parts of its loss are subnormal.
const UNDERFLOW: f64 = 1e-37;

/// A call of an element-wise loss.
#[derive(Clone, Copy)]
pub(in super::super) struct Losses<'a> {
    pub(in super::super) operands: Elementwise<'a>,
    pub(in super::super) upstream: Option<ElementwiseUpstream<'a>>,
    pub(in super::super) options: &'a ElementwiseLoss,
}

/// An element, and the result that it is part of.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
    result: usize,
    weight: f64,
    /// The upstream factor.
    factor: f64,
    scale: ElementwiseScale,
}

/// What the terms of a result are as large as, together.
#[derive(Clone, Copy, Default)]
struct Terms {
    /// Sum of the weights' absolute values times the scales.
    scale: f64,
    /// The same of weights alone.
    weights: f64,
    /// The largest finite number on the way.
    largest: f64,
}

/// The numbers of a row, 1 each where there are none.
fn along(numbers: Weights<'_>, row: usize, columns: usize) -> Vec<f64> {
    match numbers {
        Weights::None => vec![1.0; columns],
        Weights::PerRow(numbers) => vec![numbers[row].into(); columns],
        Weights::PerColumn(numbers) => numbers.iter().copied().map(f64::from).collect(),
        Weights::PerElement(matrix) => matrix.row(row).into_iter().map(f64::from).collect(),
    }
}

/// 0 where either is, or where there is no number.
fn product(one: f64, other: f64) -> f64 {
    let product = (one * other).abs();
    if one == 0.0 || other == 0.0 || product.is_nan() { 0.0 } else { product }
}

/// Whether something on the way to a finite result overflows single precision.
fn overflows(found: f32, largest: f64, expected: f64) -> bool {
    !found.is_finite() && largest > f32::MAX.into() && largest > expected.abs()
}

fn largest_finite(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().filter(|number| number.is_finite()).fold(0.0, f64::max)
}

impl Losses<'_> {
    fn for_each(&self, mut with: impl FnMut(Place)) {
        let Self { operands, upstream, options } = self;
        let shape = operands.input.shape();
        let (contiguous, columns) = (shape.contiguous(), shape.classes);
        let is_unreduced = options.reduction == ElementwiseReduction::None;
        let third = match options.function {
            LossFunction::GaussianNll { .. } => operands.variance,
            _ => operands.positive_weights,
        };
        let upstream = upstream.unwrap_or_default();
        let (factors, scalar) = (upstream.weights(), f64::from(upstream.scalar()));
        let smoothing = f64::from(options.label_smoothing);
        for row in 0..shape.rows {
            let input = operands.input.row(row);
            let targets = operands.target.map_or_else(|| vec![0.0; columns], |it| it.row(row));
            let [weights, thirds, factors] =
                [operands.weights, third, factors].map(|numbers| along(numbers, row, columns));
            for column in 0..columns {
                let target = f64::from(targets[column]) * (1.0 - smoothing) + smoothing / 2.0;
                let x = input[column].into();
                let result = match (is_unreduced, options.axis) {
                    (true, _) => contiguous.start_of(row) + column * contiguous.inner,
                    (_, Axis::EachRow) => row,
                    (_, Axis::EachColumn) => column,
                    (_, Axis::All) => 0,
                };
                with(Place {
                    row,
                    column,
                    result,
                    weight: weights[column],
                    factor: scalar * factors[column],
                    scale: ElementwiseScale::of(&options.function, x, target, thirds[column]),
                });
            }
        }
    }

    fn terms(&self, results: usize) -> Vec<Terms> {
        let mut terms = vec![Terms::default(); results];
        self.for_each(|place| {
            let of = &mut terms[place.result];
            let weighted = product(place.weight, place.scale.value);
            of.scale += weighted;
            of.weights += place.weight.abs();
            of.largest = largest_finite([of.largest, place.scale.value, weighted, of.scale]);
        });
        terms
    }

    /// What a result's sum is divided by.
    fn divisor(&self, denominator: Option<&[f64]>, result: usize) -> f64 {
        match (self.options.divisor(self.operands.input.shape()), denominator) {
            (Some(divisor), _) => divisor as f64,
            (None, Some(denominator)) => denominator[result].abs(),
            (None, None) => 1.0,
        }
    }
}

impl Comparison {
    pub(in super::super) fn elementwise(
        &mut self,
        call: &Losses<'_>,
        found: &ElementwiseOutput,
        expected: &ElementwiseOutput<f64, Vec<f64>>,
    ) {
        self.same_length("values", &found.values, &expected.values);
        let denominator = self.rows("denominator", &found.denominator, &expected.denominator);
        self.equal("counts", &found.counts, &expected.counts);
        if self.failure.is_some() {
            return;
        }
        let terms = call.terms(expected.values.len());
        let divided = denominator.map(|(_, expected)| expected);
        for (i, of) in terms.iter().enumerate() {
            if let Some((found, expected)) = denominator {
                let tolerance = Tolerance::relative(SUM, of.weights);
                self.close(found[i], expected[i], tolerance, || format!("denominator {i}"));
            }
            let (found, expected) = (found.values[i], expected.values[i]);
            if overflows(found, of.largest, expected) {
                continue;
            }
            let divisor = call.divisor(divided, i);
            let scale = expected.abs().max(of.scale / divisor);
            let tolerance = Tolerance::of(scale).and(UNDERFLOW * of.weights.max(1.0) / divisor);
            self.close(found, expected, tolerance, || format!("value {i}"));
        }
        let derivative = |scale: &ElementwiseScale| scale.derivative;
        let gradients = (&found.gradient, &expected.gradient);
        self.loss_gradient("gradient", call, gradients, divided, derivative);
        let of_variance = |scale: &ElementwiseScale| scale.of_variance;
        let gradients = (&found.variance_gradient, &expected.variance_gradient);
        self.loss_gradient("variance gradient", call, gradients, divided, of_variance);
    }

    fn loss_gradient(
        &mut self,
        what: &'static str,
        call: &Losses<'_>,
        (found, expected): (&Option<OwnedValues>, &Option<Vec<f64>>),
        denominator: Option<&[f64]>,
        scale: fn(&ElementwiseScale) -> f64,
    ) {
        let shape = call.operands.input.shape();
        let element = call.options.gradient_element.unwrap_or(shape.element);
        let Some(matrices) = self
            .both(what, found, expected)
            .and_then(|(found, expected)| self.matrices(what, shape, element, found, expected))
        else {
            return;
        };
        call.for_each(|place| {
            let Place { row, column, weight, factor, .. } = place;
            let (found, expected) = matrices.get(row, column);
            let divisor = call.divisor(denominator, place.result);
            let derivative = scale(&place.scale);
            let weighted = product(weight, derivative);
            let whole = product(factor, weighted);
            let largest = largest_finite([derivative, weighted, whole, whole / divisor]);
            if overflows(found, largest, expected) {
                return;
            }
            let share = product(factor, weight) / divisor;
            let tolerance = match share == 0.0 {
                true => Tolerance::EXACT,
                false => Tolerance::of(expected.abs().max(whole / divisor)).and(UNDERFLOW * share),
            };
            let name = || format!("{what} at row {row}, column {column}");
            self.element(found, expected, element, tolerance, tolerance.scale, name);
        });
    }
}
