//! Spreads rows over threads.

use std::ops::Range;

use super::threads::join;
use crate::logits::Shape;

/// Results of consecutive rows, which two threads can write at once.
pub(super) trait Split: Send + Sized {
    /// Those of the first `rows`, and of the others.
    fn split(self, rows: usize) -> (Self, Self);
}

impl<T: Send> Split for &mut [T] {
    fn split(self, rows: usize) -> (Self, Self) {
        self.split_at_mut(rows)
    }
}

impl<T: Split> Split for Option<T> {
    fn split(self, rows: usize) -> (Self, Self) {
        self.map(|results| results.split(rows)).unzip()
    }
}

impl<A: Split, B: Split> Split for (A, B) {
    fn split(self, rows: usize) -> (Self, Self) {
        let ((a, a_right), (b, b_right)) = (self.0.split(rows), self.1.split(rows));
        ((a, b), (a_right, b_right))
    }
}

/// Logits a thread takes at a time: some ten microseconds, well above what handing them over costs.
const GRAIN: usize = 1 << 14;

/// Rows side by side that are not worth splitting: they share the cache lines of each class.
const SIDE_BY_SIDE: usize = 16;

/// Calls `fill` for consecutive parts of the rows on all threads. A row's result cannot tell how
/// the rows were split, as `fill` treats each alone.
pub(super) fn for_rows<R: Split>(
    rows: Range<usize>,
    shape: Shape,
    results: R,
    fill: &(impl Fn(Range<usize>, R) + Sync),
) {
    let count = rows.len();
    let enough = count < 2 || count.saturating_mul(shape.classes) <= GRAIN;
    let blocks = count / shape.inner.max(1);
    if enough || (shape.inner > 1 && blocks < 2 && count <= SIDE_BY_SIDE) {
        fill(rows, results);
        return;
    }
    // Between blocks of rows side by side while there are several.
    let left_count = if blocks > 1 { blocks / 2 * shape.inner } else { count / 2 };
    let (left, right) = results.split(left_count);
    let middle = rows.start + left_count;
    join(
        || for_rows(rows.start..middle, shape, left, fill),
        || for_rows(middle..rows.end, shape, right, fill),
    );
}
