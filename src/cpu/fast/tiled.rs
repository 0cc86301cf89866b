//! Goes through rows tile by tile, and stores their gradients.

use std::marker::PhantomData;
use std::ops::Range;

use super::gradient::RowResult;
use super::input::{Tile, TransformedRow, Wanted, borrow_rows, copy_rows, tiles};
use super::matrix::{Matrix, store_row};
use super::scratch::{Scratch, room, with_scratch};
use super::softmax::PART;
use super::stream;
use super::terms::Terms;
use super::threads::join;
use super::transform::Transform;
use crate::element::{Element, Float, Values};
use crate::logits::{Logits, Shape};

/// What is read of each row.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// `None`: where the results go.
    pub(super) logits: Option<Logits<'a>>,
    pub(super) shape: Shape,
    pub(super) transform: Transform,
    /// Whether the argmax is wanted.
    pub(super) argmax: bool,
    /// Whose targets' ranks are wanted, if they are.
    pub(super) ranks: Option<&'a Terms<'a>>,
    /// Probabilities, or an upstream gradient: shaped as the logits.
    pub(super) others: Option<Logits<'a>>,
    /// Whether no result of a long row is [`RowResult::Values`]: then it is computed part by part.
    pub(super) in_parts: bool,
}

impl Source<'_> {
    /// Whether nothing has to be done to rows before they are computed with.
    fn is_as_it_is(&self) -> bool {
        self.shape.element == Element::F32
            && self.shape.inner == 1
            && self.transform.is_identity()
            && self.others.is_none()
    }

    /// How much room a row's results need while they are computed.
    fn room(&self) -> usize {
        let Shape { classes, inner, .. } = self.shape;
        if self.in_parts && classes > PART && inner == 1 { 0 } else { classes }
    }
}

/// One row, as a loop over rows hands it out.
pub(super) struct SourceRow<'l, 'a, 'c> {
    /// Counted over the whole batch.
    pub(super) row: usize,
    /// Counted over those that this thread has got.
    pub(super) index: usize,
    pub(super) transformed: TransformedRow<'l, 'a>,
    /// The row of [`Source::others`], as a copy; empty where there is none.
    pub(super) others: &'a mut [f32],
    /// Room for the exponentials, then for a result for each logit, where that is asked for; empty
    /// where a long row is computed part by part.
    pub(super) values: Option<&'l mut [f32]>,
    /// What all rows have in common, `'c`, outlives what is computed of one.
    pub(super) common: PhantomData<&'a &'c ()>,
}

/// Calls `compute` for each row, and stores the results for each logit that it describes. Up to
/// [`PART`] classes it has to leave the exponentials in their room where results are made of them.
pub(super) fn for_each_row<'c, G: Float>(
    source: Source<'_>,
    rows: Range<usize>,
    mut matrix: Option<Matrix<'_, G>>,
    compute: impl for<'l, 'a> FnMut(SourceRow<'l, 'a, 'c>) -> RowResult<'a>,
) {
    let is_streamed = matrix.as_ref().is_some_and(Matrix::is_streamed);
    if source.is_as_it_is() {
        each_as_it_is(source, rows, &mut matrix, compute);
    } else {
        each_of_tiles(source, rows, &mut matrix, compute);
    }
    if is_streamed {
        stream::finish();
    }
}

fn each_as_it_is<'c, G: Float>(
    source: Source<'_>,
    rows: Range<usize>,
    matrix: &mut Option<Matrix<'_, G>>,
    mut compute: impl for<'l, 'a> FnMut(SourceRow<'l, 'a, 'c>) -> RowResult<'a>,
) {
    let Shape { classes, row_stride, .. } = source.shape;
    let values: Option<&[f32]> = match source.logits.map(|logits| logits.values()) {
        Some(Values::F32(values)) => Some(values),
        _ => None,
    };
    let needed = source.room();
    let (is_streamed, is_zero) = match matrix {
        Some(matrix) => (matrix.is_streamed(), matrix.is_zero()),
        None => (false, false),
    };
    with_scratch(|scratch| {
        for row in rows.clone() {
            let index = row - rows.start;
            let of_row = values.map(|values| &values[row * row_stride..][..classes]);
            let to = matrix.as_mut().and_then(|matrix| matrix.row(index));
            // In place, logits and results are of the same type.
            let in_place = to.as_deref().filter(|_| of_row.is_none()).map(bytemuck::cast_slice);
            let room = room(&mut scratch.gradient, if to.is_some() { needed } else { 0 });
            let transformed = TransformedRow {
                logits: of_row.or(in_place).unwrap_or_default(),
                slopes: None,
                argmax: None,
                target_rank: None,
            };
            let result = compute(SourceRow {
                row,
                index,
                transformed,
                others: &mut [],
                values: to.is_some().then_some(&mut *room),
                common: PhantomData,
            });
            if to.is_some() && needed == classes {
                result.write(transformed.logits, 0, room, classes <= PART);
            }
            match to {
                None => {}
                Some(_) if is_zero && matches!(result, RowResult::Zero) => {}
                Some(to) if needed == classes => store_row(room, to, is_streamed),
                Some(to) => write_parts(&result, of_row, 0, to, is_streamed),
            }
        }
    });
}

