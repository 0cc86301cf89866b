//! Options and shapes that plans and engines refuse.

use super::{SoftmaxAgainstLayout, SoftmaxFunction, SoftmaxLoss};
use crate::error::{Error, Result};
use crate::logits::Shape;
use crate::ops::validate::{addressable, same_form};

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
