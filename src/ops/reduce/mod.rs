//! Weighted reductions: what is asked of them, what they return, and their verbs.

mod gradients;
mod options;
mod output;
mod plan;
mod reduction;
mod segments;
pub(crate) mod validate;

pub use options::{Axis, Denominator, Reduce, Statistic};
pub use output::ReduceOutput;
pub use plan::{
    ReduceOperands, ReducePlan, ReduceSegmentsOperands, ReduceSegmentsPlan, SegmentLayout,
};
