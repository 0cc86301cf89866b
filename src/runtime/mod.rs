//! A device of our own, or the caller's, behind the one-call form: upload, evaluate, read back.

mod adapter;
mod call;
mod clock;
mod cross_entropy;
mod custom_loss;
mod elementwise;
#[cfg(not(target_arch = "wasm32"))]
mod engine;
mod gpu;
mod log_sum_exp;
mod operands;
mod partial;
mod readback;
mod reduce;
mod softmax;
mod softmax_loss;
mod stream;
#[cfg(not(target_arch = "wasm32"))]
mod two_step;
mod upload;

#[cfg(not(target_arch = "wasm32"))]
pub use adapter::adapters;
pub use custom_loss::{CustomLossReport, FurthestResult};
pub use gpu::{Gpu, GpuOptions};
pub use stream::{Progress, Streaming};
#[cfg(not(target_arch = "wasm32"))]
pub use two_step::TwoStep;