/// Elements of a long row that are computed before they are stored.
const PIECE: usize = 1 << 12;

/// The results of a long row, of the columns from `first` on, on several threads. `logits` are
/// `None` where they are what `to` holds.
fn write_parts<G: Float>(
    result: &RowResult<'_>,
    logits: Option<&[f32]>,
    first: usize,
    to: &mut [G],
    is_streamed: bool,
) {
    if to.len() > 4 * PART {
        let middle = to.len().div_ceil(PART) / 2 * PART;
        let (left, right) = to.split_at_mut(middle);
        let (of_left, of_right) = logits.map(|logits| logits.split_at(middle)).unzip();
        join(
            || write_parts(result, of_left, first, left, is_streamed),
            || write_parts(result, of_right, first + middle, right, is_streamed),
        );
        return;
    }
    let mut values = [0.0; PIECE];
    for (index, to) in to.chunks_mut(PIECE).enumerate() {
        let start = index * PIECE;
        let values = &mut values[..to.len()];
        match logits {
            Some(logits) => {
                result.write(&logits[start..][..to.len()], first + start, values, false);
            }
            // In place, logits and results are of the same type.
            None => result.write(bytemuck::cast_slice(to), first + start, values, false),
        }
        store_row(values, to, is_streamed);
    }
    if is_streamed {
        stream::finish();
    }
}

fn each_of_tiles<'c, G: Float>(
    source: Source<'_>,
    rows: Range<usize>,
    matrix: &mut Option<Matrix<'_, G>>,
    mut compute: impl for<'l, 'a> FnMut(SourceRow<'l, 'a, 'c>) -> RowResult<'a>,
) {
    let Source { logits, shape, transform, argmax, ranks, others, .. } = source;
    let classes = shape.classes;
    let in_place = logits.is_none();
    with_scratch(|scratch| {
        for tile_rows in tiles(rows.clone(), shape) {
            let (first, count) = (tile_rows.start, tile_rows.len());
            let at = first - rows.start;
            let wanted = Wanted {
                slopes: matrix.is_some(),
                argmax,
                ranks: ranks.map(|terms| (terms, first)),
            };
            let Scratch { logits: of_logits, slopes, others: of_others, gradient, places, .. } =
                &mut *scratch;
            let copy = |into: &mut [f32]| match (logits, matrix.as_ref()) {
                (Some(logits), _) => copy_rows(logits, tile_rows.clone(), into),
                (None, Some(matrix)) if in_place => matrix.load(at, into),
                (None, _) => {}
            };
            let tile = Tile::read(
                (count, classes),
                logits.and_then(|logits| borrow_rows(logits, &tile_rows)),
                copy,
                (transform, wanted),
                [of_logits, slopes],
                places.each_mut(),
            );
            let of_others = room(of_others, others.map_or(0, |_| count * classes));
            if let Some(others) = others {
                copy_rows(others, tile_rows.clone(), of_others);
            }
            let needed = if matrix.is_some() { source.room() } else { 0 };
            let of_results = room(gradient, count * needed);
            for index in 0..count {
                let transformed = tile.row(index);
                let place = index * classes..(index + 1) * classes;
                let room = &mut of_results[index * needed..(index + 1) * needed];
                let result = compute(SourceRow {
                    row: first + index,
                    index: at + index,
                    transformed,
                    others: of_others.get_mut(place).unwrap_or_default(),
                    values: matrix.is_some().then_some(&mut *room),
                    common: PhantomData,
                });
                let Some(matrix) = matrix.as_mut() else { continue };
                if needed == classes {
                    result.write(transformed.logits, 0, room, classes <= PART);
                } else {
                    let is_streamed = matrix.is_streamed();
                    let to = matrix.row(at).unwrap_or_default();
                    write_parts(&result, Some(transformed.logits), 0, to, is_streamed);
                }
            }
            if let Some(matrix) = matrix.as_mut()
                && needed == classes
            {
                matrix.store(at, of_results);
            }
        }
    });
}
