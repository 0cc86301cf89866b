//! Softmax cross-entropy: `L_i = sum_c u_ic (log sum_k exp(x_ik) - x_ic)`, with `u` made of target,
//! weights and label smoothing, evaluated as `sum_c u_c (m - x_c) + (sum_c u_c) log1p(r)`.

mod kernel_terms;
mod merge;
mod options;
mod output;
mod plan;
mod reduction;

pub use merge::{MergeOperands, MergePlan};
pub use options::{CrossEntropy, Input, Mode, RowOutputs};
pub use output::CrossEntropyOutput;
pub use plan::{CrossEntropyOperands, CrossEntropyPlan};
pub use reduction::Reduction;
