//! The relatives of softmax cross-entropy: focal loss, and divergences of two rows of logits.

mod choice;
mod operands;
mod options;
mod output;
mod plan;
pub(crate) mod validate;

pub use operands::{SoftmaxAgainst, SoftmaxAgainstLayout};
pub use options::{SoftmaxFunction, SoftmaxLoss};
pub use output::SoftmaxLossOutput;
pub use plan::{SoftmaxLossOperands, SoftmaxLossPass, SoftmaxLossPlan};
