//! A case's inputs and parameters, as a call takes them.

use serde_json::Value;
use wgpu_loss::{
    Axis, CrossEntropy, Denominator, Input, Mode, Reduce, Reduction, RowOutputs, Statistic,
};

use super::elementwise::Elements;
use super::focal::Focal;
use super::layout::original_inner;
use super::reduction::{Reducing, WeightForm};
use super::suite::Case;
use super::tensor::{Data, Tensor};

/// A row-major matrix.
pub struct Matrix {
    pub values: Vec<f32>,
    pub rows: usize,
    pub classes: usize,
}

impl Matrix {
    /// The magnitude of the largest finite value.
    pub fn largest(&self) -> f64 {
        let finite = self.values.iter().map(|x| x.abs()).filter(|x| x.is_finite());
        finite.fold(0.0, f32::max).into()
    }

    pub fn new(tensor: Tensor) -> Result<Self, String> {
        let (rows, classes) = tensor.matrix()?;
        Ok(Self { values: tensor.into_f32()?, rows, classes })
    }

    /// The same values for every row, column or element of a matrix of this size, where there is
    /// but one.
    pub fn broadcast(self, rows: usize, classes: usize) -> Result<Self, String> {
        if [(self.rows, rows), (self.classes, classes)]
            .iter()
            .any(|&(own, all)| own != all && own != 1)
        {
            return Err(format!("{} x {} weights for {rows} x {classes}", self.rows, self.classes));
        }
        let (row_step, step) = (usize::from(self.rows > 1), usize::from(self.classes > 1));
        let of_row = |row: usize| {
            let start = row * row_step * self.classes;
            (0..classes).map(move |class| start + class * step)
        };
        let values = (0..rows).flat_map(of_row).map(|at| self.values[at]).collect();
        Ok(Self { values, rows, classes })
    }
}

/// What the rows are compared with.
pub enum Target {
    Classes(Vec<i64>),
    Probabilities(Matrix),
}

impl Target {
    pub fn probabilities(&self) -> Option<&Matrix> {
        match self {
            Self::Classes(_) => None,
            Self::Probabilities(matrix) => Some(matrix),
        }
    }
}

/// What a mean divides by, where that is not what [`Reduction::Mean`] divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// As the crate: the weights of rows are part of it.
    Own,
    /// The weights of rows are not part of it: [`Reduction::Sum`], with the upstream gradient and
    /// the loss divided by it afterwards.
    WithoutRowWeights,
}

/// Which operation, with what it alone takes.
pub enum Operation {
    LogSumExp,
    Softmax { log: bool },
    CrossEntropy { options: CrossEntropy, targets: Targets, divisor: Divisor },
    Reduce(Reducing),
    Elementwise(Elements),
    Focal(Focal),
}

/// Targets and weights.
pub struct Targets {
    pub target: Target,
    pub class_weights: Option<Vec<f32>>,
    pub row_weights: Option<Vec<f32>>,
}

/// Everything that a call takes, in the canonical layout.
pub struct Problem {
    pub operation: Operation,
    pub logits: Matrix,
    /// The upstream gradient, where it is not 1: a value for the result, each row, or each element.
    pub upstream: Option<Vec<f32>>,
    /// The number of rows side by side in the third party's layout.
    pub original_inner: Option<usize>,
}

/// Cases of `logsumexp`, each as a reduction.
pub const LOG_SUM_EXP_AS_REDUCTION: &str = "logsumexp as a reduction";

impl Problem {
    /// The forms that the weights may be given in: one, but of a reduction.
    pub fn weight_forms(&self) -> Vec<WeightForm> {
        match &self.operation {
            Operation::Reduce(reducing) => reducing.forms(),
            _ => vec![WeightForm::Plain],
        }
    }

    pub fn of(case: &Case<'_>, op: &str) -> Result<Self, String> {
        let (logits, known): (_, &[&str]) = match op {
            "cross_entropy" => ("logits", &["target", "weight", "row_weight"]),
            "nll_loss" => ("logp", &["target", "weight"]),
            "softmax_focal_loss" => ("logits", &["target", "row_weight"]),
            "reduce_sum" | "reduce_mean" | "weighted_logsumexp" => ("x", &["weight"]),
            "bce_with_logits" => ("x", &["target", "weight", "pos_weight"]),
            "sigmoid_focal_loss" | "mse_loss" | "poisson_nll_loss" => ("x", &["target", "weight"]),
            "kl_div" => ("x", &["target", "row_weight"]),
            "gaussian_nll_loss" => ("x", &["target", "var"]),
            _ => ("x", &[]),
        };
        let unknown = |name: &&str| !known.contains(name) && ![logits, "grad_out"].contains(name);
        if let Some(name) = case.input_names().find(unknown) {
            return Err(format!("input {name}, which FORMAT.md does not have for {op}"));
        }
        let logits = Matrix::new(case.input(logits)?.ok_or("no logits")?)?;
        let operation = match op {
            "logsumexp" => Operation::LogSumExp,
            "softmax" => Operation::Softmax { log: false },
            "log_softmax" => Operation::Softmax { log: true },
            "cross_entropy" => cross_entropy(case, Input::Logits)?,
            "nll_loss" => cross_entropy(case, Input::LogProbabilities)?,
            "softmax_focal_loss" => focal(case, logits.classes)?,
            "reduce_sum" => reduction(case, Statistic::Sum, &logits)?,
            "reduce_mean" => reduction(case, Statistic::Mean, &logits)?,
            "weighted_logsumexp" | LOG_SUM_EXP_AS_REDUCTION => {
                reduction(case, Statistic::LogSumExp, &logits)?
            }
            "bce_with_logits" | "sigmoid_focal_loss" | "kl_div" | "mse_loss"
            | "poisson_nll_loss" | "gaussian_nll_loss" => Elements::of(case, op, &logits)?,
            other => return Err(format!("operation {other}, which is not tested here")),
        };
        // Where columns are reduced, the matrix is the original.
        let is_permuted = match &operation {
            Operation::Reduce(reducing) => reducing.options.axis == Axis::EachRow,
            _ => true,
        };
        let original_inner = original_inner(case).filter(|_| is_permuted);
        if let Some(inner) = original_inner.filter(|&inner| inner > 0 && logits.rows % inner != 0) {
            return Err(format!("{} rows do not fit blocks of {inner}", logits.rows));
        }
        let upstream = case.input("grad_out")?.map(Tensor::into_f32).transpose()?;
        Ok(Self { operation, logits, upstream, original_inner })
    }
}

