//! The command lines of `eval`'s element-wise losses.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wgpu_loss::{ElementwiseReduction, LossFunction};

use super::{
    AxisOption, CommonOptions, ElementOption, ModeOptions, UpstreamOption, WeightsAxis, upstream,
};

/// The element-wise losses.
#[derive(Debug, Subcommand)]
pub enum LossOperation {
    /// Binary cross-entropy of logits, or of probabilities, with targets between 0 and 1
    BinaryCrossEntropy(Box<BinaryCrossEntropyOptions>),
    /// Sigmoid focal loss of logits: (1 - p_t)^gamma times binary cross-entropy
    SigmoidFocal(Box<SigmoidFocalOptions>),
    /// Kullback-Leibler divergence of log-probabilities from the target's probabilities
    KlDivergence(Box<KlDivergenceOptions>),
    /// Squared error
    SquaredError(Box<TargetedOptions>),
    /// Absolute error
    AbsoluteError(Box<TargetedOptions>),
    /// Huber's loss: quadratic within delta, linear beyond
    Huber(Box<HuberOptions>),
    /// Negative log-likelihood of counts under a Poisson distribution
    Poisson(Box<PoissonOptions>),
    /// Negative log-likelihood under a normal distribution
    Gaussian(Box<GaussianOptions>),
    /// Entropy of probabilities, -x log x of each
    Entropy(Box<ElementwiseOptions>),
    /// Cross-entropy of the target's probabilities t and the input's, -t log x of each
    CrossEntropyOfProbabilities(Box<TargetedOptions>),
    /// Kullback-Leibler divergence of the input's probabilities from the target's, t log(t / x) of
    /// each
    KlDivergenceOfProbabilities(Box<TargetedOptions>),
}

/// Options of every element-wise loss.
#[derive(Debug, Args)]
#[command(mut_arg("logits", |option| option
    .long("input")
    .visible_alias("logits")
    .help("Name of the tensor of inputs in INPUT [default: input, or the only one that fits]")))]
#[command(mut_arg("class_axis", |option| option
    .help("Dimension of the input that holds the columns, from 0, or from -1 backwards")))]
pub struct ElementwiseOptions {
    /// File that holds the input, (rows, columns) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "INPUT")]
    pub file: PathBuf,
    /// How the losses of elements are put together
    #[arg(long, value_enum, default_value_t = LossReductionOption::Mean)]
    pub reduction: LossReductionOption,
    /// Which results there are of a reduction
    #[arg(long, value_enum, default_value_t = AxisOption::All)]
    pub axis: AxisOption,
    /// Weights: one for each element, shaped as the input; one for each row, (rows); or one for each
    /// column, (columns)
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub weights: Option<String>,
    /// What the weights are of, where there are as many rows as columns
    #[arg(long, value_enum, requires = "weights")]
    pub weights_axis: Option<WeightsAxis>,
    /// What becomes of `0 * inf`.
    #[command(flatten)]
    pub mode: ModeOptions,
    /// Compute the gradient with respect to the input too, and to a variance of each element
    #[arg(long)]
    pub gradient: bool,
    /// Upstream gradient: a factor for all results, or one for each result, shaped as they are
    #[arg(
        long,
        value_name = "X|NAME_OR_FILE",
        default_value = "1",
        allow_negative_numbers = true,
        value_parser = upstream,
        requires = "gradient"
    )]
    pub upstream: UpstreamOption,
    /// The gradients' element type [default: that of the input]
    #[arg(long, value_enum, value_name = "TYPE", requires = "gradient")]
    pub gradient_element: Option<ElementOption>,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of losses that compare the input with a target.
#[derive(Debug, Args)]
pub struct TargetedOptions {
    /// The target, shaped as the input: floats, or integers that f32 holds
    #[arg(index = 2, value_name = "TARGET", conflicts_with = "target")]
    pub target_operand: Option<String>,
    /// The same as TARGET [default: target, or the only one that fits]
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub target: Option<String>,
    /// What every element-wise loss takes.
    #[command(flatten)]
    pub loss: ElementwiseOptions,
}

