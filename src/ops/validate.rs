//! Options and shapes that plans and engines refuse: one place, so that all of them refuse the same
//! with the same words.

use crate::error::{Error, Result};
use crate::logits::Shape;
use crate::ops::cross_entropy::{CrossEntropy, Input};
use crate::partial::{ClassRange, PartialState};
use crate::targets::TargetLayout;

pub(crate) const CROSS_ENTROPY: &str = "cross-entropy";
pub(crate) const LOG_SUM_EXP: &str = "log-sum-exp";
const DEFAULT_IGNORE_INDEX: i32 = -100;

/// Refuses results that no memory could hold; only rows without classes occupy none themselves.
pub(crate) fn addressable(operation: &'static str, what: &'static str, count: usize) -> Result<()> {
    let most = isize::MAX.unsigned_abs() / size_of::<PartialState>();
    if count > most {
        let expected = format!("at most {most}, so that the results can be addressed");
        return Err(Error::invalid(operation, what, expected, count));
    }
    Ok(())
}

/// Refuses what differs from the logits in more than row stride and element type.
pub(crate) fn same_form(
    operation: &'static str,
    what: &'static str,
    logits: Shape,
    other: Shape,
) -> Result<()> {
    let form = |shape: Shape| (shape.rows, shape.classes, shape.inner);
    if form(logits) != form(other) {
        let text = |shape: Shape| match shape.inner {
            1 => format!("({}, {})", shape.rows, shape.classes),
            inner => format!("({}, {}, {inner})", shape.outer(), shape.classes),
        };
        return Err(Error::invalid(operation, what, text(logits), text(other)));
    }
    Ok(())
}

/// Refuses options out of range, and combinations that mean nothing, for logits and targets of
/// this form. `classes` are those of all parts.
pub(crate) fn cross_entropy_options(
    options: &CrossEntropy,
    logits: Shape,
    targets: &TargetLayout,
) -> Result<()> {
    let refuse = |what, expected: &str, found: &dyn ToString| {
        Err(Error::invalid(CROSS_ENTROPY, what, expected, found.to_string()))
    };
    let CrossEntropy { label_smoothing, z_loss, logit_scale, softcap, .. } = *options;
    // The results name a class by a u32.
    if logits.classes == 0 || u32::try_from(logits.classes).is_err() {
        return refuse("number of classes", "1 to 4294967295", &logits.classes);
    }
    addressable(CROSS_ENTROPY, "number of rows", logits.rows)?;
    if !(0.0..=1.0).contains(&label_smoothing) {
        return refuse("label smoothing", "0 to 1", &label_smoothing);
    }
    if !z_loss.is_finite() {
        return refuse("z-loss", "a finite number", &z_loss);
    }
    if !logit_scale.is_finite() {
        return refuse("logit scale", "a finite number", &logit_scale);
    }
    if let Some(softcap) = softcap
        && !(softcap > 0.0 && softcap.is_finite())
    {
        return refuse("softcap", "a finite number above 0", &softcap);
    }
    if options.top_k == 0 || options.top_k as usize > logits.classes {
        let expected = format!("1 to {}, the number of classes", logits.classes);
        return refuse("top k", &expected, &options.top_k);
    }
    if let Some(probabilities) = targets.probabilities {
        same_form(CROSS_ENTROPY, "probabilities", logits, probabilities)?;
        if let Some(index) = options.ignore_index.filter(|&index| index != DEFAULT_IGNORE_INDEX) {
            return refuse("ignore index", "none, since the targets are probabilities", &index);
        }
        let of_target = [
            ("number of correct rows", options.correct),
            ("target log-probability", options.rows.target_log_probability),
            ("target rank", options.rows.target_rank),
        ];
        if let Some((what, _)) = of_target.into_iter().find(|(_, is_wanted)| *is_wanted) {
            let expected = "not asked for, since the targets are probabilities";
            return refuse(what, expected, &"asked for");
        }
    }
    if options.input == Input::LogProbabilities {
        let only = "unused, since the input holds log-probabilities";
        let used = [
            ("probabilities", targets.probabilities.is_some()),
            ("label smoothing", label_smoothing != 0.0),
            ("z-loss", z_loss != 0.0),
            ("logit scale", logit_scale != 1.0),
            ("softcap", softcap.is_some()),
            ("log-sum-exp of rows", options.rows.log_sum_exp),
            ("entropy of rows", options.rows.entropy),
            ("argmax of rows", options.rows.argmax),
            ("target rank of rows", options.rows.target_rank),
            ("number of correct rows", options.correct),
        ];
        for (what, is_used) in used {
            if is_used {
                return refuse(what, only, &"used");
            }
        }
    }
    Ok(())
}

/// Refuses what parts of a vocabulary cannot have: log-probabilities, and the target's rank, since a part
/// does not know the target's logit.
pub(crate) fn options_of_parts(options: &CrossEntropy) -> Result<()> {
    if options.input == Input::LogProbabilities {
        let expected = "logits, since log-probabilities need no merging";
        return Err(Error::invalid(CROSS_ENTROPY, "input", expected, "log-probabilities"));
    }
    if options.ranks_target() {
        let expected = "not asked for, since parts of a vocabulary do not know the target's logit";
        return Err(Error::invalid(CROSS_ENTROPY, "target rank", expected, "asked for"));
    }
    Ok(())
}

/// The same, and a part that ends beyond the last class.
pub(crate) fn part(part: usize, classes: ClassRange, options: &CrossEntropy) -> Result<()> {
    options_of_parts(options)?;
    let end = classes.first.checked_add(part);
    if end.is_none_or(|end| end > classes.total) || u32::try_from(classes.total).is_err() {
        let expected = format!("a part of {} classes", classes.total);
        let found = format!("{part} classes from {}", classes.first);
        return Err(Error::invalid(CROSS_ENTROPY, "classes", expected, found));
    }
    Ok(())
}
