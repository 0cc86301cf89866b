//! Calls of softmax focal loss.

use wgpu_loss::{
    Engine, Reduction, Result, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Targets as Operands,
    Upstream,
};

use super::call::{Outputs, widened};
use super::layout::Way;
use super::problem::{Divisor, Matrix, Problem, Target, Targets};
use super::suite::Case;

/// The options of a focal loss, and its targets: `alpha` is the weight of every class.
pub struct Focal {
    pub options: SoftmaxLoss,
    pub targets: Targets,
    pub divisor: Divisor,
}

impl Focal {
    pub fn new(
        case: &Case<'_>,
        targets: Targets,
        (reduction, divisor): (Reduction, Divisor),
        classes: usize,
    ) -> std::result::Result<Self, String> {
        let gamma = case.number_or("gamma", 0.0)?;
        let alpha = case.number_or("alpha", 1.0)?;
        let options = SoftmaxLoss {
            reduction,
            label_smoothing: case.number_or("label_smoothing", 0.0)?,
            ignore_index: None,
            rows: true,
            ..SoftmaxLoss::new(SoftmaxFunction::Focal { gamma })
        };
        let class_weights = Some(vec![alpha; classes]);
        Ok(Self { options, targets: Targets { class_weights, ..targets }, divisor })
    }
}

/// # Errors
/// Where the engine refuses the call.
pub fn focal(engine: &dyn Engine, problem: &Problem, focal: &Focal, way: Way) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let Focal { options, targets, divisor } = focal;
    let layout = way.layout;
    let placed = logits.place(layout);
    let view = layout.view(&placed, logits.rows, logits.classes)?;
    // Probabilities have a stride of their own.
    let apart = layout.with_gap(layout.gap * 2);
    let probabilities = targets.target.probabilities().map(|matrix| matrix.place(apart));
    let operands = match (&targets.target, &probabilities) {
        (Target::Probabilities(Matrix { rows, classes, .. }), Some(placed)) => {
            Operands::probabilities(apart.view(placed, *rows, *classes)?)
        }
        (Target::Classes(indices), _) => Operands::classes(indices),
        (Target::Probabilities(_), None) => unreachable!("probabilities are placed"),
    };
    let against = SoftmaxAgainst::Targets(Operands {
        class_weights: targets.class_weights.as_deref(),
        row_weights: targets.row_weights.as_deref(),
        ..operands
    });
    let reduction = match (divisor, options.reduction) {
        // A mean over the number of rows, whatever their weights.
        (Divisor::WithoutRowWeights, Reduction::Mean) => Reduction::BatchMean,
        (_, reduction) => reduction,
    };
    let options = SoftmaxLoss { reduction, ..*options };
    let upstream = match upstream.as_deref().unwrap_or(&[1.0]) {
        [factor] => Upstream::Scalar(*factor),
        factors => Upstream::PerRow(factors),
    };
    let out = match way.gradient {
        false => engine.softmax_loss(view, against, &options)?,
        true => engine.softmax_loss_with_gradient(view, against, upstream, &options)?,
    };
    let mut outputs = Outputs::new();
    if reduction != Reduction::None {
        outputs.insert("loss", vec![out.loss.into()]);
    }
    if let Some(rows) = out.loss_rows {
        outputs.insert("loss_rows", widened(&rows));
        outputs.entry("loss").or_insert_with(|| widened(&rows));
    }
    if let Some(gradient) = out.gradient {
        outputs.insert("grad_logits", logits.restore(layout, gradient.into_f32()));
    }
    Ok(outputs)
}

/// Where all other classes have `-inf`, PyTorch's autograd multiplies 0 with infinity: NaN. Here the
/// gradient of a certain row is 0, which is its limit.
pub fn take_certainty_for_undefined(found: &mut [f64], expected: &[f64]) {
    for (found, expected) in found.iter_mut().zip(expected) {
        if expected.is_nan() && *found == 0.0 {
            *found = f64::NAN;
        }
    }
}