/// Options of losses whose targets are between negative and positive.
#[derive(Debug, Args)]
pub struct BinaryOptions {
    /// t (1 - E) + E / 2 in place of each target t, 0 to 1
    #[arg(long, value_name = "E", default_value_t = 0.0, allow_negative_numbers = true)]
    pub label_smoothing: f32,
    /// Count positives and negatives, elements whose input is above T being taken for positives: 0
    /// for logits, 0.5 for probabilities, is even odds
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub threshold: Option<f32>,
    /// What a loss with a target takes.
    #[command(flatten)]
    pub targeted: TargetedOptions,
}

/// Options of `eval binary-cross-entropy`.
#[derive(Debug, Args)]
pub struct BinaryCrossEntropyOptions {
    /// The input holds probabilities instead of logits
    #[arg(long, conflicts_with = "positive_weights")]
    pub probabilities: bool,
    /// What the loss of positives is multiplied by, shaped as --weights may be
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub positive_weights: Option<String>,
    /// What these are of, where there are as many rows as columns
    #[arg(long, value_enum, requires = "positive_weights")]
    pub positive_weights_axis: Option<WeightsAxis>,
    /// What binary losses take.
    #[command(flatten)]
    pub binary: BinaryOptions,
}

/// Options of `eval sigmoid-focal`.
#[derive(Debug, Args)]
pub struct SigmoidFocalOptions {
    /// Weight of positives; the negatives' is 1 - ALPHA [default: both 1]
    #[arg(long, allow_negative_numbers = true)]
    pub alpha: Option<f32>,
    /// How much certain elements count less, at least 0
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    pub gamma: f32,
    /// What binary losses take.
    #[command(flatten)]
    pub binary: BinaryOptions,
}

/// Options of `eval kl-divergence`.
#[derive(Debug, Args)]
pub struct KlDivergenceOptions {
    /// The target holds log-probabilities, too
    #[arg(long)]
    pub log_target: bool,
    /// What a loss with a target takes.
    #[command(flatten)]
    pub targeted: TargetedOptions,
}

/// Options of `eval huber`.
#[derive(Debug, Args)]
pub struct HuberOptions {
    /// Where it turns from quadratic to linear, above 0
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub delta: f32,
    /// What a loss with a target takes.
    #[command(flatten)]
    pub targeted: TargetedOptions,
}

/// Options of `eval poisson`.
#[derive(Debug, Args)]
pub struct PoissonOptions {
    /// The input holds rates instead of their logarithms
    #[arg(long)]
    pub rate: bool,
    /// Add Stirling's term to targets above 1
    #[arg(long)]
    pub full: bool,
    /// Added to rates before their logarithm is taken, at least 0
    #[arg(long, default_value_t = 1e-8, allow_negative_numbers = true, requires = "rate")]
    pub epsilon: f32,
    /// What a loss with a target takes.
    #[command(flatten)]
    pub targeted: TargetedOptions,
}

/// Options of `eval gaussian`.
#[derive(Debug, Args)]
pub struct GaussianOptions {
    /// The variance, shaped as --weights may be
    #[arg(index = 3, value_name = "VARIANCE", conflicts_with = "variance")]
    pub variance_operand: Option<String>,
    /// The same as VARIANCE [default: variance]
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub variance: Option<String>,
    /// What the variance is of, where there are as many rows as columns
    #[arg(long, value_enum)]
    pub variance_axis: Option<WeightsAxis>,
    /// Add log(2 pi) / 2
    #[arg(long)]
    pub full: bool,
    /// The least variance, above 0
    #[arg(long, default_value_t = 1e-6, allow_negative_numbers = true)]
    pub epsilon: f32,
    /// What a loss with a target takes.
    #[command(flatten)]
    pub targeted: TargetedOptions,
}

/// A loss as the options of its subcommand have it: what several of them lack is absent.
#[derive(Clone, Copy, Debug)]
pub struct AskedLoss<'a> {
    /// The subcommand.
    pub name: &'static str,
    /// The function.
    pub function: LossFunction,
    /// What every loss takes.
    pub options: &'a ElementwiseOptions,
    /// The name or file of the target, if given.
    pub target: Option<&'a str>,
    /// What binary losses take.
    pub binary: Option<&'a BinaryOptions>,
    /// The name or file of the weights of positives, or of the variance.
    pub third: Option<(&'a str, Option<WeightsAxis>)>,
}

impl<'a> AskedLoss<'a> {
    fn new(name: &'static str, function: LossFunction, options: &'a ElementwiseOptions) -> Self {
        Self { name, function, options, target: None, binary: None, third: None }
    }

