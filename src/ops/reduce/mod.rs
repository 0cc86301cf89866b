//! Weighted reductions: what is asked of them, what they return, and their verbs.

mod dispatches;
mod gradients;
mod kernel_terms;
mod merge;
mod operands;
mod options;
pub(in crate::ops) mod others;
mod output;
#[cfg(feature = "runtime")]
pub(crate) mod pieces;
pub(in crate::ops) mod places;
mod plan;
pub(in crate::ops) mod reduction;
#[cfg(feature = "runtime")]
pub(crate) mod segment_pieces;
mod segments;
mod segments_plan;
mod sort;
pub(crate) mod validate;

#[cfg(feature = "runtime")]
pub(crate) use plan::Wholes;
pub(in crate::ops) use plan::countable;

pub use operands::{ReduceOperands, ReduceSegmentsOperands, SegmentLayout};
pub use options::{Denominator, Reduce, Statistic};
pub use output::ReduceOutput;
pub use plan::ReducePlan;
pub use segments_plan::ReduceSegmentsPlan;
