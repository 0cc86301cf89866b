//! The order that elements are computed in, and operands in that order.

use std::ops::Range;

use crate::axis::Axis;
use crate::cpu::fast::convert::widen;
use crate::cpu::fast::scratch::room;
use crate::element::Values;
use crate::element::for_each_element;
use crate::logits::{Logits, Shape};
use crate::ops::elementwise::ElementwiseReduction;
use crate::weights::Weights;

/// Elements in the order of a contiguous result, as lines: rows, or what of a column lies side by
/// side in a block of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lines {
    /// Elements of a line.
    pub(super) length: usize,
    /// Lines of a block of rows; all where there are no rows side by side.
    pub(super) of_block: usize,
    pub(super) blocks: usize,
    /// Whether lines are rows.
    are_rows: bool,
}

/// Which elements make up a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    /// Each by itself.
    Each,
    /// Those of a line.
    Along,
    /// Those at the same place of each line of a block.
    Across,
    All,
}

impl Lines {
    pub(super) fn of(shape: Shape) -> Self {
        match shape.inner {
            0 | 1 => {
                let (length, of_block) = (shape.classes, shape.rows);
                Self { length, of_block, blocks: 1, are_rows: true }
            }
            inner => {
                let (of_block, blocks) = (shape.classes, shape.outer());
                Self { length: inner, of_block, blocks, are_rows: false }
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.of_block * self.blocks
    }

    pub(super) fn elements(&self) -> usize {
        self.count() * self.length
    }

    /// Of so many results.
    pub(super) fn direction(
        &self,
        reduction: ElementwiseReduction,
        axis: Axis,
        results: usize,
    ) -> Direction {
        match (reduction, axis) {
            (ElementwiseReduction::None, _) => Direction::Each,
            _ if results == 1 => Direction::All,
            (_, Axis::All) => Direction::All,
            (_, Axis::EachRow) if self.are_rows => Direction::Along,
            (_, Axis::EachColumn) if !self.are_rows => Direction::Along,
            _ => Direction::Across,
        }
    }

    /// Row and column of an element.
    pub(super) fn place(&self, index: usize) -> (usize, usize) {
        let (line, place) = (index / self.length, index % self.length);
        match self.are_rows {
            true => (line, place),
            false => (line / self.of_block * self.length + place, line % self.of_block),
        }
    }
}

/// An operand.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// With a value for each element.
    Matrix(Logits<'a>),
    /// With a value for each line of a block, or for each line.
    EachLine(Lines, &'a [f32]),
    /// With a value for each place in the lines of each block.
    EachPlace(Lines, &'a [f32]),
}

impl<'a> Source<'a> {
    pub(super) fn of_weights(weights: Weights<'a>, lines: Lines) -> Option<Self> {
        Some(match weights {
            Weights::None => return None,
            Weights::PerElement(matrix) => Self::Matrix(matrix),
            Weights::PerRow(values) if lines.are_rows => Self::EachLine(lines, values),
            Weights::PerColumn(values) if !lines.are_rows => Self::EachLine(lines, values),
            Weights::PerRow(values) | Weights::PerColumn(values) => Self::EachPlace(lines, values),
        })
    }

    /// Some elements as `f32`: where they are, or by way of `scratch`.
    pub(super) fn read<'b>(&self, range: Range<usize>, scratch: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        match *self {
            Self::Matrix(matrix) => read_matrix(matrix, range, scratch),
            Self::EachLine(lines, values) => {
                let into = room(scratch, range.len());
                if lines.length == 1 && values.len() >= range.end {
                    return &values[range];
                }
                for_pieces(range, lines.length, |line, _, part| {
                    into[part].fill(values[line % lines.of_block]);
                });
                into
            }
            Self::EachPlace(lines, values) => {
                let start = |line: usize| line / lines.of_block * lines.length;
                let (line, place) = (range.start / lines.length, range.start % lines.length);
                if place + range.len() <= lines.length {
                    return &values[start(line) + place..][..range.len()];
                }
                let into = room(scratch, range.len());
                for_pieces(range, lines.length, |line, place, part| {
                    let from = &values[start(line) + place..][..part.len()];
                    into[part].copy_from_slice(from);
                });
                into
            }
        }
    }
}

/// Calls with line, first place, and which of the range's elements they are.
#[inline(always)]
pub(super) fn for_pieces(
    range: Range<usize>,
    length: usize,
    mut call: impl FnMut(usize, usize, Range<usize>),
) {
    let (mut line, mut place) = (range.start / length, range.start % length);
    let (mut done, count) = (0, range.len());
    while done < count {
        let end = count.min(done + length - place);
        call(line, place, done..end);
        (line, place, done) = (line + 1, 0, end);
    }
}

fn read_matrix<'b, 'a: 'b>(
    matrix: Logits<'a>,
    range: Range<usize>,
    scratch: &'b mut Vec<f32>,
) -> &'b [f32] {
    let shape = matrix.shape();
    let together = shape.classes * shape.inner;
    let is_one_run = shape.is_contiguous() || {
        range.start / together == (range.end - 1) / together // ranges are not empty
    };
    let at = |index: usize| match shape.is_contiguous() {
        true => index,
        false => index / together * shape.row_stride + index % together,
    };
    if let (Values::F32(values), true) = (matrix.values(), is_one_run) {
        return &values[at(range.start)..][..range.len()];
    }
    let into = room(scratch, range.len());
    for_each_element!(Values, matrix.values(), values => {
        if is_one_run {
            widen(&values[at(range.start)..][..into.len()], into);
        } else {
            for_pieces(range, together, |block, place, part| {
                let from = &values[block * shape.row_stride + place..][..part.len()];
                widen(from, &mut into[part]);
            });
        }
    });
    into
}
