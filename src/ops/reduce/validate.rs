//! Options and shapes of a reduction that plans and engines refuse.

use super::{Reduce, Statistic};
use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::logits::Shape;
use crate::ops::validate::{addressable, same_form};
use crate::weights::WeightLayout;

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
