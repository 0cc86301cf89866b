//! Kernels of the relatives of cross-entropy: which there are, how one is linked, what it is given.

pub(super) mod bindings;
pub(super) mod link;
mod variant;

pub use variant::{AgainstKind, SoftmaxLossKind, SoftmaxLossVariant};
