//! Calls of element-wise losses.

use serde_json::Value;
use wgpu_loss::{
    Axis, Elementwise, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream, Engine,
    LossFunction, Result, Weights,
};

use super::call::{Outputs, widened};
use super::layout::{Layout, Way};
use super::problem::{Matrix, Operation, Problem};
use super::suite::Case;

/// Target, options, and everything else that has a number for each element.
pub struct Elements {
    pub options: ElementwiseLoss,
    target: Matrix,
    weights: Option<Matrix>,
    positive_weights: Option<Matrix>,
    variance: Option<Matrix>,
}

impl Elements {
    /// Everything but the input.
    pub fn of(case: &Case<'_>, op: &str, x: &Matrix) -> std::result::Result<Operation, String> {
        let matrix = |name| -> std::result::Result<Option<Matrix>, String> {
            let Some(tensor) = case.input(name)? else { return Ok(None) };
            let matrix = match tensor.shape[..] {
                // One number, or one for each column.
                [classes] => Matrix { values: tensor.into_f32()?, rows: 1, classes },
                _ => Matrix::new(tensor)?,
            };
            matrix.broadcast(x.rows, x.classes).map(Some)
        };
        let row_weights = case.input("row_weight")?.map(|tensor| tensor.into_f32()).transpose()?;
        let weights = match row_weights {
            Some(values) => {
                let rows = values.len();
                Some(Matrix { values, rows, classes: 1 }.broadcast(x.rows, x.classes)?)
            }
            None => matrix("weight")?,
        };
        let (reduction, axis) = reduction(case, op, weights.is_some())?;
        let options =
            ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function(case, op)?) };
        Ok(Operation::Elementwise(Self {
            options,
            target: matrix("target")?.ok_or("no target")?,
            weights,
            positive_weights: matrix("pos_weight")?,
            variance: matrix("var")?,
        }))
    }
}

fn flag(case: &Case<'_>, name: &str) -> std::result::Result<bool, String> {
    case.parameter(name).as_bool().ok_or_else(|| format!("{name}: {}", case.parameter(name)))
}

fn function(case: &Case<'_>, op: &str) -> std::result::Result<LossFunction, String> {
    Ok(match op {
        "bce_with_logits" => LossFunction::BinaryCrossEntropyWithLogits,
        "sigmoid_focal_loss" => {
            let alpha = case.number_or("alpha", -1.0)?;
            let gamma = case.number_or("gamma", 2.0)?;
            LossFunction::SigmoidFocal { alpha: (alpha >= 0.0).then_some(alpha), gamma }
        }
        "kl_div" => LossFunction::KlDivergence { log_target: flag(case, "log_target")? },
        "mse_loss" => LossFunction::SquaredError,
        "poisson_nll_loss" => LossFunction::PoissonNll {
            log_input: flag(case, "log_input")?,
            full: flag(case, "full")?,
            epsilon: case.number_or("eps", 1e-8)?,
        },
        "gaussian_nll_loss" => LossFunction::GaussianNll {
            full: flag(case, "full")?,
            epsilon: case.number_or("eps", 1e-6)?,
        },
        other => return Err(format!("{other} is no element-wise loss")),
    })
}

fn reduction(
    case: &Case<'_>,
    op: &str,
    has_weights: bool,
) -> std::result::Result<(ElementwiseReduction, Axis), String> {
    let weighted = match case.parameter("weighted_mean") {
        // FORMAT.md: of the squared error, where there are weights.
        Value::Null => op == "mse_loss" && has_weights,
        value => value.as_bool().ok_or_else(|| format!("weighted_mean: {value}"))?,
    };
    let mean = match weighted {
        true => ElementwiseReduction::WeightedMean,
        false => ElementwiseReduction::Mean,
    };
    Ok(match case.parameter("reduction").as_str() {
        Some("none") => (ElementwiseReduction::None, Axis::All),
        Some("sum") => (ElementwiseReduction::Sum, Axis::All),
        Some("mean") => (mean, Axis::All),
        Some("row_mean") => (mean, Axis::EachRow),
        Some("row_sum") => (ElementwiseReduction::Sum, Axis::EachRow),
        Some("batchmean") => (ElementwiseReduction::BatchMean, Axis::All),
        _ => return Err(format!("reduction: {}", case.parameter("reduction"))),
    })
}

/// Evaluates, with the gradient where the way has one.
///
/// # Errors
/// Where the engine refuses the call.
pub fn elementwise(
    engine: &dyn Engine,
    problem: &Problem,
    elements: &Elements,
    way: Way,
) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let (rows, columns) = (logits.rows, logits.classes);
    let input = logits.place(way.layout);
    // Every operand has a stride of its own.
    let apart = |times: usize| way.layout.with_gap(way.layout.gap * times);
    let target = elements.target.place(apart(2));
    let place =
        |matrix: &Option<Matrix>, times| matrix.as_ref().map(|matrix| matrix.place(apart(times)));
    let weights = place(&elements.weights, 3);
    let positive_weights = place(&elements.positive_weights, 3);
    let variance = place(&elements.variance, 4);
    let factors = upstream.as_ref().map(|factors| match factors.len() == rows * columns {
        true => way.layout.place(factors, rows, columns),
        false => factors.clone(),
    });
    let weights = per_element(&weights, apart(3), rows, columns)?;
    let positive_weights = per_element(&positive_weights, apart(3), rows, columns)?;
    let variance = per_element(&variance, apart(4), rows, columns)?;
    let operands = Elementwise {
        weights,
        positive_weights,
        variance,
        ..Elementwise::new(
            way.layout.view(&input, rows, columns)?,
            apart(2).view(&target, rows, columns)?,
        )
    };
    let options = &elements.options;
    let out = match way.gradient {
        false => engine.elementwise_loss(&operands, options)?,
        true => {
            let upstream = match factors.as_deref() {
                None => ElementwiseUpstream::Scalar(1.0),
                Some([factor]) => ElementwiseUpstream::Scalar(*factor),
                Some(factors) if options.reduction == ElementwiseReduction::None => {
                    ElementwiseUpstream::PerElement(way.layout.view(factors, rows, columns)?)
                }
                Some(factors) => ElementwiseUpstream::PerRow(factors),
            };
            engine.elementwise_loss_with_gradient(&operands, upstream, options)?
        }
    };
    let loss = match options.reduction {
        ElementwiseReduction::None => logits.restore(way.layout, out.values),
        _ => widened(&out.values),
    };
    let mut outputs = Outputs::from([("loss", loss)]);
    let gradients = [("grad_x", out.gradient), ("grad_var", out.variance_gradient)];
    for (name, gradient) in gradients {
        let restored = gradient.map(|gradient| logits.restore(way.layout, gradient.into_f32()));
        outputs.extend(restored.map(|gradient| (name, gradient)));
    }
    Ok(outputs)
}

/// A number for each element, where there are any.
fn per_element(
    placed: &Option<Vec<f32>>,
    layout: Layout,
    rows: usize,
    columns: usize,
) -> Result<Weights<'_>> {
    match placed {
        None => Ok(Weights::None),
        Some(placed) => layout.view(placed, rows, columns).map(Weights::PerElement),
    }
}
