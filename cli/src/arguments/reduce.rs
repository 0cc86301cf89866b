//! The command line of `eval reduce`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wgpu_loss::{Axis, Statistic};

use super::{CommonOptions, ElementOption, ModeOptions};

/// Options of `eval reduce`.
#[derive(Debug, Args)]
#[command(mut_arg("logits", |option| option
    .long("values")
    .visible_alias("logits")
    .help("Name of the tensor of values in VALUES [default: values, or the only one that fits]")))]
#[command(mut_arg("class_axis", |option| option
    .help("Dimension of the values that holds the columns, from 0, or from -1 backwards")))]
pub struct ReduceOptions {
    /// File that holds the values, (rows, columns) or with more dimensions; `-`: standard input
    #[arg(index = 1, value_name = "VALUES")]
    pub file: PathBuf,
    /// What is computed of the values x and their weights w, which are 1 where there are none
    #[arg(long, value_enum, default_value_t = StatisticOption::Sum)]
    pub statistic: StatisticOption,
    /// Which results there are [default: all; column with segments]
    #[arg(long, value_enum)]
    pub axis: Option<AxisOption>,
    /// Taken off the sum of the weights before the variance is divided by it: 1 for the unbiased
    /// estimate from a sample; for --statistic mean-and-variance [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub correction: Option<f32>,
    /// The weights.
    #[command(flatten)]
    pub weights: WeightOptions,
    /// What becomes of `0 * inf`.
    #[command(flatten)]
    pub mode: ModeOptions,
    /// The gradients.
    #[command(flatten)]
    pub gradient: ReduceGradientOptions,
    /// The segments.
    #[command(flatten)]
    pub segments: SegmentOptions,
    /// What every operation takes.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The weights of `eval reduce`.
#[derive(Debug, Args)]
pub struct WeightOptions {
    /// Weights: one for each value, shaped as they are; one for each row, (rows); or one for each
    /// column, (columns)
    #[arg(index = 2, value_name = "WEIGHTS", group = "given_weights")]
    pub weights_operand: Option<String>,
    /// The same as WEIGHTS
    #[arg(long, value_name = "NAME_OR_FILE", group = "given_weights")]
    pub weights: Option<String>,
    /// What the weights are of, where there are as many rows as columns
    #[arg(long, value_enum, requires = "given_weights")]
    pub weights_axis: Option<WeightsAxis>,
    /// Divide the mean by the number of weights that are not 0, not by their sum; for --statistic
    /// mean
    #[arg(long)]
    pub nonzero_weights: bool,
}

impl WeightOptions {
    /// The name or file of the weights.
    pub fn given(&self) -> Option<&str> {
        self.weights_operand.as_deref().or(self.weights.as_deref())
    }
}

/// The gradients of `eval reduce`.
#[derive(Debug, Args)]
pub struct ReduceGradientOptions {
    /// Compute the gradient with respect to the values too: of sum, mean and log-sum-exp
    #[arg(long)]
    pub gradient: bool,
    /// Upstream gradient: a factor for all results, or one for each result, (rows) or (columns)
    #[arg(
        long,
        value_name = "X|NAME_OR_FILE",
        default_value = "1",
        allow_negative_numbers = true,
        value_parser = upstream,
        requires = "gradient"
    )]
    pub upstream: UpstreamOption,
    /// The gradient's element type [default: that of the values]
    #[arg(long, value_enum, value_name = "TYPE", requires = "gradient")]
    pub gradient_element: Option<ElementOption>,
    /// Compute the gradient with respect to the weights too, shaped as they are
    #[arg(long, requires_all = ["gradient", "given_weights"])]
    pub weight_gradient: bool,
}

/// The segments of `eval reduce`.
#[derive(Debug, Args)]
pub struct SegmentOptions {
    /// What cuts the rows into segments, (segments + 1) integers: segment s is the rows from offset s to before offset s + 1. There is a result for each
    /// segment and column, (segments, columns)
    #[arg(long, value_name = "NAME_OR_FILE", conflicts_with_all = ["segment_ids", "gradient"])]
    pub segment_offsets: Option<String>,
    /// The segment of each row, (rows) integers; a negative one is none
    #[arg(long, value_name = "NAME_OR_FILE", conflicts_with = "gradient")]
    pub segment_ids: Option<String>,
    /// Number of segments [default: the largest id + 1]
    #[arg(long, value_name = "K", requires = "segment_ids")]
    pub segments: Option<usize>,
}

/// The statistics, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatisticOption {
    /// sum w x
    Sum,
    /// sum w x / sum w
    Mean,
    /// sum w x^2
    SumOfSquares,
    /// The mean m, and sum w (x - m)^2 / (sum w - correction)
    MeanAndVariance,
    /// The largest of the values whose weight is not 0
    Max,
    /// The smallest of the values whose weight is not 0
    Min,
    /// log |s| and the sign of s = sum w exp(x)
    LogSumExp,
}

impl StatisticOption {
    /// As the library has it; `correction`: of the variance.
    pub fn library(self, correction: f32) -> Statistic {
        match self {
            Self::Sum => Statistic::Sum,
            Self::Mean => Statistic::Mean,
            Self::SumOfSquares => Statistic::SumOfSquares,
            Self::MeanAndVariance => Statistic::MeanAndVariance { correction },
            Self::Max => Statistic::Max,
            Self::Min => Statistic::Min,
            Self::LogSumExp => Statistic::LogSumExp,
        }
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::SumOfSquares => "sum-of-squares",
            Self::MeanAndVariance => "mean-and-variance",
            Self::Max => "max",
            Self::Min => "min",
            Self::LogSumExp => "log-sum-exp",
        }
    }

    /// Of its first result, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::MeanAndVariance => "mean",
            Self::SumOfSquares => "sum of squares",
            statistic => statistic.name(),
        }
    }
}

/// The axes, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AxisOption {
    /// One for each row, over its columns: (rows)
    #[value(alias = "rows")]
    Row,
    /// One for each column, over its rows: (columns)
    #[value(alias = "columns")]
    Column,
    /// One, over everything
    All,
}

impl AxisOption {
    /// As the library has it.
    pub fn library(self) -> Axis {
        match self {
            Self::Row => Axis::EachRow,
            Self::Column => Axis::EachColumn,
            Self::All => Axis::All,
        }
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Column => "column",
            Self::All => "all",
        }
    }
}

/// What a vector of weights is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightsAxis {
    /// One for each row
    Row,
    /// One for each column
    Column,
}

/// The upstream gradient of `eval reduce`.
#[derive(Clone, Debug, PartialEq)]
pub enum UpstreamOption {
    /// A factor for all results.
    Number(f32),
    /// The tensor or file of a factor for each.
    Named(String),
}

pub(super) fn upstream(text: &str) -> Result<UpstreamOption, String> {
    match text.parse() {
        Ok(number) => Ok(UpstreamOption::Number(number)),
        Err(_) if text.is_empty() => Err("expected a number, a name or a file".to_owned()),
        Err(_) => Ok(UpstreamOption::Named(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_is_a_number_or_a_name() {
        assert_eq!(upstream("-2.5"), Ok(UpstreamOption::Number(-2.5)));
        assert_eq!(upstream("g"), Ok(UpstreamOption::Named("g".to_owned())));
        assert_eq!(upstream("2.npy"), Ok(UpstreamOption::Named("2.npy".to_owned())));
        assert!(upstream("").is_err());
    }
}
