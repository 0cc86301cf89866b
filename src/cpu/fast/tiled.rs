//! Goes through rows tile by tile, and stores their gradients.

use std::ops::Range;

use super::input::{Tile, TransformedRow, Wanted, copy_rows, tiles};
use super::matrix::Matrix;
use super::scratch::{Scratch, room, with_scratch};
use super::transform::Transform;
use crate::{Float, Logits, Values};

/// What is read of each row.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) logits: Logits<'a>,
    pub(super) transform: Transform,
    /// Whether the argmax is wanted.
    pub(super) argmax: bool,
    /// Probabilities, or an upstream gradient: shaped as the logits.
    pub(super) others: Option<Logits<'a>>,
}

impl<'a> Source<'a> {
    /// The memory of rows that nothing has to be done to before they are computed with.
    fn as_it_is(&self) -> Option<&'a [f32]> {
        match self.logits.values() {
            Values::F32(values)
                if self.logits.shape().inner == 1
                    && self.transform.is_identity()
                    && self.others.is_none() =>
            {
                Some(values)
            }
            _ => None,
        }
    }
}

/// One row, as a loop over rows hands it out.
pub(super) struct SourceRow<'a> {
    /// Counted over the whole batch.
    pub(super) row: usize,
    /// Counted over those that this thread has got.
    pub(super) index: usize,
    pub(super) transformed: TransformedRow<'a>,
    /// The row of [`Source::others`], as a copy; empty where there is none.
    pub(super) others: &'a mut [f32],
    /// Where a result for each logit goes, where it is asked for.
    pub(super) result: Option<RowResult<'a>>,
}

/// A row of results, one for each logit.
pub(super) struct RowResult<'a> {
    pub(super) values: &'a mut [f32],
    /// Whether they are 0 and not just anything.
    are_zero: bool,
}

impl RowResult<'_> {
    pub(super) fn set_zero(&mut self) {
        if !self.are_zero {
            self.values.fill(0.0);
        }
    }
}

/// Calls `compute` for each row, and stores what it leaves in the row's result.
pub(super) fn for_each_row<G: Float>(
    source: Source<'_>,
    rows: Range<usize>,
    mut matrix: Option<Matrix<'_, G>>,
    mut compute: impl FnMut(SourceRow<'_>),
) {
    let Source { logits, transform, argmax, others } = source;
    let (shape, classes) = (logits.shape(), logits.classes());
    if let Some(values) = source.as_it_is()
        && matrix.as_ref().is_none_or(Matrix::has_rows)
    {
        for row in rows.clone() {
            let index = row - rows.start;
            let logits = &values[row * shape.row_stride..][..classes];
            let result = matrix.as_mut().and_then(|matrix| matrix.row(index));
            compute(SourceRow {
                row,
                index,
                transformed: TransformedRow { logits, slopes: None, argmax: None },
                others: &mut [],
                result: result.map(|values| RowResult { values, are_zero: true }),
            });
        }
        return;
    }
    let wanted = Wanted { slopes: matrix.is_some(), argmax };
    with_scratch(|scratch| {
        for tile_rows in tiles(rows.clone(), shape) {
            let (first, count) = (tile_rows.start, tile_rows.len());
            let Scratch { logits: of_logits, slopes, others: of_others, gradient, argmax } =
                &mut *scratch;
            let tile = Tile::read(
                logits,
                tile_rows.clone(),
                transform,
                wanted,
                [of_logits, slopes],
                argmax,
            );
            let of_others = room(of_others, others.map_or(0, |_| count * classes));
            if let Some(others) = others {
                copy_rows(others, tile_rows, of_others);
            }
            for index in 0..count {
                let place = index * classes..(index + 1) * classes;
                let at = first - rows.start + index;
                let result = matrix.as_mut().map(|matrix| match matrix.row(at) {
                    Some(values) => RowResult { values, are_zero: true },
                    None => {
                        let values = &mut room(gradient, count * classes)[place.clone()];
                        RowResult { values, are_zero: false }
                    }
                });
                compute(SourceRow {
                    row: first + index,
                    index: at,
                    transformed: tile.row(index),
                    others: of_others.get_mut(place).unwrap_or_default(),
                    result,
                });
            }
            if let Some(matrix) = &mut matrix
                && !matrix.has_rows()
            {
                matrix.store(first - rows.start, &gradient[..count * classes]);
            }
        }
    });
}
