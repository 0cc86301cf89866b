//! Where the logits of a case lie.

use wgpu_loss::Shape;

use crate::random::SplitMix64;

/// How rows lie beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// Without gaps.
    Contiguous,
    /// With a gap that does or does not keep rows on 16 bytes.
    Strided,
    /// The class axis in the middle; with gaps between the blocks in half of the cases.
    Middle,
}

impl Layout {
    pub(super) const ALL: [Self; 3] = [Self::Contiguous, Self::Strided, Self::Middle];

    pub(super) fn shape(self, random: &mut SplitMix64, rows: usize, classes: usize) -> Shape {
        let gap = random.pick(&[1, 3, 4, 64]);
        match self {
            Self::Contiguous => Shape::new(rows, classes),
            Self::Strided => Shape::new(rows, classes).with_row_stride(classes + gap),
            Self::Middle => {
                // The largest number of rows that fit side by side in several blocks, or one block.
                let side_by_side = [7, 5, 4, 3, 2];
                let inner = side_by_side.into_iter().find(|&inner| rows.is_multiple_of(inner));
                let inner = inner.unwrap_or(rows.clamp(1, 64));
                let inner = if rows.is_multiple_of(inner) { inner } else { 1 };
                let shape = Shape::with_class_axis(rows / inner, classes, inner);
                match random.one_in(2) {
                    true => shape.with_row_stride(shape.row_stride + gap),
                    false => shape,
                }
            }
        }
    }
}
