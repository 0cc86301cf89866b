//! The options of `eval` that name targets and weights.

use std::path::PathBuf;

use clap::Args;

/// What the rows of `eval cross-entropy` and `eval softmax-focal` are compared with.
#[derive(Debug, Args)]
pub struct TargetOptions {
    /// .npy or .safetensors file that holds the targets, where FILE does not: a class for each
    /// row (int32, int64, uint32 or uint8), or probabilities shaped as the logits
    #[arg(index = 2, value_name = "TARGETS", conflicts_with = "targets_file")]
    pub targets_path: Option<PathBuf>,
    /// The same as TARGETS
    #[arg(long, value_name = "TARGETS")]
    pub targets_file: Option<PathBuf>,
    /// Name of the tensor of targets [default: targets, or the only one that fits]
    #[arg(long, value_name = "NAME", conflicts_with = "probabilities")]
    pub targets: Option<String>,
    /// Name of a tensor of target probabilities, shaped as the logits
    #[arg(long, value_name = "NAME")]
    pub probabilities: Option<String>,
    /// Name of a tensor of weights, one for each class
    #[arg(long, value_name = "NAME")]
    pub class_weights: Option<String>,
    /// File that holds the class weights, where FILE does not
    #[arg(long, value_name = "WEIGHTS")]
    pub class_weights_file: Option<PathBuf>,
    /// Name of a tensor of weights, one for each row
    #[arg(long, value_name = "NAME")]
    pub row_weights: Option<String>,
    /// File that holds the row weights, where FILE does not
    #[arg(long, value_name = "WEIGHTS")]
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
