//! The command lines of `bench` and `roofline`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wgpu_loss::Shape;

use super::ElementOption;

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct BenchOptions {
    /// What is measured.
    #[command(flatten)]
    pub grid: GridOptions,
    /// Write everything as JSON to this file; `-`: to standard output, instead of the tables
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as CSV; `-` as with --json
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draw percentages of the ceiling by number of classes; `-` as with --json
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Options of `roofline`.
#[derive(Debug, Args)]
pub struct RooflineOptions {
    /// What is measured.
    #[command(flatten)]
    pub grid: GridOptions,
    /// Folder that gets a folder for the adapter, with bench.json, bench.csv, bench.svg and
    /// verify.json
    #[arg(long, value_name = "FOLDER", default_value = "roofline")]
    pub out: PathBuf,
}

/// What `bench` and `roofline` measure.
#[derive(Debug, Default, Args)]
pub struct GridOptions {
    /// Few shapes, few runs, and buffers that a large cache may hold: under a minute
    #[arg(long)]
    pub quick: bool,
    /// Measure only these, separated by commas [default: all; of half precision, forward and
    /// fused]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub op: Vec<OpOption>,
    /// Element types, separated by commas [default: all; with --quick f32 and bf16]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub element: Vec<ElementOption>,
    /// Shape instead of the grid's, ROWSxCLASSES or OUTERxCLASSESxINNER; may be repeated
    #[arg(long, value_name = "SHAPE", value_parser = shape, value_delimiter = ',')]
    pub shape: Vec<Shape>,
    /// MiB of logits that take turns, on the adapter and on the CPU, so that no cache holds all; no
    /// buffer of the grid is larger [default: by the adapter's kind and the CPU's cache]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub footprint: Option<u64>,
}

/// What is measured, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OpOption {
    /// log-sum-exp of each row
    LogSumExp,
    /// Cross-entropy
    Forward,
    /// Cross-entropy and its gradient
    Fused,
    /// The gradient from what a forward saved
    Backward,
    /// Cross-entropy and its gradient, in place of the logits
    InPlace,
    /// The sum of everything
    Sum,
    /// The mean of everything, a weight for each value
    WeightedMean,
    /// The sum of each row
    RowSums,
    /// The sum of each column
    ColumnSums,
    /// Binary cross-entropy of logits, and with its gradient
    BinaryCrossEntropy,
    /// Sigmoid focal loss, and with its gradient
    SigmoidFocal,
    /// Squared error, and with its gradient
    SquaredError,
    /// Kullback-Leibler divergence, and with its gradient
    KlDivergence,
    /// Softmax focal loss of each row, and with its gradient
    SoftmaxFocal,
    /// Kullback-Leibler divergence of each row of logits from a teacher's, and with its gradient
    SoftmaxKlDivergence,
    /// Jensen-Shannon divergence of each row of logits and a teacher's, and with its gradient
    SoftmaxJensenShannon,
    /// Single calls on small batches
    SmallCalls,
}

fn shape(text: &str) -> Result<Shape, String> {
    let sizes: Result<Vec<usize>, _> = text.split(['x', 'X', '×']).map(str::parse).collect();
    let shape = match sizes.as_deref() {
        Ok([rows, classes]) => Shape::new(*rows, *classes),
        Ok([outer, classes, inner]) => Shape::with_class_axis(*outer, *classes, *inner),
        _ => return Err("expected ROWSxCLASSES or OUTERxCLASSESxINNER".to_owned()),
    };
    match shape.extent().and_then(|extent| extent.checked_mul(8)) {
        Some(0) => Err("nothing to measure: expected sizes of 1 and more".to_owned()),
        Some(_) => Ok(shape),
        None => Err("too large to address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_two_or_three_sizes() {
        assert_eq!(shape("64x10"), Ok(Shape::new(64, 10)));
        assert_eq!(shape("2x21x64"), Ok(Shape::with_class_axis(2, 21, 64)));
        for wrong in ["", "64", "64x", "0x10", "64x-1", "1x2x3x4", "99999999999x99999999999"] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }
}
