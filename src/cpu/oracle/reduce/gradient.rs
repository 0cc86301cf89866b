//! Derivatives with respect to values and weights.

use super::statistics::Summary;
use super::sum::Sum;
use super::terms::{Operands, Term};
use crate::axis::Axis;
use crate::error::Result;
use crate::memory::{collected, filled, zeros};
use crate::ops::cross_entropy::Mode;
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Denominator, Reduce, Statistic};
use crate::upstream::Upstream;
use crate::weights::Weights;

/// With respect to the values, and to the weights where the options ask for it.
pub(super) fn evaluate(
    operands: Operands<'_>,
    results: &[Summary],
    upstream: Upstream<'_>,
    options: &Reduce,
) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
    let shape = operands.values.shape().contiguous();
    let mut of_values = zeros(OPERATION, shape.rows * shape.classes)?;
    let weights = match operands.weights {
        _ if !options.weight_gradient => 0,
        Weights::None => 0,
        Weights::PerRow(_) => shape.rows,
        Weights::PerColumn(_) => shape.classes,
        Weights::PerElement(_) => shape.rows * shape.classes,
    };
    let mut of_weights = filled(OPERATION, Sum::default(), weights)?;
    for row in 0..shape.occupied_rows() {
        for class in 0..shape.classes {
            let index = shape.start_of(row) + class * shape.inner;
            let result = match options.axis {
                Axis::EachRow => row,
                Axis::EachColumn => class,
                Axis::All => 0,
            };
            let factor = f64::from(upstream.of_row(result));
            let term = operands.term(row, class);
            let (dx, dw) = derivatives(term, factor, &results[result], options);
            of_values[index] = dx;
            let weight = match operands.weights {
                Weights::None | Weights::PerElement(_) => index,
                Weights::PerRow(_) => row,
                Weights::PerColumn(_) => class,
            };
            if let Some(sum) = of_weights.get_mut(weight) {
                sum.add(dw);
            }
        }
    }
    let of_weights = collected(OPERATION, of_weights.iter().map(Sum::total))?;
    Ok((of_values, options.weight_gradient.then_some(of_weights)))
}

/// `dy/dx` and `dy/dw` of one value's result, times its factor.
fn derivatives(term: Term, factor: f64, result: &Summary, options: &Reduce) -> (f64, f64) {
    let Term { x, w } = term;
    let masks = options.mode == Mode::Masked && w == 0.0;
    let (dx, dw) = match options.statistic {
        Statistic::LogSumExp => return of_log_sum_exp(term, factor, result),
        Statistic::Mean => of_mean(term, factor, result, options.denominator),
        _ => (factor * w, factor * x),
    };
    let over_nothing = options.statistic == Statistic::Mean && result.denominator == 0.0;
    match masks {
        true if over_nothing => (0.0, 0.0),
        true if !x.is_finite() => (dx, 0.0),
        _ => (dx, dw),
    }
}

fn of_mean(term: Term, factor: f64, result: &Summary, denominator: Denominator) -> (f64, f64) {
    let Term { x, w } = term;
    let (mean, divisor) = (result.value, result.denominator);
    if divisor == 0.0 {
        return (f64::NAN, f64::NAN);
    }
    let dw = match denominator {
        Denominator::NonzeroWeights => factor * x / divisor,
        Denominator::Weights if x.is_finite() && mean.is_finite() => factor * (x - mean) / divisor,
        Denominator::Weights => f64::NAN,
    };
    (factor * w / divisor, dw)
}

fn of_log_sum_exp(term: Term, factor: f64, result: &Summary) -> (f64, f64) {
    let Term { x, w } = term;
    let Summary { value, sign, .. } = *result;
    let undefined = value.is_nan() || sign == 0.0;
    let probability = match value {
        _ if undefined => f64::NAN,
        _ if w == 0.0 && !x.is_finite() => 0.0,
        f64::INFINITY if x == f64::INFINITY => f64::NAN,
        f64::INFINITY => 0.0,
        _ => result.exponent(x).exp(),
    };
    let dx = if w == 0.0 { 0.0 } else { factor * sign * w * probability };
    (dx, factor * sign * probability)
}
