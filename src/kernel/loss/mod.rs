//! The kernels of element-wise losses: those of reductions, whose terms the losses are, and one that
//! writes each element's.

pub(in crate::kernel) mod bindings;
mod custom;
mod explain;
pub(in crate::kernel) mod link;
mod variant;

pub use custom::CustomModule;
pub(crate) use custom::Unfit;
pub(crate) use explain::explain;
pub use variant::{LossGradient, LossKind, LossTerm, LossesVariant};
