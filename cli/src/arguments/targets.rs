//! The options of `eval` that name targets and weights.

use std::path::PathBuf;

use clap::Args;

/// What the rows of `eval cross-entropy` and `eval softmax-focal` are compared with.
#[derive(Debug, Args)]
pub struct TargetOptions {
    /// File with the targets, or the name of their tensor in LOGITS: a class for each row, integers
    /// of any type, or probabilities shaped as the logits
    #[arg(index = 2, value_name = "TARGETS", conflicts_with = "targets_file")]
    pub targets_path: Option<PathBuf>,
    /// The same as TARGETS, once.
    #[arg(long, value_name = "TARGETS", hide = true)]
    pub targets_file: Option<PathBuf>,
    /// The same as TARGETS; beside TARGETS, the name of a tensor in that file [default: targets, or
    /// the only one that fits]
    #[arg(long, value_name = "NAME_OR_FILE", conflicts_with = "probabilities")]
    pub targets: Option<String>,
    /// Target probabilities, shaped as the logits; beside TARGETS, a tensor of that file
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub probabilities: Option<String>,
    /// Weights, one for each class
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub class_weights: Option<String>,
    /// The file that --class-weights names a tensor of, once.
    #[arg(long, value_name = "WEIGHTS", hide = true)]
    pub class_weights_file: Option<PathBuf>,
    /// Weights, one for each row
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub row_weights: Option<String>,
    /// The file that --row-weights names a tensor of, once.
    #[arg(long, value_name = "WEIGHTS", hide = true)]
    pub row_weights_file: Option<PathBuf>,
}

/// What the rows of further files are compared with.
#[derive(Debug, Args)]
pub struct FurtherTargetOptions {
    /// Files of the targets of the files after --and, where those do not hold them
    #[arg(long, value_name = "TARGETS", num_args = 1.., requires = "and")]
    pub and_targets: Vec<PathBuf>,
    /// Files of the row weights of the files after --and, where those do not hold them
    #[arg(long, value_name = "WEIGHTS", num_args = 1.., requires = "and")]
    pub and_row_weights: Vec<PathBuf>,
}
