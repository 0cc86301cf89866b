//! Results with a value for each logit, contiguous, of any element type.

use super::convert::narrow;
use super::input::TILE;
use super::split::Split;
use crate::{Element, Float, Shape};

/// Consecutive rows of such results.
pub(super) struct Matrix<'a, T> {
    classes: usize,
    inner: usize,
    lines: Lines<'a, T>,
}

enum Lines<'a, T> {
    /// Whole blocks of rows side by side.
    Blocks(&'a mut [T]),
    /// Some rows of one block: a slice for each class.
    OfOneBlock(Vec<&'a mut [T]>),
}

impl<'a, T: Float> Matrix<'a, T> {
    pub(super) fn new(values: &'a mut [T], shape: Shape) -> Self {
        Self { classes: shape.classes, inner: shape.inner, lines: Lines::Blocks(values) }
    }

    /// Whether each row has memory of its own, of `f32` without gaps.
    pub(super) fn has_rows(&self) -> bool {
        self.inner == 1 && T::ELEMENT == Element::F32
    }

    /// A row's own memory, where it [has](Self::has_rows) some.
    pub(super) fn row(&mut self, row: usize) -> Option<&mut [f32]> {
        match &mut self.lines {
            Lines::Blocks(values) if self.inner == 1 && T::ELEMENT == Element::F32 => {
                let of_row = &mut values[row * self.classes..][..self.classes];
                Some(bytemuck::cast_slice_mut(of_row))
            }
            _ => None,
        }
    }

    /// Rounds rows that lie one after the other in `tile`, to those from `row` on; at most
    /// [`TILE`], of one block.
    pub(super) fn store(&mut self, row: usize, tile: &[f32]) {
        let classes = self.classes;
        if classes == 0 {
            return;
        }
        let rows = tile.len() / classes;
        let (block, column) = (row / self.inner, row % self.inner);
        match &mut self.lines {
            Lines::Blocks(values) if self.inner == 1 => {
                narrow(tile, &mut values[row * classes..][..tile.len()]);
            }
            Lines::Blocks(values) => {
                let block = values.chunks_exact_mut(classes * self.inner).nth(block);
                let lines = block.into_iter().flat_map(|block| block.chunks_exact_mut(self.inner));
                for (class, line) in lines.enumerate() {
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

/// One class of each row of a tile.
fn store_line<T: Float>(tile: &[f32], classes: usize, class: usize, line: &mut [T]) {
    let mut values = [0.0; TILE];
    let values = &mut values[..line.len()];
    for (row, value) in values.iter_mut().enumerate() {
        *value = tile[row * classes + class];
    }
    narrow(values, line);
}

impl<T: Float> Split for Matrix<'_, T> {
    fn split(self, rows: usize) -> (Self, Self) {
        let Self { classes, inner, lines } = self;
        let (left, right) = match lines {
            Lines::Blocks(values) if rows.is_multiple_of(inner) => {
                let (left, right) = values.split_at_mut(rows * classes);
                (Lines::Blocks(left), Lines::Blocks(right))
            }
            Lines::Blocks(block) => split_lines(block.chunks_exact_mut(inner).collect(), rows),
            Lines::OfOneBlock(lines) => split_lines(lines, rows),
        };
        (Self { classes, inner, lines: left }, Self { classes, inner, lines: right })
    }
}

fn split_lines<T>(lines: Vec<&mut [T]>, rows: usize) -> (Lines<'_, T>, Lines<'_, T>) {
    let (left, right) = lines.into_iter().map(|line| line.split_at_mut(rows)).unzip();
    (Lines::OfOneBlock(left), Lines::OfOneBlock(right))
}
