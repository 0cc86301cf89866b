//! The command line of `eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wgpu_loss::{Element, Mode, Reduction};

use super::{
    FurtherTargetOptions, LossOperation, ReduceOptions, SoftmaxLossOperation, TargetOptions,
};

/// How operands are given, for the end of each help text.
const OPERANDS: &str = "\
Operands stand in the order of the formula. The first is a file; each other one, and what an
option gives, is a NAME_OR_FILE: the name of a tensor in the first file, a file, FILE:NAME for a
tensor of another file, or `-` for standard input. Files are told by their content: .safetensors,
.npy, .npz, and what llama-perplexity writes by --save-all-logits, with its targets inside.
Floats are f32, f16 or bf16, or f64, which is rounded once to f32; classes and ids are integers of
any type, or bool.";

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
    /// Softmax cross-entropy of each row against its target class or its target probabilities
    CrossEntropy(Box<CrossEntropyOptions>),
    /// log-sum-exp of each row
    LogSumExp(LogSumExpOptions),
    /// Softmax of each row, or its gradient
    Softmax(SoftmaxOptions),
    /// Log-softmax of each row, or its gradient
    LogSoftmax(SoftmaxOptions),
    /// Weighted sum, mean, variance, maximum, minimum or log-sum-exp of rows, of columns, of
    /// segments of rows, or of everything
    Reduce(Box<ReduceOptions>),
    /// Focal loss, and divergences of two rows of logits.
    #[command(flatten)]
    SoftmaxLoss(SoftmaxLossOperation),
    /// The element-wise losses.
    #[command(flatten)]
    Elementwise(LossOperation),
}

impl Operation {
    /// What every operation takes.
    pub fn common(&self) -> &CommonOptions {
        match self {
            Self::CrossEntropy(options) => &options.common,
            Self::LogSumExp(options) => &options.common,
            Self::Softmax(options) | Self::LogSoftmax(options) => &options.common,
            Self::Reduce(options) => &options.common,
            Self::SoftmaxLoss(operation) => &operation.asked().options.common,
            Self::Elementwise(operation) => &operation.asked().options.common,
        }
    }
}

/// Options of `eval cross-entropy`.
#[derive(Debug, Args)]
pub struct CrossEntropyOptions {
    /// File that holds the logits, (rows, classes) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "LOGITS")]
    pub file: PathBuf,
    /// Further files of logits, in this order part of the same batch: they continue its first
    /// dimension
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub and: Vec<PathBuf>,
    /// What the rows are compared with.
    #[command(flatten)]
    pub targets: TargetOptions,
    /// The same of further files.
    #[command(flatten)]
    pub further: FurtherTargetOptions,
    /// What the loss is.
    #[command(flatten)]
    pub loss: LossOptions,
    /// Values of each row to give instead of the usual ones, separated by commas: their range,
    /// all of them with --json, and in the file of --out
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub rows: Vec<RowOption>,
    /// Count the rows whose target is among the --top-k most likely classes; needless without --rows
    #[arg(long)]
    pub correct: bool,
    /// How many of a row's most likely classes count as correct
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub top_k: u32,
    /// The gradient.
    #[command(flatten)]
    pub gradient: GradientOptions,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// What the loss of `eval cross-entropy` is.
#[derive(Debug, Args)]
pub struct LossOptions {
    /// How the rows' losses become one value
    #[arg(long, value_enum, default_value_t = ReductionOption::Mean)]
    pub reduction: ReductionOption,
    /// Rows with this target are left out; `none`: every row counts
    #[arg(long, value_name = "N", default_value = "-100", allow_hyphen_values = true, value_parser = ignore_index)]
    pub ignore_index: IgnoreIndex,
    /// The target's share that is spread evenly over all classes, 0 to 1
    #[arg(long, value_name = "EPS", default_value_t = 0.0, allow_negative_numbers = true)]
    pub label_smoothing: f32,
    /// Add this factor times the square of the row's log-sum-exp
    #[arg(long, value_name = "Z", default_value_t = 0.0, allow_negative_numbers = true)]
    pub z_loss: f32,
    /// Factor of the logits
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true)]
    pub logit_scale: f32,
    /// Bound the scaled logits x to X tanh(x / X)
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub softcap: Option<f32>,
    /// What becomes of `0 * inf`.
    #[command(flatten)]
    pub mode: ModeOptions,
    /// The file holds log-probabilities instead of logits; so llama.cpp's is taken unless an option
    /// asks for what only logits have
    #[arg(long)]
    pub log_probabilities: bool,
}

/// What becomes of `0 * inf`.
#[derive(Debug, Args)]
pub struct ModeOptions {
    /// What becomes of zero times infinity, and of a mean over nothing
    #[arg(long, value_enum, default_value_t = ModeOption::Strict)]
    pub mode: ModeOption,
    /// The same as --mode masked
    #[arg(long, conflicts_with = "mode")]
    pub masked: bool,
}

impl ModeOptions {
    /// As the library has it.
    pub fn library(&self) -> Mode {
        match self.mode {
            ModeOption::Strict if !self.masked => Mode::Strict,
            _ => Mode::Masked,
        }
    }
}

