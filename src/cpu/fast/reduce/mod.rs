//! Weighted reductions.

mod derivative;
mod extreme;
mod gradient;
mod job;
mod kind;
mod log_sum_exp;
mod moments;
mod operands;
mod outputs;
mod segments;
mod sums;
mod tile;
mod totals;
mod view;

pub(super) use totals::{sum, sum_of_products};

use crate::axis::Axis;
use crate::element::Float;
use crate::error::Result;
use crate::logits::{Logits, Shape};
use crate::memory;
use crate::ops::cross_entropy::Mode;
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Denominator, Reduce, ReduceOutput, Statistic};
use crate::segments::Segments;
use crate::upstream::Upstream;
use crate::weights::Weights;
use derivative::{Derivation, Derivative};
use extreme::Extreme;
use job::Job;
use log_sum_exp::LogSumExps;
use moments::Moments;
use operands::Operands;
use outputs::Results;
use segments::Grouped;
use sums::{Quotients, Sums};

/// Calls a function for the kind of a statistic.
macro_rules! with_kind {
    ($options:expr, $K:ident => $call:expr) => {
        with_kind!(
            $options, $K => $call;
            Sum, Strict, _ => Sums<false, false>;
            Sum, Masked, _ => Sums<true, false>;
            SumOfSquares, Strict, _ => Sums<false, true>;
            SumOfSquares, Masked, _ => Sums<true, true>;
            Mean, Strict, Denominator::Weights => Quotients<false, false>;
            Mean, Masked, Denominator::Weights => Quotients<true, false>;
            Mean, Strict, Denominator::NonzeroWeights => Quotients<false, true>;
            Mean, Masked, Denominator::NonzeroWeights => Quotients<true, true>;
            MeanAndVariance { .. }, Strict, _ => Moments<false>;
            MeanAndVariance { .. }, Masked, _ => Moments<true>;
            Max, Strict | Masked, _ => Extreme<true>;
            Min, Strict | Masked, _ => Extreme<false>;
            LogSumExp, Strict | Masked, _ => LogSumExps;
        )
    };
    ($options:expr, $K:ident => $call:expr; $($of:pat, $mode:pat, $by:pat => $kind:ty;)*) => {{
        use Mode::{Masked, Strict};
        use Statistic::*;
        match ($options.statistic, $options.mode, $options.denominator) {
            $(($of, $mode, $by) => {
                type $K = $kind;
                $call
            })*
        }
    }};
}

/// One row of all values, where they are all of one result and there are no gaps.
fn flat<'a>(
    values: Logits<'a>,
    weights: Weights<'a>,
    axis: Axis,
) -> Option<(Logits<'a>, Weights<'a>)> {
    let has_no_weights = match weights {
        Weights::PerRow(weights) | Weights::PerColumn(weights) => weights.is_empty(),
        Weights::None | Weights::PerElement(_) => false,
    };
    let row = |matrix: Logits<'a>| {
        let elements = matrix.shape().elements().filter(|_| matrix.shape().is_contiguous())?;
        let shape = Shape::new(1, elements).with_element(matrix.element());
        Logits::from_values(matrix.values(), shape).ok()
    };
    let weights = match weights {
        _ if axis != Axis::All => return None,
        Weights::None => Weights::None,
        Weights::PerElement(weights) => Weights::PerElement(row(weights)?),
        // Nothing, however often.
        _ if has_no_weights => {
            let nothing = Shape::new(0, 0).with_element(values.element());
            return Some((Logits::from_values(values.values(), nothing).ok()?, weights));
        }
        Weights::PerRow(_) | Weights::PerColumn(_) => return None,
    };
    Some((row(values)?, weights))
}

/// Of validated operands; the gradient is of type `G`.
pub(super) fn evaluate<G: Float>(
    values: Logits<'_>,
    weights: Weights<'_>,
    upstream: Option<Upstream<'_>>,
    options: &Reduce,
) -> Result<ReduceOutput> {
    let layout = weights.layout();
    let count = options.axis.results(values.shape());
    let (values, weights) = flat(values, weights, options.axis).unwrap_or((values, weights));
    let operands = Operands::new(values, weights, None);
    let mut results = Results::new(count, options, upstream.is_some())?;
    let derivation = upstream.map(|upstream| Derivation { options, upstream });
    let job = Job::new(&operands, options, options.axis);
    with_kind!(options, K => job.write::<K>(results.outputs(derivation)))?;
    let coefficients = results.coefficients.take();
    let mut output = results.into_output();
    if let Some(coefficients) = coefficients {
        let derivative = Derivative { options, coefficients: &coefficients };
        let (gradient, weight_gradient) = gradient::evaluate::<G>(&operands, layout, &derivative)?;
        output.gradient = Some(gradient);
        output.weight_gradient = weight_gradient;
    }
    Ok(output)
}

/// Of validated operands.
pub(super) fn of_segments(
    values: Logits<'_>,
    segments: Segments<'_>,
    weights: Weights<'_>,
    options: &Reduce,
) -> Result<ReduceOutput> {
    let count = segments.len() * values.classes();
    if let Segments::Ids { segments, .. } = segments {
        memory::check(OPERATION, &[(2 * segments, size_of::<usize>()), (count, size_of::<f32>())])?;
    }
    let groups = Grouped::new(segments)?;
    let operands = Operands::new(values, weights, groups.order.as_deref());
    let mut results = Results::new(count, options, false)?;
    with_kind!(options, K => segments::write::<K>(&operands, &groups, options, &mut results))?;
    Ok(results.into_output())
}
