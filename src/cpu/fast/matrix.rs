//! Results with a value for each logit, of any element type: rows without gaps, or in the place of
//! the logits.

use super::convert::{narrow, widen};
use super::input::TILE;
use super::split::Split;
use super::stream;
use crate::element::{Element, Float};
use crate::logits::Shape;

/// Bytes from which results are written past the caches: above what most last-level caches hold.
pub(super) const MUCH: usize = 1 << 25;

/// Consecutive rows of such results.
pub(super) struct Matrix<'a, T> {
    classes: usize,
    inner: usize,
    /// Elements from a row, or a block of `inner` rows, to the next.
    stride: usize,
    holds: Holds,
    /// Results are more than stay in the caches. Fresh memory is there: the system has just zeroed it.
    is_much: bool,
    lines: Lines<'a, T>,
}

/// What the memory holds before the results.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Holds {
    /// Zeros, fresh from the allocator.
    Zeros,
    /// Anything, fresh from the allocator.
    Fresh,
    /// Anything.
    Anything,
    /// The logits.
    Logits,
}

enum Lines<'a, T> {
    /// Whole blocks of rows side by side.
    Blocks(&'a mut [T]),
    /// Some rows of one block: a slice for each class.
    OfOneBlock(Vec<&'a mut [T]>),
}

impl<'a, T: Float> Matrix<'a, T> {
    pub(super) fn new(values: &'a mut [T], shape: Shape, holds: Holds) -> Self {
        let Shape { classes, inner, row_stride: stride, .. } = shape;
        let is_much = holds == Holds::Anything && size_of_val(values) >= MUCH;
        Self { classes, inner, stride, holds, is_much, lines: Lines::Blocks(values) }
    }

    /// Whether results need not be written where they are 0.
    pub(super) fn is_zero(&self) -> bool {
        self.holds == Holds::Zeros
    }

    /// Whether results pass the caches by.
    pub(super) fn is_streamed(&self) -> bool {
        self.is_much && T::ELEMENT == Element::F32 && self.inner == 1
    }

    /// A row's own memory, unless rows lie side by side.
    pub(super) fn row(&mut self, row: usize) -> Option<&mut [T]> {
        match &mut self.lines {
            Lines::Blocks(values) if self.inner == 1 => {
                Some(&mut values[row * self.stride..][..self.classes])
            }
            _ => None,
        }
    }

    /// The memory of rows, unless something lies between their elements.
    pub(super) fn rows(&mut self, first: usize, count: usize) -> Option<&mut [T]> {
        match &mut self.lines {
            Lines::Blocks(values) if self.inner == 1 && self.stride == self.classes => {
                Some(&mut values[first * self.classes..][..count * self.classes])
            }
            _ => None,
        }
    }

    /// The same, to be read.
    pub(super) fn in_order(&self, first: usize, count: usize) -> Option<&[T]> {
        match &self.lines {
            Lines::Blocks(values) if self.inner == 1 && self.stride == self.classes => {
                Some(&values[first * self.classes..][..count * self.classes])
            }
            _ => None,
        }
    }

    /// Widens rows of one block, at most [`TILE`], from `row` on: one after the other in `tile`.
    pub(super) fn load(&self, row: usize, tile: &mut [f32]) {
        let classes = self.classes;
        if classes == 0 {
            return;
        }
        let rows = tile.len() / classes;
        let (block, column) = (row / self.inner, row % self.inner);
        match &self.lines {
            Lines::Blocks(values) => {
                let block = &values[block * self.stride..][..classes * self.inner];
                if self.inner == 1 {
                    return widen(block, tile);
                }
                for (class, line) in block.chunks_exact(self.inner).enumerate() {
                    load_line(&line[column..column + rows], tile, classes, class);
                }
            }
            Lines::OfOneBlock(lines) => {
                for (class, line) in lines.iter().enumerate() {
                    load_line(&line[row..row + rows], tile, classes, class);
                }
            }
        }
    }

    /// Rounds rows that lie one after the other in `tile`, to those from `row` on; at most
    /// [`TILE`], of one block.
    pub(super) fn store(&mut self, row: usize, tile: &[f32]) {
        let classes = self.classes;
        if classes == 0 {
            return;
        }
        let streamed = self.is_streamed();
        let rows = tile.len() / classes;
        let (block, column) = (row / self.inner, row % self.inner);
        match &mut self.lines {
            Lines::Blocks(values) => {
                let block = &mut values[block * self.stride..][..classes * self.inner];
                if self.inner == 1 {
                    return store_row(tile, block, streamed);
                }
                for (class, line) in block.chunks_exact_mut(self.inner).enumerate() {
                    store_line(tile, classes, class, &mut line[column..column + rows]);
                }
            }
            Lines::OfOneBlock(lines) => {
                for (class, line) in lines.iter_mut().enumerate() {
                    store_line(tile, classes, class, &mut line[row..row + rows]);
                }
            }
        }
    }
}

/// Rounds a row, or a part of one.
pub(super) fn store_row<T: Float>(from: &[f32], to: &mut [T], streamed: bool) {
    if streamed && T::ELEMENT == Element::F32 {
        stream::copy(from, bytemuck::cast_slice_mut(to));
    } else {
        narrow(from, to);
    }
}

/// One class of each row of a tile.
fn store_line<T: Float>(tile: &[f32], classes: usize, class: usize, line: &mut [T]) {
    let mut values = [0.0; TILE];
    let values = &mut values[..line.len()];
    for (row, value) in values.iter_mut().enumerate() {
        *value = tile[row * classes + class];
    }
    narrow(values, line);
}

/// One class of each row, into a tile.
fn load_line<T: Float>(line: &[T], tile: &mut [f32], classes: usize, class: usize) {
    let mut values = [0.0; TILE];
    let values = &mut values[..line.len()];
    widen(line, values);
    for (row, &value) in values.iter().enumerate() {
        tile[row * classes + class] = value;
    }
}

impl<T: Float> Split for Matrix<'_, T> {
    fn split(self, rows: usize) -> (Self, Self) {
        let Self { classes, inner, stride, holds, is_much, lines } = self;
        let (left, right) = match lines {
            Lines::Blocks(values) if rows.is_multiple_of(inner) => {
                // The last block has no gap behind it.
                let end = (rows / inner * stride).min(values.len());
                let (left, right) = values.split_at_mut(end);
                (Lines::Blocks(left), Lines::Blocks(right))
            }
            Lines::Blocks(block) => {
                let block = &mut block[..classes * inner];
                split_lines(block.chunks_exact_mut(inner).collect(), rows)
            }
            Lines::OfOneBlock(lines) => split_lines(lines, rows),
        };
        let with = |lines| Self { classes, inner, stride, holds, is_much, lines };
        (with(left), with(right))
    }
}

fn split_lines<T>(lines: Vec<&mut [T]>, rows: usize) -> (Lines<'_, T>, Lines<'_, T>) {
    let (left, right) = lines.into_iter().map(|line| line.split_at_mut(rows)).unzip();
    (Lines::OfOneBlock(left), Lines::OfOneBlock(right))
}
