//! The command line.

mod bench;
mod elementwise;
mod eval;
mod reduce;
mod softmax_loss;
mod targets;
mod tune;
mod wgsl;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use bench::*;
pub use elementwise::*;
use eval::ignore_index;
pub use eval::*;
use reduce::upstream;
pub use reduce::*;
pub use softmax_loss::*;
pub use targets::*;
pub use tune::*;
pub use wgsl::*;

/// Losses and their gradients on the GPU: without a command, a report on this machine.
#[derive(Debug, Parser)]
#[command(name = "wgpu-loss", version, about)]
pub struct Arguments {
    /// Use the adapter whose name contains this, in any case
    #[arg(long, global = true, value_name = "NAME")]
    pub adapter: Option<String>,

    /// Choose kernels by the built-in table, whatever `tune` or WGPU_LOSS_TUNING say
    #[arg(long, global = true)]
    pub no_tuning: bool,

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
    /// Verify, then time everything, into a folder of the adapter's: what to send from a machine
    /// whose speed is not recorded yet
    Roofline(RooflineOptions),
    /// Measure which kernel geometries are the fastest on the adapter, and keep them in a file that
    /// the program finds by itself
    Tune(TuneOptions),
    /// Evaluate a loss over arrays in files: .safetensors, .npy, .npz, llama.cpp's logits
    Eval(EvalOptions),
    /// Print the kernels of an operation: what each is bound to and told, how many workgroups, and
    /// its WGSL, for any shape and kind of adapter; needs no GPU
    Wgsl(WgslOptions),
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
    /// Every boundary of shapes, and every option beside every other: a minute or two
    #[arg(long)]
    pub broad: bool,
    /// Every shape, special value and option: many minutes
    #[arg(long, conflicts_with = "broad")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
