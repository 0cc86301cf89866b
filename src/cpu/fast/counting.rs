//! Which rows count.

use pulp::{Simd, WithSimd};

use super::simd::dispatch;
use super::threads::join;
use crate::engine::validate;
use crate::error::Result;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::validate::CROSS_ENTROPY;
use crate::targets::{ClassIndices, TargetValues, Targets};

/// Rows a thread takes at a time.
const GRAIN: usize = 1 << 16;

/// [`count_rows_of`] cross-entropy.
pub(super) fn count_rows(
    targets: Targets<'_>,
    rows: usize,
    classes: usize,
    options: &CrossEntropy,
) -> Result<usize> {
    count_rows_of(CROSS_ENTROPY, targets, rows, classes, options.ignore_index)
}

/// Counts the rows that are not ignored; refuses targets that are neither a class nor the ignore
/// index.
pub(super) fn count_rows_of(
    operation: &'static str,
    targets: Targets<'_>,
    rows: usize,
    classes: usize,
    ignore_index: Option<i32>,
) -> Result<usize> {
    let TargetValues::Classes(indices) = targets.values else { return Ok(rows) };
    let ignored = ignore_index.map(i64::from);
    let found = match indices {
        ClassIndices::I32(indices) => count(indices, classes, ignored),
        ClassIndices::I64(indices) => count(indices, classes, ignored),
        ClassIndices::U32(indices) => count(indices, classes, ignored),
        ClassIndices::U8(indices) => count(indices, classes, ignored),
    };
    match found {
        (counted, 0) => Ok(counted),
        _ => validate::count_targets(operation, indices, classes, ignore_index), // names the row
    }
}

/// The rows that count, and those that must not be; on all threads.
fn count<T: Copy + Into<i64> + Sync>(
    indices: &[T],
    classes: usize,
    ignored: Option<i64>,
) -> (usize, usize) {
    if indices.len() <= GRAIN {
        return dispatch(Count { indices, classes, ignored });
    }
    let (left, right) = indices.split_at(indices.len() / 2);
    let of = |indices| move || count(indices, classes, ignored);
    let (left, right) = join(of(left), of(right));
    (left.0 + right.0, left.1 + right.1)
}

struct Count<'a, T> {
    indices: &'a [T],
    classes: usize,
    ignored: Option<i64>,
}

impl<T: Copy + Into<i64>> WithSimd for Count<'_, T> {
    type Output = (usize, usize);

    /// Without a branch for each row: vector instructions.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        let Self { indices, classes, ignored } = self;
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
}
