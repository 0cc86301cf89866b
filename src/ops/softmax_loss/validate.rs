//! What every engine refuses before it computes anything.

use super::{SoftmaxAgainst, SoftmaxAgainstLayout, SoftmaxFunction, SoftmaxLoss};
use crate::error::{Error, Result};
use crate::logits::{Logits, Shape};
use crate::ops::cross_entropy::Reduction;
use crate::ops::validate::{addressable, same_form};
use crate::upstream::Upstream;

const DEFAULT_IGNORE_INDEX: i32 = -100;

/// Refuses options out of range, and combinations that mean nothing, for logits and what they are
/// compared with.
pub(crate) fn options(
    options: &SoftmaxLoss,
    logits: Shape,
    against: &SoftmaxAgainstLayout,
) -> Result<()> {
    let operation = options.function.name();
    let refuse = |what, expected: &str, found: &dyn ToString| {
        Err(Error::invalid(operation, what, expected, found.to_string()))
    };
    if logits.classes == 0 || i32::try_from(logits.classes).is_err() {
        return refuse("number of classes", "1 to 2147483647", &logits.classes);
    }
    addressable(operation, "number of rows", logits.rows)?;
    let temperature = options.temperature;
    // Its square and its reciprocal are factors.
    if !(1e-15..=1e15).contains(&temperature) {
        return refuse("temperature", "1e-15 to 1e15", &temperature);
    }
    if let SoftmaxFunction::Focal { gamma } = options.function
        && !(gamma >= 0.0 && gamma.is_finite())
    {
        return refuse("gamma", "a finite number of at least 0", &gamma);
    }
    if !(0.0..=1.0).contains(&options.label_smoothing) {
        return refuse("label smoothing", "0 to 1", &options.label_smoothing);
    }
    let ignored = options.ignore_index.filter(|&index| index != DEFAULT_IGNORE_INDEX);
    match against {
        SoftmaxAgainstLayout::Targets(_) if options.function.has_teacher() => {
            return refuse("operands", "a teacher's logits", &"targets");
        }
        SoftmaxAgainstLayout::Targets(targets) => {
            if let Some(probabilities) = targets.probabilities {
                same_form(operation, "probabilities", logits, probabilities)?;
                if let Some(index) = ignored {
                    let expected = "none, since the targets are probabilities";
                    return refuse("ignore index", expected, &index);
                }
            }
        }
        SoftmaxAgainstLayout::Teacher { .. } if !options.function.has_teacher() => {
            return refuse("operands", "targets", &"a teacher's logits");
        }
        SoftmaxAgainstLayout::Teacher { logits: teacher, .. } => {
            same_form(operation, "teacher", logits, *teacher)?;
            if options.label_smoothing != 0.0 {
                let expected = "0, since there are no targets";
                return refuse("label smoothing", expected, &options.label_smoothing);
            }
            if let Some(index) = ignored {
                return refuse("ignore index", "none, since there are no targets", &index);
            }
        }
    }
    Ok(())
}

/// The same, and operands of the wrong length, and an upstream gradient that does not fit the
/// reduction. The targets' values are not looked at.
pub(crate) fn softmax_loss(
    logits: Logits<'_>,
    against: &SoftmaxAgainst<'_>,
    upstream: Option<Upstream<'_>>,
    loss: &SoftmaxLoss,
) -> Result<()> {
    options(loss, logits.shape(), &against.layout())?;
    let operation = loss.function.name();
    let (rows, classes) = (logits.rows(), logits.classes());
    if let Some(indices) = against.classes()
        && indices.len() != rows
    {
        let expected = format!("{rows}, one per row");
        return Err(Error::invalid(operation, "number of targets", expected, indices.len()));
    }
    for (what, weights, expected, one) in [
        ("number of class weights", against.class_weights(), classes, "class"),
        ("number of row weights", against.row_weights(), rows, "row"),
    ] {
        if let Some(weights) = weights.filter(|weights| weights.len() != expected) {
            let expected = format!("{expected}, one per {one}");
            return Err(Error::invalid(operation, what, expected, weights.len()));
        }
    }
    match upstream {
        Some(upstream) => upstream.validate(operation, rows, loss.reduction != Reduction::None),
        None => Ok(()),
    }
}
