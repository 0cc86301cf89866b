//! Element-wise losses: a loss is a function of vectors, everything else is one walk over the
//! elements.

mod counts;
mod functions;
mod kernel;
mod lines;
mod plan;
mod walk;

use super::matrix::Holds;
use super::memory::unwritten;
use crate::axis::Axis;
use crate::cpu::oracle::elementwise::at;
use crate::cpu::oracle::reduce::{Operands as Terms, Sum, mean};
use crate::element::Float;
use crate::error::Result;
use crate::memory::{collected, filled, when, zeros};
use crate::ops::elementwise::{
    Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction, ElementwiseUpstream,
    LossFunction,
};
use crate::weights::Weights;
use counts::Counts;
use functions::{Itself, with_kernel};
use kernel::Formula;
use lines::{Direction, Lines, Source};
use plan::Plan;
use walk::{Exact, Places, Sources, Walk};

/// What results of sums are divided by.
enum Divisors {
    Same(f64),
    /// The weights of each result.
    Weights(Vec<f64>),
}

impl Divisors {
    fn of(&self, result: usize) -> f64 {
        match self {
            Self::Same(divisor) => *divisor,
            Self::Weights(weights) => weights[result],
        }
    }
}

/// The upstream gradient over the divisor, which may be 0.
fn share(upstream: f32, divisor: f64) -> f32 {
    if divisor == 0.0 { f32::NAN } else { (f64::from(upstream) / divisor) as f32 }
}

/// What the gradient is multiplied by beside the weights: where it is the same for all elements,
/// and for each result where it is not.
fn shares(
    operation: &'static str,
    upstream: ElementwiseUpstream<'_>,
    divisors: &Divisors,
) -> Result<(f32, Option<Vec<f32>>)> {
    Ok(match divisors {
        Divisors::Same(divisor) => (share(upstream.scalar(), *divisor), None),
        Divisors::Weights(weights) => match (&weights[..], upstream.weights()) {
            ([weight], Weights::None) => (share(upstream.scalar(), *weight), None),
            (_, Weights::PerRow(factors) | Weights::PerColumn(factors)) => {
                let each = factors.iter().zip(weights);
                let each = each.map(|(&factor, &weight)| share(factor, weight));
                (1.0, Some(collected(operation, each)?))
            }
            _ => {
                let upstream = upstream.scalar();
                let each = weights.iter().map(|&weight| share(upstream, weight));
                (1.0, Some(collected(operation, each)?))
            }
        },
    })
}

/// The sum of the weights of each result.
fn sums_of_weights(
    operation: &'static str,
    operands: &Elementwise<'_>,
    plan: Plan,
    axis: Axis,
    results: usize,
) -> Result<Vec<f64>> {
    let shape = operands.input.shape();
    let (rows, columns) = (shape.rows as f64, shape.classes as f64);
    let total =
        |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Sum>().total();
    let each = |values: &[f32], count: f64| {
        collected(operation, values.iter().map(|&w| f64::from(w) * count))
    };
    let same = |value: f64| filled(operation, value, results);
    match (operands.weights, axis) {
        _ if plan.lines.elements() == 0 => zeros(operation, results),
        (Weights::None, _) => same(plan.lines.elements() as f64 / results as f64),
        (Weights::PerRow(weights), Axis::EachRow) => each(weights, columns),
        (Weights::PerRow(weights), Axis::EachColumn) => same(total(weights)),
        (Weights::PerRow(weights), Axis::All) => same(total(weights) * columns),
        (Weights::PerColumn(weights), Axis::EachRow) => same(total(weights)),
        (Weights::PerColumn(weights), Axis::EachColumn) => each(weights, rows),
        (Weights::PerColumn(weights), Axis::All) => same(total(weights) * rows),
        (Weights::PerElement(weights), _) => {
            let exact = |index: usize| {
                let (row, column) = plan.lines.place(index);
                let term = Terms { values: weights, weights: Weights::None }.term(row, column);
                Exact { value: term.x, gradient: 0.0, of_variance: 0.0 }
            };
            let sources = Sources::of_input(Source::Matrix(weights));
            let kernel = &Formula(Itself);
            let walk = Walk { plan, sources, kernel, exact: &exact, counts: None };
            walk.run(operation, Places::<f32>::NONE, results)
        }
    }
}

