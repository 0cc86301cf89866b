//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Losses and their gradients on the GPU: without a command, a report on this machine.
#[derive(Debug, Parser)]
#[command(name = "wgpu-loss", version, about)]
pub struct Arguments {
    /// Use the adapter whose name contains this, in any case
    #[arg(long, global = true, value_name = "NAME")]
    pub adapter: Option<String>,

    /// What to do; without one, the report.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List every adapter with its limits and features
    Adapters(AdaptersOptions),
    /// Compare the kernels with the double-precision oracle; exit code 1 if any differs
    Verify(VerifyOptions),
    /// Time every operation against a copy on the same adapter and against the CPU
    Bench(BenchOptions),
    /// Evaluate a loss over arrays in .safetensors or .npy files
    Eval(EvalOptions),
}

/// Options of `adapters`.
#[derive(Debug, Args)]
pub struct AdaptersOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// Every shape, special value and option: minutes instead of seconds
    #[arg(long)]
    pub full: bool,
    /// What to verify
    #[arg(long, value_enum, default_value_t = VerifyDevice::Gpu)]
    pub device: VerifyDevice,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `verify` compares with the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyDevice {
    /// The kernels on the adapter
    Gpu,
    /// The SIMD engine on all cores
    Cpu,
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct BenchOptions {
    /// Few shapes, small buffers, few runs
    #[arg(long)]
    pub quick: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `eval`.
#[derive(Debug, Args)]
pub struct EvalOptions {
    /// The operation.
    #[command(subcommand)]
    pub operation: Operation,
}

/// The operations of `eval`.
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// Softmax cross-entropy of each row against its target class
    CrossEntropy(CrossEntropyOptions),
    /// log-sum-exp of each row
    LogSumExp(LogSumExpOptions),
}

/// Options of `eval cross-entropy`.
#[derive(Debug, Args)]
pub struct CrossEntropyOptions {
    /// .safetensors or .npy file that holds the logits: float32, (rows, classes)
    #[arg(index = 1, value_name = "FILE")]
    pub file: PathBuf,
    /// .npy or .safetensors file that holds the targets, where FILE does not
    #[arg(index = 2, value_name = "TARGETS", conflicts_with = "targets_file")]
    pub targets_path: Option<PathBuf>,
    /// The same as TARGETS
    #[arg(long, value_name = "TARGETS")]
    pub targets_file: Option<PathBuf>,
    /// Name of the tensor of targets [default: targets, or the only one that fits]
    #[arg(long, value_name = "NAME")]
    pub targets: Option<String>,
    /// How the rows' losses become one value
    #[arg(long, value_enum, default_value_t = ReductionOption::Mean)]
    pub reduction: ReductionOption,
    /// Rows with this target are left out; `none`: every row counts
    #[arg(long, value_name = "N", default_value = "-100", allow_hyphen_values = true, value_parser = ignore_index)]
    pub ignore_index: IgnoreIndex,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `eval log-sum-exp`.
#[derive(Debug, Args)]
pub struct LogSumExpOptions {
    /// .safetensors or .npy file that holds the logits: float32, (rows, classes)
    #[arg(index = 1, value_name = "FILE")]
    pub file: PathBuf,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of every operation of `eval`.
#[derive(Debug, Args)]
pub struct CommonOptions {
    /// Name of the tensor of logits [default: logits, or the only one that fits]
    #[arg(long, value_name = "NAME")]
    pub logits: Option<String>,
    /// Compute the gradient with respect to the logits too
    #[arg(long)]
    pub gradient: bool,
    /// Upstream gradient, a factor of the gradient
    #[arg(
        long,
        value_name = "X",
        default_value_t = 1.0,
        allow_negative_numbers = true,
        requires = "gradient"
    )]
    pub upstream: f32,
    /// Write the values of each row, and the gradient if asked for, to this .safetensors file
    #[arg(long, value_name = "FILE.safetensors")]
    pub out: Option<PathBuf>,
    /// What computes; `auto` is the GPU, or the CPU where there is no adapter
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub device: Device,
    /// Print JSON; numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity"
    #[arg(long)]
    pub json: bool,
}

/// What computes in `eval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// The GPU where there is an adapter, else the CPU
    Auto,
    /// The GPU
    Gpu,
    /// SIMD on all cores, single precision
    Cpu,
    /// The reference: double precision, one core
    Oracle,
}

/// The reductions, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReductionOption {
    /// Each row keeps its own loss
    None,
    /// The sum over the rows
    Sum,
    /// The sum divided by the number of rows that are not ignored
    Mean,
}

impl ReductionOption {
    /// As the library has it.
    pub fn library(self) -> wgpu_loss::Reduction {
        match self {
            Self::None => wgpu_loss::Reduction::None,
            Self::Sum => wgpu_loss::Reduction::Sum,
            Self::Mean => wgpu_loss::Reduction::Mean,
        }
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sum => "sum",
            Self::Mean => "mean",
        }
    }
}

/// The target of rows that are left out. A type of its own, since clap takes a bare `Option` for
/// an argument that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoreIndex(pub Option<i32>);

fn ignore_index(text: &str) -> Result<IgnoreIndex, String> {
    match text {
        "none" => Ok(IgnoreIndex(None)),
        number => match number.parse() {
            Ok(index) => Ok(IgnoreIndex(Some(index))),
            Err(_) => Err("expected an integer of 32 bits, or `none`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn ignore_index_is_a_number_or_none() {
        assert_eq!(ignore_index("-100"), Ok(IgnoreIndex(Some(-100))));
        assert_eq!(ignore_index("none"), Ok(IgnoreIndex(None)));
        assert!(ignore_index("3000000000").is_err());
        assert!(ignore_index("").is_err());
    }
}
