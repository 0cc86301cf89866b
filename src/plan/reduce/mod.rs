//! Planning of weighted reductions: from shape, axis and weights to runs or columns, their parts,
//! and the dispatches that cover them.

mod boxes;
mod geometry;
mod layout;
mod losses;
mod menu;
#[cfg(feature = "runtime")]
mod segments;

pub use boxes::{Boxed, BoxedOperand, Nest, boxes};
pub use geometry::{RunEntry, merge_geometry, run_geometry};
pub(crate) use menu::reduce_variants;
#[cfg(feature = "runtime")]
pub(crate) use segments::{SegmentCuts, SegmentPart};

pub use layout::{
    GradientLayout, LOSS_OPERANDS, ReduceLayout, Strides, Walk, column_layout, gradient_layout,
    loss_layout, reduce_layout,
};

/// Rows after which a segment is cut, counted from the first row of all.
pub(crate) const PIECE_ROWS: usize = 4096;