/// Of validated operands; the gradient of the input goes where it is told.
pub(super) fn evaluate<G: Float>(
    operands: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstream<'_>>,
    options: &ElementwiseLoss,
    gradient: Option<(&mut [G], Holds)>,
) -> Result<ElementwiseOutput> {
    let (operation, shape) = (options.function.name(), operands.input.shape());
    let lines = Lines::of(shape);
    let (results, elements) = (options.results(shape), lines.elements());
    let plan = Plan::new(lines, lines.direction(options.reduction, options.axis, results));
    let is_weighted_mean = options.reduction == ElementwiseReduction::WeightedMean;
    let divisor = options.divisor(shape);
    let divisors = match divisor {
        Some(divisor) => Divisors::Same(divisor as f64),
        None if is_weighted_mean => {
            Divisors::Weights(sums_of_weights(operation, operands, plan, options.axis, results)?)
        }
        None => Divisors::Same(1.0),
    };
    let factors = upstream.unwrap_or_default();
    let (scale, shares) = match upstream {
        Some(upstream) => shares(operation, upstream, &divisors)?,
        None => (1.0, None),
    };
    let factors_of_elements = match (&shares, options.axis) {
        (Some(shares), Axis::EachRow) => Weights::PerRow(shares),
        (Some(shares), _) => Weights::PerColumn(shares),
        (None, _) => factors.weights(),
    };
    let third = match options.function {
        LossFunction::GaussianNll { .. } => operands.variance,
        _ => operands.positive_weights,
    };
    let sources = Sources {
        input: Source::Matrix(operands.input),
        target: operands.target.map(Source::Matrix),
        third: Source::of_weights(third, lines),
        weights: Source::of_weights(operands.weights, lines),
        factors: match gradient {
            Some(_) => Source::of_weights(factors_of_elements, lines),
            None => None,
        },
        scale,
    };
    let exact = |index: usize| {
        let (row, column) = lines.place(index);
        let element = at(operands, options, row, column);
        let of_element = Terms { values: operands.input, weights: factors.weights() };
        let factor = f64::from(factors.scalar()) * of_element.term(row, column).w;
        let divisor = divisors.of(match (plan.direction, options.axis) {
            (Direction::Each | Direction::All, _) | (_, Axis::All) => 0,
            (_, Axis::EachRow) => row,
            (_, Axis::EachColumn) => column,
        });
        let of = |derivative| element.gradient(derivative, (factor, divisor), options.mode);
        Exact {
            value: element.times(element.loss.value, options.mode),
            gradient: of(element.loss.derivative),
            of_variance: of(element.loss.of_variance),
        }
    };
    let is_unreduced = plan.direction == Direction::Each;
    let mut values = when(is_unreduced, || unwritten::<f32>(operation, elements))?;
    let has_variance_gradient = gradient.is_some() && operands.layout().has_variance_of_elements();
    let mut of_variance = when(has_variance_gradient, || unwritten::<G>(operation, elements))?;
    let counts = Counts::default();
    let places =
        Places { values: values.as_deref_mut(), gradient, of_variance: of_variance.as_deref_mut() };
    let sums = with_kernel(options, |kernel| {
        let counts = options.threshold.map(|threshold| (threshold, &counts));
        Walk { plan, sources, kernel, exact: &exact, counts }.run(operation, places, results)
    })?;
    let is_mean = is_weighted_mean || divisor.is_some();
    let reduced = |(result, sum): (usize, f64)| match is_mean {
        true => mean(sum, divisors.of(result), options.mode) as f32,
        false => sum as f32,
    };
    Ok(ElementwiseOutput {
        values: match values {
            Some(values) => values,
            None => collected(operation, sums.into_iter().enumerate().map(reduced))?,
        },
        denominator: match &divisors {
            Divisors::Same(_) => None,
            Divisors::Weights(weights) => {
                Some(collected(operation, weights.iter().map(|&sum| sum as f32))?)
            }
        },
        counts: options.threshold.map(|_| counts.finish()),
        gradient: None,
        variance_gradient: of_variance.map(G::owned),
    })
}
