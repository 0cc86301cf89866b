#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod cpu;
mod engine;
mod error;
pub mod kernel;
mod logits;
pub mod ops;
pub mod plan;
pub mod runtime;
pub mod verify;

pub use engine::{Engine, Upstream};
pub use error::{Error, Result};
pub use kernel::Kernels;
pub use kernel::parameters::Totals;
pub use logits::{Logits, Shape};
pub use ops::cross_entropy::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyOutput, CrossEntropyPlan, Reduction, RowOutputs,
};
pub use ops::log_sum_exp::{LogSumExp, LogSumExpOperands, LogSumExpOutput, LogSumExpPlan};
pub use ops::{GradientPlace, Pass, Step, UpstreamOperand, UpstreamSource};
pub use runtime::{Gpu, GpuOptions};
pub use wgpu;
