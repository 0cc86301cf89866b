//! The caller's buffers for reductions.

use wgpu::BufferSlice;

use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::logits::Shape;
use crate::ops::operand::{Operand, Rows, if_wanted};
use crate::ops::pass::UpstreamOperand;
use crate::weights::WeightLayout;

use super::validate::OPERATION;

/// The caller's buffers for a [`ReducePlan`](super::ReducePlan).
#[derive(Clone, Copy, Debug)]
pub struct ReduceOperands<'a> {
    /// Values, shaped and stored as planned. Overwritten by an in-place gradient.
    pub values: BufferSlice<'a>,
    /// Weights, where there are any: one `f32` for each row or column, or one of the planned type
    /// for each value.
    pub weights: Option<BufferSlice<'a>>,
    /// Results, [`ReducePlan::result_words`](super::ReducePlan::result_words) words of each: written by forward and fused, read by a
    /// backward.
    pub results: Option<BufferSlice<'a>>,
    /// The gradient with respect to the values, for a [`GradientPlace`](crate::GradientPlace) of its own.
    pub gradient: Option<BufferSlice<'a>>,
    /// The gradient with respect to the weights, where the options ask for it: one `f32` for each
    /// row, each column, or each value without gaps.
    pub weight_gradient: Option<BufferSlice<'a>>,
    /// The upstream gradient: for all results, or one for each.
    pub upstream: UpstreamOperand<'a>,
}

impl<'a> ReduceOperands<'a> {
    /// Values, and nothing else yet.
    pub fn new(values: BufferSlice<'a>) -> Self {
        Self {
            values,
            weights: None,
            results: None,
            gradient: None,
            weight_gradient: None,
            upstream: UpstreamOperand::default(),
        }
    }
}

/// The caller's buffers for a [`ReduceSegmentsPlan`](super::ReduceSegmentsPlan).
#[derive(Clone, Copy, Debug)]
pub struct ReduceSegmentsOperands<'a> {
    /// Values, `(rows, columns)`.
    pub values: BufferSlice<'a>,
    /// Weights, as [`ReduceOperands::weights`].
    pub weights: Option<BufferSlice<'a>>,
    /// `u32` offsets, one more than there are segments; or an `i32` id for each row. Nothing checks
    /// them on the device: offsets beyond the last row end there, and rows whose id is no segment
    /// belong to none.
    pub segments: BufferSlice<'a>,
    /// Results, row-major `(segments, columns)`, [`ReduceSegmentsPlan::result_words`](super::ReduceSegmentsPlan::result_words) words of each.
    pub results: BufferSlice<'a>,
}

/// How rows are told which segment they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentLayout {
    /// By offsets; so many segments.
    Offsets(usize),
    /// By an id for each row; so many segments.
    Ids(usize),
}

impl SegmentLayout {
    /// Number of segments.
    pub const fn segments(self) -> usize {
        match self {
            Self::Offsets(segments) | Self::Ids(segments) => segments,
        }
    }
}

/// The weights' buffer, where there are any.
pub(super) fn weights_operand(
    values: Shape,
    weights: WeightLayout,
    slice: Option<BufferSlice<'_>>,
) -> Result<Option<Operand>> {
    let rows = match weights {
        WeightLayout::None | WeightLayout::PerRow => Rows::of_one(values.rows, 4),
        WeightLayout::PerColumn => Rows::of_one(values.classes, 4),
        WeightLayout::PerElement(shape) => Rows::of_shape(&shape),
    };
    if_wanted(OPERATION, Slot::Weights, slice, weights != WeightLayout::None, rows)
}
