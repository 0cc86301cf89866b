//! `eval reduce`.

mod report;
mod segments;
pub mod weights;

use std::process::ExitCode;

use wgpu_loss::{Axis, Denominator, Reduce};

use super::common::{Run, pending};
use super::layout::Layout;
use super::role::Role;
use super::source::{Named, Source};
use crate::arguments::{AxisOption, ReduceOptions, StatisticOption};
use crate::eval::upstream::GivenUpstream;
use crate::failure::{Failure, Result};
use crate::output::Output;
use report::{Asked, Report, arrays};
use segments::FileSegments;
use weights::FileWeights;

/// Most results over nothing, as of columns without rows: they take no bytes in the file, so that
/// nothing else bounds them.
const MOST_EMPTY_RESULTS: usize = 1 << 26;

/// Evaluates and prints.
pub fn run(adapter: Option<&str>, options: &ReduceOptions, out: &mut Output) -> Result<ExitCode> {
    let ReduceOptions { gradient, common, .. } = options;
    fit_together(options)?;
    let source = Source::open(&options.file, "VALUES")?;
    let matrix = source.main(Role::Values, common)?;
    let layout = &matrix.layout;
    let files = Files::open(options, &source)?;
    let weights = FileWeights::read(files.weights.as_ref(), options.weights.weights_axis, layout)?;
    let offsets = files.segment_offsets.as_ref().map(FileSegments::offsets);
    let ids = || {
        let ids = files.segment_ids.as_ref();
        ids.map(|ids| FileSegments::ids(ids, options.segments.segments, layout))
    };
    let segments = offsets.or_else(ids).transpose()?;
    let is_segmented = segments.is_some();
    let axis = axis(options, is_segmented);
    let results = match &segments {
        Some(segments) => vec![segments.library().len(), layout.shape.classes],
        None => dimensions(axis.library(), layout),
    };
    bounded(&results, layout).map_err(|message| source.fail(message))?;
    let upstream = files.upstream.read(&results)?;
    let (values, library_weights) = (matrix.logits()?, weights.library()?);
    let request = request(options, axis);
    let pending = pending(common)?;
    let run = Run::new(common, adapter, values, |engine| match &segments {
        Some(segments) => {
            engine.reduce_segments(values, segments.library(), library_weights, &request)
        }
        None if gradient.gradient => {
            engine.reduce_with_gradient(values, library_weights, upstream.library(), &request)
        }
        None => engine.reduce(values, library_weights, &request),
    })?;

    if let Some(pending) = pending {
        pending.write(arrays(&run.result, &matrix, &weights, &results))?;
    }
    let asked = Asked { options, axis, request: &request, segmented: is_segmented };
    let report = Report::new(&asked, &source, &matrix, &weights, &results, &run);
    if common.json {
        out.json(&report)?;
    } else {
        report.print(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The axis that is asked for, or the usual one.
pub fn axis(options: &ReduceOptions, is_segmented: bool) -> AxisOption {
    options.axis.unwrap_or(match is_segmented {
        true => AxisOption::Column,
        false => AxisOption::All,
    })
}

/// Refuses options that the statistic would not look at.
pub fn fit_together(options: &ReduceOptions) -> Result<()> {
    let statistic = options.statistic;
    if options.correction.is_some() && statistic != StatisticOption::MeanAndVariance {
        return Err(Failure::Usage(format!(
            "--correction is for --statistic mean-and-variance, not {}",
            statistic.name()
        )));
    }
    if options.weights.nonzero_weights && statistic != StatisticOption::Mean {
        return Err(Failure::Usage(format!(
            "--nonzero-weights is for --statistic mean, not {}",
            statistic.name()
        )));
    }
    Ok(())
}

/// What the options ask of the library.
pub fn request(options: &ReduceOptions, axis: AxisOption) -> Reduce {
    Reduce {
        statistic: options.statistic.library(options.correction.unwrap_or(0.0)),
        axis: axis.library(),
        mode: options.mode.library(),
        denominator: match options.weights.nonzero_weights {
            true => Denominator::NonzeroWeights,
            false => Denominator::Weights,
        },
        gradient_element: options.gradient.gradient_element.map(|element| element.library()),
        weight_gradient: options.gradient.weight_gradient,
    }
}

/// The dimensions of the results: without the one that is reduced.
pub fn dimensions(axis: Axis, layout: &Layout) -> Vec<usize> {
    match axis {
        Axis::EachRow => layout.of_rows(),
        Axis::EachColumn => layout.of_columns(),
        Axis::All => Vec::new(),
    }
}

/// Refuses results that no bytes of the file stand for, where there are very many of them.
pub fn bounded(results: &[usize], layout: &Layout) -> std::result::Result<(), String> {
    let most = layout.shape.elements().unwrap_or(usize::MAX).max(MOST_EMPTY_RESULTS);
    let count = results.iter().try_fold(1, |product: usize, length| product.checked_mul(*length));
    match count {
        Some(count) if count <= most => Ok(()),
        _ => Err(format!("results: expected at most {most} of these values, found {results:?}")),
    }
}

/// The arrays beside the values, in FILE or in files of their own.
struct Files<'a> {
    weights: Option<Named<'a>>,
    upstream: GivenUpstream<'a>,
    segment_offsets: Option<Named<'a>>,
    segment_ids: Option<Named<'a>>,
}

impl<'a> Files<'a> {
    /// Finds those that were named.
    fn open(options: &'a ReduceOptions, main: &'a Source) -> Result<Self> {
        let weights = options.weights.given();
        let (offsets, ids) = (&options.segments.segment_offsets, &options.segments.segment_ids);
        let find = |given, what, option| Named::find_any(main, given, what, option);
        Ok(Self {
            weights: find(weights, "weights", "--weights")?,
            upstream: GivenUpstream::find(main, &options.gradient.upstream)?,
            segment_offsets: find(offsets.as_deref(), "segment offsets", "--segment-offsets")?,
            segment_ids: find(ids.as_deref(), "segment ids", "--segment-ids")?,
        })
    }
}
