//! One call of an engine: a problem in a layout, and every output by its name in FORMAT.md.

use std::collections::BTreeMap;

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Input, LogSumExp, Reduction, Result, Softmax,
    Targets as Operands, Upstream,
};

use super::elementwise::elementwise;
use super::focal::focal;
use super::layout::{Layout, Way};
use super::problem::{Divisor, Matrix, Operation, Problem, Target, Targets};
use super::reduction::reduce;

/// Outputs by name, in the canonical layout.
pub type Outputs = BTreeMap<&'static str, Vec<f64>>;

impl Matrix {
    pub fn place(&self, layout: Layout) -> Vec<f32> {
        layout.place(&self.values, self.rows, self.classes)
    }

    pub fn restore(&self, layout: Layout, result: Vec<f32>) -> Vec<f64> {
        layout.restore(&result, self.rows, self.classes)
    }
}

/// Every value, widened.
pub fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// Calls the engine.
///
/// # Errors
/// Where the engine refuses the call.
pub fn call(engine: &dyn Engine, problem: &Problem, way: Way) -> Result<Outputs> {
    match &problem.operation {
        Operation::LogSumExp => log_sum_exp(engine, problem, way),
        Operation::Softmax { log } => softmax(engine, problem, way.layout, *log),
        Operation::Elementwise(elements) => elementwise(engine, problem, elements, way),
        Operation::Reduce(reducing) => reduce(engine, problem, reducing, way),
        Operation::Focal(options) => focal(engine, problem, options, way),
        Operation::CrossEntropy { options, targets, divisor } => match divisor {
            Divisor::WithoutRowWeights if options.reduction == Reduction::Mean => {
                mean_without_row_weights(engine, problem, way, options, targets)
            }
            _ => cross_entropy(engine, problem, way, options, targets, 1.0),
        },
    }
}

fn log_sum_exp(engine: &dyn Engine, problem: &Problem, way: Way) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let placed = logits.place(way.layout);
    let view = way.layout.view(&placed, logits.rows, logits.classes)?;
    let options = LogSumExp::default();
    let out = match way.gradient {
        false => engine.log_sum_exp(view, &options)?,
        true => {
            let upstream = upstream.as_deref().map_or(Upstream::Scalar(1.0), Upstream::PerRow);
            engine.log_sum_exp_with_gradient(view, upstream, &options)?
        }
    };
    let mut outputs = Outputs::from([("out", widened(&out.log_sum_exp))]);
    if let Some(gradient) = out.gradient {
        outputs.insert("grad_x", logits.restore(way.layout, gradient.into_f32()));
    }
    Ok(outputs)
}

fn softmax(engine: &dyn Engine, problem: &Problem, layout: Layout, log: bool) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let (rows, classes) = (logits.rows, logits.classes);
    let placed = logits.place(layout);
    let view = layout.view(&placed, rows, classes)?;
    let options = Softmax { log, ..Default::default() };
    let out = engine.softmax(view, &options)?;
    // The upstream gradient has a stride of its own.
    let apart = layout.with_gap(layout.gap * 2);
    let ones = vec![1.0; rows * classes];
    let upstream = apart.place(upstream.as_deref().unwrap_or(&ones), rows, classes);
    let upstream = apart.view(&upstream, rows, classes)?;
    let gradient = engine.softmax_gradient(view, upstream, &options)?;
    Ok(Outputs::from([
        ("out", logits.restore(layout, out.into_f32())),
        ("grad_x", logits.restore(layout, gradient.into_f32())),
    ]))
}

/// Calls with the upstream gradient divided by a divisor.
fn cross_entropy(
    engine: &dyn Engine,
    problem: &Problem,
    way: Way,
    options: &CrossEntropy,
    targets: &Targets,
    divisor: f64,
) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let layout = way.layout;
    let placed = logits.place(layout);
    let view = layout.view(&placed, logits.rows, logits.classes)?;
    // Probabilities have a stride of their own.
    let apart = layout.with_gap(layout.gap * 2);
    let probabilities = match &targets.target {
        Target::Classes(_) => Vec::new(),
        Target::Probabilities(matrix) => matrix.place(apart),
    };
    let operands = match &targets.target {
        Target::Classes(indices) => Operands::classes(indices),
        Target::Probabilities(Matrix { rows, classes, .. }) => {
            Operands::probabilities(apart.view(&probabilities, *rows, *classes)?)
        }
    };
    let operands = Operands {
        class_weights: targets.class_weights.as_deref(),
        row_weights: targets.row_weights.as_deref(),
        ..operands
    };
    let upstream: Vec<_> = upstream.as_deref().unwrap_or(&[1.0]).to_vec();
    let upstream = match upstream[..] {
        [factor] => Upstream::Scalar((f64::from(factor) / divisor) as f32),
        ref factors => Upstream::PerRow(factors),
    };
    let out = match way.gradient {
        false => engine.cross_entropy(view, operands, options)?,
        true => engine.cross_entropy_with_gradient(view, operands, upstream, options)?,
    };
    Ok(named(out, logits, way, options))
}

/// The outputs under the names of FORMAT.md.
fn named(out: CrossEntropyOutput, logits: &Matrix, way: Way, options: &CrossEntropy) -> Outputs {
    let mut outputs = Outputs::new();
    let is_reduced = options.reduction != Reduction::None;
    if is_reduced {
        outputs.insert("loss", vec![out.loss.into()]);
        outputs.insert("z_loss", vec![out.z_loss.into()]);
    }
    let rows = [
        ("loss_rows", "loss", out.loss_rows),
        ("z_loss_rows", "z_loss", out.z_loss_rows),
        ("lse", "lse", out.log_sum_exp),
    ];
    for (name, unreduced, values) in rows {
        if let Some(values) = values {
            outputs.insert(name, widened(&values));
            outputs.entry(unreduced).or_insert_with(|| widened(&values));
        }
    }
    if let Some(gradient) = out.gradient {
        let name = if options.input == Input::Logits { "grad_logits" } else { "grad_logp" };
        outputs.insert(name, logits.restore(way.layout, gradient.into_f32()));
    }
    outputs
}

/// A mean whose divisor leaves the weights of rows out: a sum, divided by what
/// [`CrossEntropyOutput::denominator`] is without them.
fn mean_without_row_weights(
    engine: &dyn Engine,
    problem: &Problem,
    way: Way,
    options: &CrossEntropy,
    targets: &Targets,
) -> Result<Outputs> {
    let divisor = match &targets.target {
        Target::Probabilities(matrix) => matrix.rows as f64,
        Target::Classes(indices) => {
            let counted =
                indices.iter().filter(|&&index| options.ignore_index.map(i64::from) != Some(index));
            let weight = |&index: &i64| match &targets.class_weights {
                None => 1.0,
                // A target that is no class is for the engine to refuse.
                Some(weights) => usize::try_from(index)
                    .ok()
                    .and_then(|index| weights.get(index))
                    .map_or(f64::NAN, |&weight| weight.into()),
            };
            counted.map(weight).sum()
        }
    };
    let options = CrossEntropy { reduction: Reduction::Sum, ..*options };
    let mut outputs = cross_entropy(engine, problem, way, &options, targets, divisor)?;
    for name in ["loss", "z_loss"] {
        outputs.entry(name).and_modify(|values| values.iter_mut().for_each(|x| *x /= divisor));
    }
    Ok(outputs)
}