/// Options of `eval log-sum-exp`.
#[derive(Debug, Args)]
pub struct LogSumExpOptions {
    /// File that holds the logits, (rows, classes) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "LOGITS")]
    pub file: PathBuf,
    /// Further files of logits, in this order part of the same batch: they continue its first
    /// dimension
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub and: Vec<PathBuf>,
    /// The gradient.
    #[command(flatten)]
    pub gradient: GradientOptions,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `eval softmax` and `eval log-softmax`.
#[derive(Debug, Args)]
pub struct SoftmaxOptions {
    /// File that holds the logits, (rows, classes) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "LOGITS")]
    pub file: PathBuf,
    /// Compute the gradient for this upstream gradient, which is shaped as the logits
    #[arg(
        long,
        value_name = "NAME_OR_FILE",
        conflicts_with_all = ["upstream_tensor", "upstream_file"]
    )]
    pub upstream: Option<String>,
    /// The name of its tensor, once.
    #[arg(long, value_name = "NAME", hide = true)]
    pub upstream_tensor: Option<String>,
    /// The file that holds it, once.
    #[arg(long, value_name = "UPSTREAM", hide = true)]
    pub upstream_file: Option<PathBuf>,
    /// Element type of the result [default: that of the logits]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub element: Option<ElementOption>,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The gradient of an operation with values for rows.
#[derive(Debug, Args)]
pub struct GradientOptions {
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
    /// The gradient's element type [default: that of the logits]
    #[arg(long, value_enum, value_name = "TYPE", requires = "gradient")]
    pub gradient_element: Option<ElementOption>,
}

impl GradientOptions {
    /// The element type of the gradient of logits of this type, where it is wanted.
    pub fn element(&self, logits: Element) -> Option<Element> {
        self.gradient.then(|| self.gradient_element.map_or(logits, ElementOption::library))
    }
}

/// Options of every operation of `eval`.
#[derive(Debug, Args)]
#[command(after_help = OPERANDS)]
pub struct CommonOptions {
    /// Name of the tensor of logits in LOGITS [default: logits, or the only one that fits]
    #[arg(long, value_name = "NAME")]
    pub logits: Option<String>,
    /// Dimension of the logits that holds the classes, from 0, or from -1 backwards; 1 for
    /// PyTorch's (N, C, H, W)
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub class_axis: i64,
    /// Write the results to this .safetensors file, which is replaced once they are complete, or to
    /// a device, FIFO or socket; `-`: to standard output, and the report to standard error
    #[arg(long, value_name = "FILE.safetensors")]
    pub out: Option<PathBuf>,
    /// What computes; `auto` is the GPU, or the CPU where there is no adapter
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub device: Device,
    /// GPU memory for logits and gradients, in MiB: larger batches go through it piece by piece
    #[arg(long, value_name = "MIB", default_value_t = 1024,
          value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub device_memory: u64,
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
    /// The sum divided by the weights of the rows that are not ignored, 1 each by default
    Mean,
    /// The sum divided by the number of all rows, ignored ones included
    BatchMean,
    /// The sum divided by the number of all logits, rows times classes
    ElementMean,
}

impl ReductionOption {
    /// As the library has it.
    pub fn library(self) -> Reduction {
        match self {
            Self::None => Reduction::None,
            Self::Sum => Reduction::Sum,
            Self::Mean => Reduction::Mean,
            Self::BatchMean => Reduction::BatchMean,
            Self::ElementMean => Reduction::ElementMean,
        }
    }

    /// Whether what is divided by, or would be, is a sum of weights.
    pub fn sums_weights(self) -> bool {
        !matches!(self, Self::BatchMean | Self::ElementMean)
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::BatchMean => "batch-mean",
            Self::ElementMean => "element-mean",
        }
    }
}

/// The modes, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeOption {
    /// NaN, as PyTorch has it
    Strict,
    /// 0: what is ignored or has weight 0 hides whatever it meets
    Masked,
}

/// Values of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowOption {
    /// The loss
    Loss,
    /// log-sum-exp of the logits
    LogSumExp,
    /// The log-probability of the target class
    TargetLogProbability,
    /// The entropy of the softmax
    Entropy,
    /// The most likely class
    Argmax,
    /// How many classes are more likely than the target
    TargetRank,
    /// The part of the z-loss
    ZLoss,
}

/// The element types, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ElementOption {
    /// Single precision
    F32,
    /// Half precision
    F16,
    /// The upper half of single precision
    Bf16,
}

impl ElementOption {
    /// As the library has it.
    pub fn library(self) -> Element {
        match self {
            Self::F32 => Element::F32,
            Self::F16 => Element::F16,
            Self::Bf16 => Element::Bf16,
        }
    }
}

/// The target of rows that are left out. A type of its own, since clap takes a bare `Option` for
/// an argument that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoreIndex(pub Option<i32>);

pub(super) fn ignore_index(text: &str) -> Result<IgnoreIndex, String> {
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

    #[test]
    fn ignore_index_is_a_number_or_none() {
        assert_eq!(ignore_index("-100"), Ok(IgnoreIndex(Some(-100))));
        assert_eq!(ignore_index("none"), Ok(IgnoreIndex(None)));
        assert!(ignore_index("3000000000").is_err());
        assert!(ignore_index("").is_err());
    }
}
