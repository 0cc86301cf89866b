//! A matrix as lines: its rows, or its columns, whichever memory is walked along.

use std::ops::Range;

use crate::cpu::fast::convert::widen;
use crate::cpu::fast::scratch::room;
use crate::element::for_each_element;
use crate::element::{Float, Values};
use crate::logits::{Logits, Shape};

/// Rows or columns shorter than this are read side by side: as lines they would be too short.
const SHORT: usize = 16;

/// Whether lines are rows or columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Orientation {
    Rows,
    Columns,
}

impl Orientation {
    /// Along memory, unless lines would be short that way and not the other.
    pub(super) fn of(shape: Shape) -> Self {
        let is_short = |length: usize| length < SHORT;
        match shape.inner {
            0 | 1 if is_short(shape.classes) => Self::Columns,
            0 | 1 => Self::Rows,
            inner if is_short(inner) && !is_short(shape.classes) => Self::Rows,
            _ => Self::Columns,
        }
    }
}

/// A matrix as lines.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) matrix: Logits<'a>,
    pub(super) orientation: Orientation,
    /// The rows in another order, or only some of them.
    pub(super) order: Option<&'a [usize]>,
}

impl<'a> View<'a> {
    /// The row at a place of the order.
    #[inline(always)]
    fn row(&self, index: usize) -> usize {
        self.order.map_or(index, |order| order[index])
    }

    /// Row and column of a place in a line.
    pub(super) fn place(&self, line: usize, place: usize) -> (usize, usize) {
        match self.orientation {
            Orientation::Rows => (self.row(line), place),
            Orientation::Columns => (self.row(place), line),
        }
    }

    /// Where a place lies in memory.
    fn at(&self, line: usize, place: usize) -> usize {
        let (row, class) = self.place(line, place);
        let shape = self.matrix.shape();
        shape.start_of(row) + class * shape.inner
    }

    /// Lines as they are in memory, and from each to the next; `None` where they are of another
    /// type or not contiguous.
    fn borrow(&self, lines: &Range<usize>, places: &Range<usize>) -> Option<(&'a [f32], usize)> {
        let Values::F32(values) = self.matrix.values() else { return None };
        if lines.is_empty() || places.is_empty() {
            return Some((&[], 0));
        }
        let Shape { inner, row_stride, .. } = self.matrix.shape();
        let block = |row: usize| row / inner;
        let stride = match self.orientation {
            _ if self.order.is_some() => return None,
            Orientation::Rows if inner == 1 => row_stride,
            Orientation::Columns if inner > 1 && block(places.start) == block(places.end - 1) => {
                inner
            }
            Orientation::Columns if places.len() == 1 => inner,
            _ => return None,
        };
        Some((&values[self.at(lines.start, places.start)..], stride))
    }

    /// Lines as `f32`, and from each to the next; where they are not so in memory, by way of
    /// `scratch`.
    pub(super) fn read<'b>(
        &self,
        lines: Range<usize>,
        places: Range<usize>,
        scratch: &'b mut Vec<f32>,
    ) -> (&'b [f32], usize)
    where
        'a: 'b,
    {
        if let Some(borrowed) = self.borrow(&lines, &places) {
            return borrowed;
        }
        let width = places.len();
        let into = room(scratch, lines.len() * width);
        for_each_element!(Values, self.matrix.values(), values => {
            match self.orientation {
                Orientation::Rows => self.copy_rows(values, lines, places, into),
                Orientation::Columns => self.copy_columns(values, lines, places, into),
            }
        });
        (into, width)
    }

    fn copy_rows<T: Float>(
        &self,
        values: &[T],
        lines: Range<usize>,
        places: Range<usize>,
        into: &mut [f32],
    ) {
        let inner = self.matrix.shape().inner;
        for (line, into) in lines.zip(into.chunks_exact_mut(places.len())) {
            let row = &values[self.at(line, places.start)..];
            if inner == 1 {
                widen(&row[..into.len()], into);
                continue;
            }
            for (into, value) in into.iter_mut().zip(row.iter().step_by(inner)) {
                *into = value.widen();
            }
        }
    }

    fn copy_columns<T: Float>(
        &self,
        values: &[T],
        lines: Range<usize>,
        places: Range<usize>,
        into: &mut [f32],
    ) {
        let (inner, width) = (self.matrix.shape().inner, places.len());
        let mut next = places.start;
        while next < places.end {
            // As many as lie side by side.
            let count = match self.order {
                None if inner > 1 => (inner - next % inner).min(places.end - next),
                _ => 1,
            };
            let (start, offset) = (self.at(lines.start, next), next - places.start);
            for line in 0..lines.len() {
                let (from, to) = (start + line * inner, line * width + offset);
                match count {
                    1 => into[to] = values[from].widen(),
                    _ => widen(&values[from..from + count], &mut into[to..to + count]),
                }
            }
            next += count;
        }
    }
}