/// Targets and weights.
fn targets(case: &Case<'_>) -> Result<Targets, String> {
    let floats = |name| case.input(name)?.map(Tensor::into_f32).transpose();
    let target = case.input("target")?.ok_or("no target")?;
    Ok(Targets {
        target: match target.data {
            Data::I64(_) => Target::Classes(target.into_i64()?),
            _ => Target::Probabilities(Matrix::new(target)?),
        },
        class_weights: floats("weight")?,
        row_weights: floats("row_weight")?,
    })
}

/// Targets and options of softmax focal loss.
fn focal(case: &Case<'_>, classes: usize) -> Result<Operation, String> {
    let reduction = (loss_reduction(case)?, divisor(case)?);
    Ok(Operation::Focal(Focal::new(case, targets(case)?, reduction, classes)?))
}

/// Targets, weights and options of cross-entropy and of negative log-likelihood.
fn cross_entropy(case: &Case<'_>, input: Input) -> Result<Operation, String> {
    let targets = targets(case)?;
    let row_outputs = RowOutputs {
        loss: true,
        log_sum_exp: input == Input::Logits,
        z_loss: input == Input::Logits,
        ..Default::default()
    };
    let default = CrossEntropy::default();
    let options = CrossEntropy {
        reduction: loss_reduction(case)?,
        ignore_index: match case.parameter("ignore_index") {
            // A suite that says nothing leaves it to the library; null is: every row counts.
            Value::Null if !case.has_parameter("ignore_index") => default.ignore_index,
            Value::Null => None,
            index => Some(
                index
                    .as_i64()
                    .and_then(|index| i32::try_from(index).ok())
                    .ok_or_else(|| format!("ignore_index: {index}"))?,
            ),
        },
        label_smoothing: case.number_or("label_smoothing", 0.0)?,
        z_loss: case.number_or("lse_square_scale", 0.0)?,
        logit_scale: case.number_or("logit_scale", 1.0)?,
        softcap: match case.parameter("softcap") {
            Value::Null => None,
            _ => Some(case.number_or("softcap", 0.0)?),
        },
        input,
        // "Safe" cross-entropy of other projects: a zero target never meets an infinity.
        mode: match case.parameter("zero_target_skips").as_bool() {
            Some(true) => Mode::Masked,
            _ => Mode::Strict,
        },
        rows: row_outputs,
        ..default
    };
    let divisor = divisor(case)?;
    let apart = divisor == Divisor::WithoutRowWeights && targets.class_weights.is_some();
    if apart && options.z_loss != 0.0 {
        return Err("one upstream gradient cannot divide loss and z-loss differently".into());
    }
    Ok(Operation::CrossEntropy { options, targets, divisor })
}

/// Weights and options of a reduction.
fn reduction(case: &Case<'_>, statistic: Statistic, x: &Matrix) -> Result<Operation, String> {
    let weights = match case.input("weight")? {
        None => None,
        Some(tensor) => Some(Matrix::new(tensor)?.broadcast(x.rows, x.classes)?),
    };
    let axis = match case.parameter("axis").as_str() {
        Some("row") => Axis::EachRow,
        Some("col") => Axis::EachColumn,
        Some("all") => Axis::All,
        // Log-sum-exp is of each row.
        None if statistic == Statistic::LogSumExp => Axis::EachRow,
        _ => return Err(format!("axis: {}", case.parameter("axis"))),
    };
    let mode = match case.parameter("skip_zero_weight") {
        Value::Null | Value::Bool(false) => Mode::Strict,
        Value::Bool(true) => Mode::Masked,
        other => return Err(format!("skip_zero_weight: {other}")),
    };
    let denominator = match case.parameter("denom") {
        Value::Null => Denominator::Weights,
        value if value == "nonzero_count" => Denominator::NonzeroWeights,
        other => return Err(format!("denom: {other}")),
    };
    let options = Reduce { mode, denominator, ..Reduce::new(statistic, axis) };
    Ok(Operation::Reduce(Reducing { options, weights }))
}

fn loss_reduction(case: &Case<'_>) -> Result<Reduction, String> {
    match case.parameter("reduction").as_str() {
        Some("none") => Ok(Reduction::None),
        Some("sum") => Ok(Reduction::Sum),
        Some("mean") => Ok(Reduction::Mean),
        _ => Err(format!("reduction: {}", case.parameter("reduction"))),
    }
}

/// `row_weight_mean`: `weight_sum` is what the crate does, and what a case means that does not say;
/// `count` (Keras and TensorFlow.js' "sum over batch size") leaves the weights of rows out.
fn divisor(case: &Case<'_>) -> Result<Divisor, String> {
    match case.parameter("row_weight_mean") {
        Value::Null => Ok(Divisor::Own),
        value => match value.as_str() {
            Some("weight_sum") => Ok(Divisor::Own),
            Some("count") => Ok(Divisor::WithoutRowWeights),
            _ => Err(format!("row_weight_mean: {value}")),
        },
    }
}
