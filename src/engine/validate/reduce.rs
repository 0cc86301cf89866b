//! What every engine refuses of a reduction.

use crate::error::{Error, Result};
use crate::logits::{Logits, Shape};
use crate::ops::reduce::Reduce;
use crate::ops::reduce::validate::{OPERATION, options, segment_options};
use crate::segments::Segments;
use crate::upstream::Upstream;
use crate::weights::Weights;

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

/// Refuses what [`segment_options`] does, weights of the wrong number, and offsets or ids that are none of
/// these rows.
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
