//! The kernels of element-wise losses: those of reductions, whose terms the losses are, and one that
//! writes each element's.

pub(in crate::kernel) mod bindings;
pub(in crate::kernel) mod link;
mod variant;

pub use variant::{CustomModule, LossGradient, LossKind, LossTerm, LossesVariant};
