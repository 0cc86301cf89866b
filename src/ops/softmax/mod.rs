//! Softmax and log-softmax over the class axis, and their gradients.

mod options;
mod plan;

pub use options::Softmax;
pub use plan::{SoftmaxOperands, SoftmaxPass, SoftmaxPlan};
