//! Which rows count.

use super::simd::dispatch;
use crate::ops::validate;
use crate::{ClassIndices, CrossEntropy, Result, TargetValues, Targets};

/// Counts the rows that are not ignored; refuses targets that are neither a class nor the ignore
/// index.
pub(super) fn count_rows(
    targets: Targets<'_>,
    rows: usize,
    classes: usize,
    options: &CrossEntropy,
) -> Result<usize> {
    let TargetValues::Classes(indices) = targets.values else { return Ok(rows) };
    let ignored = options.ignore_index.map(i64::from);
    let found = dispatch(|| match indices {
        ClassIndices::I32(indices) => count(indices, classes, ignored),
        ClassIndices::I64(indices) => count(indices, classes, ignored),
        ClassIndices::U32(indices) => count(indices, classes, ignored),
        ClassIndices::U8(indices) => count(indices, classes, ignored),
    });
    match found {
        (counted, 0) => Ok(counted),
        _ => validate::count_targets(indices, classes, options.ignore_index), // names the row
    }
}

/// The rows that count, and those that must not be; without a branch for each.
#[inline(always)]
fn count<T: Copy + Into<i64>>(
    indices: &[T],
    classes: usize,
    ignored: Option<i64>,
) -> (usize, usize) {
    let last = i64::try_from(classes).map_or(i64::MAX, |classes| classes - 1);
    let (has_ignored, ignored) = (ignored.is_some(), ignored.unwrap_or(-1));
    let (mut counted, mut refused) = (0, 0);
    for &index in indices {
        let index = index.into();
        let is_ignored = has_ignored & (index == ignored);
        let is_class = (index >= 0) & (index <= last);
        counted += usize::from(!is_ignored);
        refused += usize::from(!(is_ignored | is_class));
    }
    (counted, refused)
}
