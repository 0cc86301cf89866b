//! Weighted reductions.

mod gradient;
mod statistics;
mod sum;
mod terms;

use crate::axis::Axis;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::{collected, filled, reserved, when};
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Reduce, ReduceOutput, Statistic};
use crate::segments::Segments;
use crate::upstream::Upstream;
use crate::weights::Weights;
pub(in crate::cpu) use statistics::{Summary, mean};
pub(in crate::cpu) use sum::Sum;
pub(in crate::cpu) use terms::{Operands, Term};

pub(in crate::cpu::oracle) fn evaluate(
    values: Logits<'_>,
    weights: Weights<'_>,
    upstream: Option<Upstream<'_>>,
    options: &Reduce,
) -> Result<ReduceOutput<f64, Vec<f64>>> {
    validate::reduce(values, weights, upstream, options)?;
    let operands = Operands { values, weights };
    let (rows, classes) = (values.rows(), values.classes());
    let row = |row| Summary::of(operands.terms(row..row + 1, 0..classes), options);
    let column = |class| Summary::of(operands.terms(0..rows, class..class + 1), options);
    let results: Vec<Summary> = match options.axis {
        Axis::EachRow => collected(OPERATION, (0..rows).map(row))?,
        Axis::EachColumn => collected(OPERATION, (0..classes).map(column))?,
        Axis::All => {
            let rows = 0..values.shape().occupied_rows();
            vec![Summary::of(operands.terms(rows, 0..classes), options)]
        }
    };
    let mut output = output(&results, options)?;
    if let Some(upstream) = upstream {
        let (gradient, weight_gradient) =
            gradient::evaluate(operands, &results, upstream, options)?;
        output.gradient = Some(gradient);
        output.weight_gradient = weight_gradient;
    }
    Ok(output)
}

pub(in crate::cpu::oracle) fn of_segments(
    values: Logits<'_>,
    segments: Segments<'_>,
    weights: Weights<'_>,
    options: &Reduce,
) -> Result<ReduceOutput<f64, Vec<f64>>> {
    validate::reduce_segments(values, segments, weights, options)?;
    let operands = Operands { values, weights };
    let mut results = reserved(OPERATION, segments.len() * values.classes())?;
    for rows in rows_of(segments)? {
        for class in 0..values.classes() {
            let terms = operands.terms(rows.iter().copied(), class..class + 1);
            results.push(Summary::of(terms, options));
        }
    }
    output(&results, options)
}

/// The rows of each segment, ascending.
fn rows_of(segments: Segments<'_>) -> Result<Vec<Vec<usize>>> {
    match segments {
        Segments::Offsets(offsets) => {
            let rows = |pair: &[u32]| (pair[0] as usize..pair[1] as usize).collect();
            collected(OPERATION, offsets.windows(2).map(rows))
        }
        Segments::Ids { ids, segments } => {
            let mut rows = filled(OPERATION, Vec::new(), segments)?;
            for (row, &id) in ids.iter().enumerate() {
                // A negative id is no segment's.
                if let Ok(segment) = usize::try_from(id) {
                    rows[segment].push(row);
                }
            }
            Ok(rows)
        }
    }
}

fn output(results: &[Summary], options: &Reduce) -> Result<ReduceOutput<f64, Vec<f64>>> {
    let column = |is_there: bool, of: fn(&Summary) -> f64| {
        when(is_there, || collected(OPERATION, results.iter().map(of)))
    };
    let has_variance = matches!(options.statistic, Statistic::MeanAndVariance { .. });
    let is_mean = has_variance || options.statistic == Statistic::Mean;
    Ok(ReduceOutput {
        values: collected(OPERATION, results.iter().map(|result| result.value))?,
        variance: column(has_variance, |result| result.variance)?,
        sign: column(options.statistic == Statistic::LogSumExp, |result| result.sign)?,
        denominator: column(is_mean, |result| result.denominator)?,
        gradient: None,
        weight_gradient: None,
    })
}
