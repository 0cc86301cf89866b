//! Cutting a batch in host memory by rows, so that each piece fits in buffers of a bounded size.

use std::ops::Range;

use crate::logits::Shape;

/// A run of rows: whole blocks of rows side by side, or some of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its first row in the batch.
    pub first_row: usize,
    /// Its rows.
    pub rows: usize,
    /// Rows of it that lie side by side.
    inner: usize,
}

/// A run of elements of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first element in the batch.
    pub start: usize,
    /// Its first element in the packed piece.
    pub packed: usize,
    /// Its elements.
    pub length: usize,
}

impl Piece {
    /// The piece that starts with the first of `rows`: as many of them as have no more than
    /// `elements` elements, but at least one row.
    pub fn next(shape: &Shape, rows: Range<usize>, elements: usize) -> Self {
        let first_row = rows.start;
        let left = rows.len();
        let most = (elements / shape.classes.max(1)).clamp(1, left.max(1));
        let inner = shape.inner.max(1);
        let in_block = first_row % inner;
        if in_block == 0 && most.min(left) >= inner {
            let rows = most.min(left) / inner * inner;
            return Self { first_row, rows, inner };
        }
        let rows = most.min(left).min(inner - in_block);
        Self { first_row, rows, inner: rows }
    }

    /// The rows.
    pub fn range(&self) -> Range<usize> {
        self.first_row..self.first_row + self.rows
    }

    /// The piece's shape where it is packed.
    pub fn packed(&self, shape: &Shape) -> Shape {
        Shape { rows: self.rows, inner: self.inner, ..*shape }.contiguous()
    }

    /// Where the piece's elements are in the batch, and where when packed; in order of the latter.
    pub fn segments(&self, shape: &Shape) -> impl Iterator<Item = Segment> + use<> {
        let (shape, piece) = (*shape, *self);
        let inner = shape.inner.max(1);
        let block = shape.classes * inner;
        let is_whole = piece.inner == inner;
        let blocks = piece.rows / piece.inner.max(1);
        // Runs, and their lengths: all blocks, each block, or each class of a part of a block.
        let (runs, length) = match is_whole {
            true if shape.row_stride == block || blocks <= 1 => (blocks.min(1), blocks * block),
            true => (blocks, block),
            false => (shape.classes, piece.rows),
        };
        let first = shape.start_of(piece.first_row);
        let apart = if is_whole { shape.row_stride } else { inner };
        (0..runs).map(move |run| Segment {
            start: first + run * apart,
            packed: run * length,
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element of every row comes once, in its place.
    fn check(shape: Shape, elements: usize, rows: Range<usize>) {
        let mut next = rows.start;
        while next < rows.end {
            let piece = Piece::next(&shape, next..rows.end, elements);
            assert_eq!(piece.first_row, next);
            assert!(piece.rows > 0 && piece.range().end <= rows.end);
            let packed = piece.packed(&shape);
            assert!(packed.rows == 1 || packed.elements() <= Some(elements.max(shape.classes)));
            let mut found = vec![None; packed.extent().expect("small")];
            for segment in piece.segments(&shape) {
                for i in 0..segment.length {
                    found[segment.packed + i] = Some(segment.start + i);
                }
            }
            for row in 0..piece.rows {
                for class in 0..shape.classes {
                    let of_batch =
                        shape.start_of(piece.first_row + row) + class * shape.inner.max(1);
                    let place = packed.start_of(row) + class * packed.inner;
                    assert_eq!(found[place], Some(of_batch), "{shape:?}, {piece:?}");
                }
            }
            next = piece.range().end;
        }
    }

    #[test]
    fn every_element_of_every_row_once() {
        for (outer, classes, inner) in [(1, 1, 1), (7, 3, 1), (3, 5, 4), (1, 4, 9), (2, 1, 6)] {
            let shape = Shape::with_class_axis(outer, classes, inner);
            for gap in [0, 1, 10] {
                let shape = shape.with_row_stride(shape.row_stride + gap);
                for elements in 0..2 * classes * inner + 2 {
                    check(shape, elements, 0..shape.rows);
                    check(shape, elements, shape.rows / 3..shape.rows);
                    check(shape, elements, 0..shape.rows * 2 / 3);
                }
            }
        }
    }

    #[test]
    fn rows_without_classes_are_one_piece() {
        let piece = Piece::next(&Shape::new(9, 0), 0..9, 100);
        assert_eq!(piece.rows, 9);
        assert_eq!(piece.segments(&Shape::new(9, 0)).map(|each| each.length).sum::<usize>(), 0);
    }
}
