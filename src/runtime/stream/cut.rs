//! Where a batch may be cut so that the kernels of the whole go through its pieces: others may
//! differ in the last bits, since a driver is free to contract the one and not the other.

use crate::logits::Shape;
use crate::ops::reduce::pieces::Parts;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) struct Cut {
    /// Every piece has a multiple of so many rows, but the last.
    pub(super) together: usize,
    /// The fewest rows of the last piece.
    pub(super) last: usize,
    /// The whole is addressed element by element: four at a time would be another kernel.
    pub(super) by_element: bool,
}

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Rows have results of their own; else elements have.
    pub(super) of_rows: bool,
    /// Kernels that write each element need not know rows, where there are no gaps.
    pub(super) may_be_flat: bool,
    /// Invocations of a workgroup over columns; of the device's tuning.
    pub(super) column_lanes: usize,
}

impl Default for Cut {
    /// Between any two rows.
    fn default() -> Self {
        Self { together: 1, last: 1, by_element: false }
    }
}

impl From<Parts> for Cut {
    fn from(Parts { together, last, by_four, .. }: Parts) -> Self {
        Self { together, last, by_element: !by_four }
    }
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

impl Cut {
    /// Only where another may be, too.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            together: self.together / common(self.together, other.together) * other.together,
            last: self.last.max(other.last),
            by_element: self.by_element || other.by_element,
        }
    }

    /// That of matrices of these shapes, the input first; `None` where there is none.
    pub(super) fn of(shapes: &[Shape], work: Work) -> Option<Self> {
        let input = *shapes.first()?;
        let (inner, block) = (input.inner, input.classes * input.inner);
        // Rows of a single value without gaps are gone through as one row.
        let is_turned =
            input.classes == 1 && inner == 1 && shapes.iter().all(|shape| shape.row_stride == 1);
        let has_no_gaps = shapes.iter().all(Shape::is_contiguous);
        let is_flat = is_turned || (work.may_be_flat && has_no_gaps);
        let length = match inner {
            _ if is_flat => input.elements()?,
            1 => input.classes,
            _ => inner,
        };
        let by_four = |shape: &Shape| shape.row_stride.is_multiple_of(4);
        let is_aligned = is_flat || input.outer() <= 1 || shapes.iter().all(by_four);
        let is_vector = length.is_multiple_of(4) && is_aligned;
        // So many blocks are whole vectors.
        let blocks = if is_vector && is_flat && !block.is_multiple_of(4) { 4 } else { 1 };
        let is_parted = inner > 1 && input.outer() == 1;
        let together = match work.of_rows {
            true if is_turned || is_parted => work.column_lanes.next_multiple_of(4),
            true => inner * blocks,
            false if !is_vector => 1,
            false if inner == 1 || (input.outer() > 1 && !inner.is_multiple_of(4)) => {
                inner * blocks
            }
            false => 4,
        };
        // Fewer columns than a workgroup has invocations would be another kernel.
        let last = if work.of_rows && (is_turned || is_parted) { together } else { 1 };
        (input.rows > together).then_some(Self { together, last, by_element: !is_vector })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ROWS: Work = Work { of_rows: true, may_be_flat: false, column_lanes: 64 };
    const OF_ELEMENTS: Work = Work { of_rows: false, may_be_flat: true, ..OF_ROWS };

    fn cut(shape: Shape, work: Work) -> Option<(usize, bool)> {
        Cut::of(&[shape, shape], work).map(|cut| (cut.together, cut.by_element))
    }

    #[test]
    fn pieces_are_addressed_as_the_whole() {
        let rows = Shape::new(100, 36);
        assert_eq!(cut(rows, OF_ROWS), Some((1, false)));
        assert_eq!(cut(rows.with_row_stride(37), OF_ROWS), Some((1, true)));
        assert_eq!(cut(Shape::new(100, 33), OF_ROWS), Some((1, true)));
        assert_eq!(cut(Shape::new(100, 33), OF_ELEMENTS), Some((4, false)));
        assert_eq!(cut(Shape::new(101, 33), OF_ELEMENTS), Some((1, true)));
    }

    #[test]
    fn two_cuts_are_one() {
        let of = |together, last| Cut { together, last, by_element: false };
        assert_eq!(of(1, 1).and(of(128, 2)), of(128, 2));
        assert_eq!(of(12, 3).and(Cut { by_element: true, ..of(8, 2) }).together, 24);
    }

    #[test]
    fn blocks_and_columns_stay_together() {
        let blocks = Shape::with_class_axis(8, 3, 5);
        assert_eq!(cut(blocks, OF_ROWS), Some((5, true)));
        assert_eq!(cut(blocks, Work { may_be_flat: true, ..OF_ROWS }), Some((20, false)));
        assert_eq!(cut(blocks, OF_ELEMENTS), Some((20, false)));
        assert_eq!(cut(Shape::with_class_axis(8, 3, 12), OF_ELEMENTS), Some((4, false)));
        assert_eq!(cut(Shape::with_class_axis(1, 3, 12), OF_ROWS), None);
        assert_eq!(cut(Shape::with_class_axis(1, 3, 120), OF_ROWS), Some((64, false)));
        let flat = Work { may_be_flat: true, ..OF_ROWS };
        assert_eq!(cut(Shape::with_class_axis(1, 3, 122), OF_ROWS), Some((64, true)));
        assert_eq!(cut(Shape::with_class_axis(1, 4, 122), flat), Some((64, false)));
        assert_eq!(cut(Shape::new(1001, 1), OF_ROWS), Some((64, true)));
        assert_eq!(cut(Shape::new(1000, 1).with_row_stride(2), OF_ROWS), Some((1, true)));
    }
}
