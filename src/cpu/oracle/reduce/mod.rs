//! Weighted reductions.

mod gradient;
mod statistics;
mod sum;
mod terms;

use crate::ops::reduce::validate;
use crate::{Axis, Logits, Reduce, ReduceOutput, Result, Segments, Statistic, Upstream, Weights};
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
        Axis::EachRow => (0..rows).map(row).collect(),
        Axis::EachColumn => (0..classes).map(column).collect(),
        Axis::All => vec![Summary::of(operands.terms(0..rows, 0..classes), options)],
    };
    let mut output = output(&results, options);
    if let Some(upstream) = upstream {
        let (gradient, weight_gradient) = gradient::evaluate(operands, &results, upstream, options);
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
    let mut results = Vec::with_capacity(segments.len() * values.classes());
    for rows in rows_of(segments) {
        for class in 0..values.classes() {
            let terms = operands.terms(rows.iter().copied(), class..class + 1);
            results.push(Summary::of(terms, options));
        }
    }
    Ok(output(&results, options))
}

/// The rows of each segment, ascending.
fn rows_of(segments: Segments<'_>) -> Vec<Vec<usize>> {
    match segments {
        Segments::Offsets(offsets) => {
            let pairs = offsets.windows(2);
            pairs.map(|pair| (pair[0] as usize..pair[1] as usize).collect()).collect()
        }
        Segments::Ids { ids, segments } => {
            let mut rows = vec![Vec::new(); segments];
            for (row, &id) in ids.iter().enumerate() {
                // A negative id is no segment's.
                if let Ok(segment) = usize::try_from(id) {
                    rows[segment].push(row);
                }
            }
            rows
        }
    }
}

fn output(results: &[Summary], options: &Reduce) -> ReduceOutput<f64, Vec<f64>> {
    let column = |is_there: bool, of: fn(&Summary) -> f64| {
        is_there.then(|| results.iter().map(of).collect::<Vec<f64>>())
    };
    let has_variance = matches!(options.statistic, Statistic::MeanAndVariance { .. });
    let is_mean = has_variance || options.statistic == Statistic::Mean;
    ReduceOutput {
        values: results.iter().map(|result| result.value).collect(),
        variance: column(has_variance, |result| result.variance),
        sign: column(options.statistic == Statistic::LogSumExp, |result| result.sign),
        denominator: column(is_mean, |result| result.denominator),
        gradient: None,
        weight_gradient: None,
    }
}
