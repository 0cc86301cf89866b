//! The command lines of `eval`'s focal loss and divergences of logits.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wgpu_loss::SoftmaxFunction;

use super::{
    CommonOptions, ElementOption, IgnoreIndex, ModeOptions, ReductionOption, TargetOptions,
    UpstreamOption, ignore_index, upstream,
};

/// Focal loss, and divergences of two rows of logits.
#[derive(Debug, Subcommand)]
pub enum SoftmaxLossOperation {
    /// Softmax focal loss of each row: (1 - p)^gamma times cross-entropy, against its target class or
    /// its target probabilities
    #[command(name = "softmax-focal")]
    Focal(Box<SoftmaxFocalOptions>),
    /// Kullback-Leibler divergence of each row's softmax from that of a teacher's logits
    #[command(name = "softmax-kl-divergence")]
    KlDivergence(Box<SoftmaxDivergenceOptions>),
    /// Jensen-Shannon divergence of each row's softmax and that of a teacher's logits
    #[command(name = "softmax-jensen-shannon")]
    JensenShannon(Box<SoftmaxDivergenceOptions>),
}

/// Options of all of them.
#[derive(Debug, Args)]
pub struct SoftmaxLossOptions {
    /// File that holds the logits, (rows, classes) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "LOGITS")]
    pub file: PathBuf,
    /// What logits are divided by, above 0; divergences are multiplied by its square
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    pub temperature: f32,
    /// How the rows' losses become one value
    #[arg(long, value_enum, default_value_t = ReductionOption::Mean)]
    pub reduction: ReductionOption,
    /// Give each row's loss too; needless with --reduction none
    #[arg(long)]
    pub rows: bool,
    /// What becomes of `0 * inf`.
    #[command(flatten)]
    pub mode: ModeOptions,
    /// Compute the gradient with respect to the logits too
    #[arg(long)]
    pub gradient: bool,
    /// Upstream gradient: a factor for all rows, or with --reduction none one for each row
    #[arg(
        long,
        value_name = "X|NAME_OR_FILE",
        default_value = "1",
        allow_negative_numbers = true,
        value_parser = upstream,
        requires = "gradient"
    )]
    pub upstream: UpstreamOption,
    /// The gradient's element type [default: that of the logits]
    #[arg(long, value_enum, value_name = "TYPE", requires = "gradient")]
    pub gradient_element: Option<ElementOption>,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `eval softmax-focal`.
#[derive(Debug, Args)]
#[command(mut_arg("class_weights", |option| option
    .help("Weights, one for each class: the alpha of focal loss")))]
pub struct SoftmaxFocalOptions {
    /// How much certain classes count less, at least 0; with 0 it is cross-entropy
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    pub gamma: f32,
    /// Rows with this target are left out; `none`: every row counts
    #[arg(long, value_name = "N", default_value = "-100", allow_hyphen_values = true, value_parser = ignore_index)]
    pub ignore_index: IgnoreIndex,
    /// The target's share that is spread evenly over all classes, 0 to 1
    #[arg(long, value_name = "EPS", default_value_t = 0.0, allow_negative_numbers = true)]
    pub label_smoothing: f32,
    /// What the rows are compared with.
    #[command(flatten)]
    pub targets: TargetOptions,
    /// What all of these losses take.
    #[command(flatten)]
    pub loss: SoftmaxLossOptions,
}

/// Options of `eval softmax-kl-divergence` and `eval softmax-jensen-shannon`.
#[derive(Debug, Args)]
pub struct SoftmaxDivergenceOptions {
    /// The teacher's logits, shaped as the others
    #[arg(index = 2, value_name = "TEACHER", conflicts_with = "teacher")]
    pub teacher_operand: Option<String>,
    /// The same as TEACHER [default: teacher, or the only one that fits]
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub teacher: Option<String>,
    /// Weights, one for each row
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub row_weights: Option<String>,
    /// What all of these losses take.
    #[command(flatten)]
    pub loss: SoftmaxLossOptions,
}

impl SoftmaxDivergenceOptions {
    /// The name or file of the teacher's logits.
    pub fn given_teacher(&self) -> Option<&str> {
        self.teacher_operand.as_deref().or(self.teacher.as_deref())
    }
}

/// A loss as the options of its subcommand have it.
#[derive(Clone, Copy, Debug)]
pub struct AskedSoftmaxLoss<'a> {
    /// The subcommand.
    pub name: &'static str,
    /// The function.
    pub function: SoftmaxFunction,
    /// What all of these losses take.
    pub options: &'a SoftmaxLossOptions,
    /// What the rows are compared with.
    pub against: AskedAgainst<'a>,
}

/// What the rows are compared with, as the options have it.
#[derive(Clone, Copy, Debug)]
pub enum AskedAgainst<'a> {
    /// Targets of focal loss.
    Targets(&'a SoftmaxFocalOptions),
    /// A teacher's logits.
    Teacher(&'a SoftmaxDivergenceOptions),
}

impl SoftmaxLossOperation {
    /// What is asked for.
    pub fn asked(&self) -> AskedSoftmaxLoss<'_> {
        match self {
            Self::Focal(options) => AskedSoftmaxLoss {
                name: "softmax-focal",
                function: SoftmaxFunction::Focal { gamma: options.gamma },
                options: &options.loss,
                against: AskedAgainst::Targets(options),
            },
            Self::KlDivergence(options) => AskedSoftmaxLoss {
                name: "softmax-kl-divergence",
                function: SoftmaxFunction::KlDivergence,
                options: &options.loss,
                against: AskedAgainst::Teacher(options),
            },
            Self::JensenShannon(options) => AskedSoftmaxLoss {
                name: "softmax-jensen-shannon",
                function: SoftmaxFunction::JensenShannon,
                options: &options.loss,
                against: AskedAgainst::Teacher(options),
            },
        }
    }
}
