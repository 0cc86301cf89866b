//! Pipelines: kernels compiled on a device, each once ([`Kernels`]), what a plan may use of the device,
//! and error scopes around all that creates.

mod adapter;
mod cache;
mod scope;
mod trusted;

pub use cache::Kernels;
pub(crate) use cache::Pipeline;
pub(crate) use scope::{guarded, is_lost, lost};
