//! Cross-entropy of short rows without options: side by side, but for those with special values.

use std::marker::PhantomData;
use std::ops::Range;

use super::convert::widen;
use super::cross_entropy::Call;
use super::input::TransformedRow;
use super::matrix::{Matrix, store_row};
use super::row_kernel::SHORT;
use super::rows::Rows;
use super::side_by_side::{Lanes, ROWS, SideBySide, Tiles};
use super::simd::dispatch;
use super::split::Split;
use super::stream;
use super::tiled::{Source, SourceRow};
use crate::element::for_each_element;
use crate::{Float, Logits, Values};

/// The results of consecutive rows.
type Results<'a, G> = (Rows<'a>, Option<Matrix<'a, G>>);

/// Computes what can be computed side by side; the rows that are left, and their results.
pub(super) fn compute<'a, 'c, G: Float>(
    call: &Call<'c>,
    source: Source<'c>,
    rows: Range<usize>,
    results: Results<'a, G>,
) -> (Range<usize>, Results<'a, G>) {
    let shape = source.shape;
    let count = rows.len() / ROWS * ROWS;
    let is_simple = call.is_plain
        && call.options.z_loss == 0.0
        && source.transform.is_identity()
        && results.0.are_losses_alone();
    let is_short = (1..=SHORT).contains(&shape.classes);
    if !(is_simple && is_short) || count == 0 || shape.inner != 1 || !shape.is_contiguous() {
        return (rows, results);
    }
    let (middle, end) = (rows.start + count, rows.end);
    let ((of_rows, matrix), left) = results.split(count);
    let classes = shape.classes;
    let is_streamed = matrix.as_ref().is_some_and(Matrix::is_streamed);
    let mut tiles =
        Batch { call, logits: source.logits, start: rows.start, classes, of_rows, matrix };
    let rows = rows.start..middle;
    let factors = call.factors;
    dispatch(SideBySide { classes, rows, terms: call.terms, factors, tiles: &mut tiles });
    if is_streamed {
        stream::finish();
    }
    (middle..end, left)
}

struct Batch<'a, 'b, 'c, G> {
    call: &'b Call<'c>,
    /// `None`: where the gradient goes.
    logits: Option<Logits<'c>>,
    /// The first row.
    start: usize,
    classes: usize,
    of_rows: Rows<'a>,
    matrix: Option<Matrix<'a, G>>,
}

impl<G: Float> Tiles for Batch<'_, '_, '_, G> {
    #[inline(always)]
    fn read(&mut self, first: usize, logits: &mut [f32]) {
        let start = (self.start + first) * self.classes;
        match self.logits {
            Some(of_all) => for_each_element!(Values, of_all.values(), values => {
                widen(&values[start..start + logits.len()], logits);
            }),
            None => {
                let rows = self.matrix.as_mut().and_then(|matrix| matrix.rows(first, ROWS));
                widen(rows.as_deref().unwrap_or_default(), logits);
            }
        }
    }

    #[inline(always)]
    fn write(
        &mut self,
        first: usize,
        logits: &[f32],
        losses: &Lanes,
        gradient: &mut [f32],
        by_itself: u32,
    ) {
        if let Some(of_rows) = &mut self.of_rows.loss {
            of_rows[first..first + ROWS].copy_from_slice(losses);
        }
        if by_itself != 0 {
            self.by_themselves(first, logits, gradient, by_itself);
        }
        if let Some(matrix) = &mut self.matrix {
            let is_streamed = matrix.is_streamed();
            store_row(gradient, matrix.rows(first, ROWS).unwrap_or_default(), is_streamed);
        }
    }
}

impl<G: Float> Batch<'_, '_, '_, G> {
    #[cold]
    fn by_themselves(
        &mut self,
        first: usize,
        logits: &[f32],
        gradient: &mut [f32],
        by_itself: u32,
    ) {
        let rows = logits.chunks_exact(self.classes).zip(gradient.chunks_exact_mut(self.classes));
        for (lane, (logits, values)) in rows.enumerate() {
            if by_itself & (1 << lane) == 0 {
                continue;
            }
            let has_gradient = self.matrix.is_some();
            let row = SourceRow {
                row: self.start + first + lane,
                index: first + lane,
                transformed: TransformedRow { logits, slopes: None, argmax: None },
                others: &mut [],
                values: has_gradient.then_some(&mut *values),
                common: PhantomData,
            };
            self.call.row(row, &mut self.of_rows).write(logits, 0, values, true);
        }
    }
}
