//! The operations: options, results, validation, and the verbs `plan`, `bind` and `record`.
//!
//! A plan chooses kernels and compiles them; `bind` checks the caller's buffers and makes bind
//! groups; [`Step::record`] puts the dispatches into the caller's encoder and does nothing else.

#[cfg(feature = "runtime")]
pub(crate) mod block;
#[cfg(test)]
mod coverage;
pub mod cross_entropy;
mod debug_view;
pub mod elementwise;
pub mod log_sum_exp;
mod operand;
mod pass;
#[cfg(all(test, feature = "runtime"))]
mod piece_kernels;
pub mod reduce;
mod rows;
pub mod softmax;
pub mod softmax_loss;
mod split;
mod step;
mod totals;
pub(crate) mod validate;

pub use debug_view::{DebugView, PipelineView};
pub use pass::{GradientPlace, Pass, UpstreamOperand, UpstreamSource};
pub use step::Step;
