//! `eval`: an operation over arrays in files.

#[cfg(test)]
mod any_bytes;
mod bytes;
mod combine;
mod common;
mod contents;
pub mod cross_entropy;
pub mod dtype;
pub mod elementwise;
mod foreign;
mod format;
mod gradient;
mod inputs;
pub mod layout;
mod llama;
mod log_sum_exp;
mod mapped;
mod mapping;
mod memory;
mod npy;
mod npz;
mod parts;
pub mod reduce;
pub mod role;
mod rows;
pub mod safetensors;
mod softmax;
pub mod softmax_loss;
mod source;
mod targets;
pub mod tensor;
mod upstream;
mod write;

use std::process::ExitCode;

use crate::arguments::{EvalOptions, Operation};
use crate::failure::Result;
use crate::output::Output;

/// Evaluates and prints.
pub fn run(adapter: Option<&str>, options: &EvalOptions, out: &mut Output) -> Result<ExitCode> {
    out.give_way_to(options.operation.common().out.as_deref());
    match &options.operation {
        Operation::CrossEntropy(options) => cross_entropy::run(adapter, options, out),
        Operation::LogSumExp(options) => log_sum_exp::run(adapter, options, out),
        Operation::Softmax(options) => softmax::run(adapter, false, options, out),
        Operation::LogSoftmax(options) => softmax::run(adapter, true, options, out),
        Operation::Reduce(options) => reduce::run(adapter, options, out),
        Operation::SoftmaxLoss(operation) => softmax_loss::run(adapter, operation, out),
        Operation::Elementwise(operation) => elementwise::run(adapter, operation, out),
    }
}
