//! A device of our own, or the caller's, behind the one-call form: upload, evaluate, read back.

mod adapter;
mod gpu;
mod one_call;
mod readback;
mod two_step;
mod upload;

pub use adapter::adapters;
pub use gpu::{Gpu, GpuOptions};
pub use two_step::TwoStep;
