//! What every engine refuses of a reduction before it computes anything.

use super::{Reduce, Statistic};
use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::logits::{Logits, Shape};
use crate::ops::validate::{addressable, same_form};
use crate::segments::Segments;
use crate::upstream::Upstream;
use crate::weights::{WeightLayout, Weights};

pub(crate) const OPERATION: &str = "reduction";

impl Axis {
    /// Number of results along this axis.
    pub fn results(self, values: Shape) -> usize {
        match self {
            Self::EachRow => values.rows,
            Self::EachColumn => values.classes,
            Self::All => 1,
        }
    }
}

/// Refuses options out of range, per-element weights of another shape, and gradients that there are
/// not. `gradient`: one is asked for.
pub(crate) fn options(
    options: &Reduce,
    values: Shape,
    weights: WeightLayout,
    gradient: bool,
) -> Result<()> {
    let refuse =
        |what, expected: &str, found: String| Err(Error::invalid(OPERATION, what, expected, found));
    addressable(OPERATION, "number of rows", values.rows)?;
    addressable(OPERATION, "number of columns", values.classes)?;
    if let WeightLayout::PerElement(shape) = weights {
        same_form(OPERATION, "weights", values, shape)?;
    }
    if let Statistic::MeanAndVariance { correction } = options.statistic
        && !correction.is_finite()
    {
        return refuse("correction", "a finite number", correction.to_string());
    }
    if !gradient {
        return Ok(());
    }
    if !matches!(options.statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp) {
        let found = format!("{:?}", options.statistic);
        return refuse("gradient", "one of sum, mean or log-sum-exp", found);
    }
    if options.weight_gradient && weights == WeightLayout::None {
        return refuse(
            "weight gradient",
            "weights, since their gradient is asked for",
            "none".into(),
        );
    }
    Ok(())
}

/// Refuses weights of the wrong number.
fn weight_lengths(values: Shape, weights: Weights<'_>) -> Result<()> {
    let what = match weights {
        Weights::PerColumn(_) => "number of column weights",
        _ => "number of row weights",
    };
    weights.validate_length(OPERATION, what, values)
}

/// Refuses what [`options`] does, weights of the wrong number, and an upstream gradient of another
/// number than the results'.
pub(crate) fn reduce(
    values: Logits<'_>,
    weights: Weights<'_>,
    upstream: Option<Upstream<'_>>,
    asked: &Reduce,
) -> Result<()> {
    options(asked, values.shape(), weights.layout(), upstream.is_some())?;
    weight_lengths(values.shape(), weights)?;
    match upstream {
        Some(Upstream::PerRow(factors)) => {
            let results = asked.axis.results(values.shape());
            if factors.len() != results {
                let expected = format!("{results} values, one per result");
                return Err(Error::invalid(
                    OPERATION,
                    "upstream gradient",
                    expected,
                    factors.len(),
                ));
            }
            Ok(())
        }
        Some(Upstream::Scalar(_)) | None => Ok(()),
    }
}

/// Refuses an axis other than the columns', and rows side by side. `segments`: how many.
pub(crate) fn segment_options(
    asked: &Reduce,
    values: Shape,
    weights: WeightLayout,
    segments: usize,
) -> Result<()> {
    options(asked, values, weights, false)?;
    if asked.axis != Axis::EachColumn {
        let found = format!("{:?}", asked.axis);
        return Err(Error::invalid(OPERATION, "axis", "EachColumn, within each segment", found));
    }
    if values.inner > 1 {
        let found = format!("{} rows side by side", values.inner);
        return Err(Error::invalid(OPERATION, "values", "(rows, columns)", found));
    }
    let results = segments.checked_mul(values.classes.max(1));
    // Ids are i32, and a kernel counts segments and pieces of them by u32.
    if segments > i32::MAX as usize
        || results
            .is_none_or(|results| addressable(OPERATION, "number of results", results).is_err())
    {
        let expected = format!("at most {}, and that many results can be addressed", i32::MAX);
        return Err(Error::invalid(OPERATION, "number of segments", expected, segments));
    }
    Ok(())
}

/// The same, and offsets or ids that are none of these rows.
pub(crate) fn reduce_segments(
    values: Logits<'_>,
    segments: Segments<'_>,
    weights: Weights<'_>,
    asked: &Reduce,
) -> Result<()> {
    segment_options(asked, values.shape(), weights.layout(), segments.len())?;
    weight_lengths(values.shape(), weights)?;
    let rows = values.rows();
    match segments {
        Segments::Offsets(offsets) => {
            let Some(&last) = offsets.last() else {
                let expected = "one more than there are segments";
                return Err(Error::invalid(OPERATION, "segment offsets", expected, "none"));
            };
            if let Some(at) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
                let found = format!("{} before {} at segment {at}", offsets[at], offsets[at + 1]);
                return Err(Error::invalid(OPERATION, "segment offsets", "ascending ones", found));
            }
            if last as usize > rows {
                let expected = format!("at most the {rows} rows");
                return Err(Error::invalid(OPERATION, "last segment offset", expected, last));
            }
        }
        Segments::Ids { ids, segments } => {
            if ids.len() != rows {
                let expected = format!("{rows}, one per row");
                return Err(Error::invalid(
                    OPERATION,
                    "number of segment ids",
                    expected,
                    ids.len(),
                ));
            }
            let beyond = |id: &i32| usize::try_from(*id).is_ok_and(|id| id >= segments);
            if let Some(row) = ids.iter().position(beyond) {
                let expected = format!("below the {segments} segments, or negative for none");
                let found = format!("{} in row {row}", ids[row]);
                return Err(Error::invalid(OPERATION, "segment id", expected, found));
            }
        }
    }
    Ok(())
}