    fn targeted(name: &'static str, function: LossFunction, options: &'a TargetedOptions) -> Self {
        let target = options.target_operand.as_deref().or(options.target.as_deref());
        Self { target, ..Self::new(name, function, &options.loss) }
    }

    fn binary(name: &'static str, function: LossFunction, options: &'a BinaryOptions) -> Self {
        Self { binary: Some(options), ..Self::targeted(name, function, &options.targeted) }
    }
}

impl LossOperation {
    /// What is asked for.
    pub fn asked(&self) -> AskedLoss<'_> {
        match self {
            Self::BinaryCrossEntropy(options) => {
                let function = match options.probabilities {
                    true => LossFunction::BinaryCrossEntropy,
                    false => LossFunction::BinaryCrossEntropyWithLogits,
                };
                let third = options.positive_weights.as_deref();
                AskedLoss {
                    third: third.map(|given| (given, options.positive_weights_axis)),
                    ..AskedLoss::binary("binary-cross-entropy", function, &options.binary)
                }
            }
            Self::SigmoidFocal(options) => {
                let SigmoidFocalOptions { alpha, gamma, binary } = options.as_ref();
                let function = LossFunction::SigmoidFocal { alpha: *alpha, gamma: *gamma };
                AskedLoss::binary("sigmoid-focal", function, binary)
            }
            Self::KlDivergence(options) => {
                let function = LossFunction::KlDivergence { log_target: options.log_target };
                AskedLoss::targeted("kl-divergence", function, &options.targeted)
            }
            Self::SquaredError(options) => {
                AskedLoss::targeted("squared-error", LossFunction::SquaredError, options)
            }
            Self::AbsoluteError(options) => {
                AskedLoss::targeted("absolute-error", LossFunction::AbsoluteError, options)
            }
            Self::Huber(options) => {
                let function = LossFunction::Huber { delta: options.delta };
                AskedLoss::targeted("huber", function, &options.targeted)
            }
            Self::Poisson(options) => {
                let PoissonOptions { rate, full, epsilon, targeted } = options.as_ref();
                let (log_input, full, epsilon) = (!rate, *full, *epsilon);
                let function = LossFunction::PoissonNll { log_input, full, epsilon };
                AskedLoss::targeted("poisson", function, targeted)
            }
            Self::Gaussian(options) => {
                let GaussianOptions { variance_axis, full, epsilon, targeted, .. } =
                    options.as_ref();
                let variance = options.variance_operand.as_deref().or(options.variance.as_deref());
                let function = LossFunction::GaussianNll { full: *full, epsilon: *epsilon };
                AskedLoss {
                    third: Some((variance.unwrap_or("variance"), *variance_axis)),
                    ..AskedLoss::targeted("gaussian", function, targeted)
                }
            }
            Self::Entropy(options) => AskedLoss::new("entropy", LossFunction::Entropy, options),
            Self::CrossEntropyOfProbabilities(options) => AskedLoss::targeted(
                "cross-entropy-of-probabilities",
                LossFunction::CrossEntropyOfProbabilities,
                options,
            ),
            Self::KlDivergenceOfProbabilities(options) => AskedLoss::targeted(
                "kl-divergence-of-probabilities",
                LossFunction::KlDivergenceOfProbabilities,
                options,
            ),
        }
    }
}

/// How losses of elements are put together, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LossReductionOption {
    /// They are not: a weighted loss for each element
    None,
    /// Their weighted sum
    Sum,
    /// The weighted sum divided by the number of elements
    Mean,
    /// The weighted sum divided by the sum of the weights
    WeightedMean,
    /// The weighted sum of everything divided by the number of rows
    BatchMean,
}

impl LossReductionOption {
    /// As the library has it.
    pub fn library(self) -> ElementwiseReduction {
        match self {
            Self::None => ElementwiseReduction::None,
            Self::Sum => ElementwiseReduction::Sum,
            Self::Mean => ElementwiseReduction::Mean,
            Self::WeightedMean => ElementwiseReduction::WeightedMean,
            Self::BatchMean => ElementwiseReduction::BatchMean,
        }
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::WeightedMean => "weighted-mean",
            Self::BatchMean => "batch-mean",
        }
    }
}
