//! Weighted reductions: what is asked of them, what they return, and their verbs.

mod gradients;
mod merge;
mod options;
pub(in crate::ops) mod others;
mod output;
pub(crate) mod pieces;
pub(in crate::ops) mod places;
mod plan;
pub(in crate::ops) mod reduction;
pub(crate) mod segment_pieces;
mod segments;
mod sort;
pub(crate) mod validate;

pub(crate) use plan::Wholes;
pub(in crate::ops) use plan::countable;

pub use options::{Axis, Denominator, Reduce, Statistic};
pub use output::ReduceOutput;
pub use plan::{
    ReduceOperands, ReducePlan, ReduceSegmentsOperands, ReduceSegmentsPlan, SegmentLayout,
};
