//! What every engine refuses before it computes anything: one place, so that all of them refuse
//! the same calls with the same words.

use crate::element::{Element, Float};
use crate::error::{Error, Result};
use crate::logits::{Logits, Shape};
use crate::ops::cross_entropy::{CrossEntropy, Input, Reduction};
use crate::partial::{ClassRange, PartialState};
use crate::targets::{ClassIndices, TargetLayout, TargetValues, Targets};
use crate::upstream::Upstream;

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

/// Refuses an upstream gradient of the wrong length. `None`: no gradient is asked for.
pub(crate) fn log_sum_exp(logits: Logits<'_>, upstream: Option<Upstream<'_>>) -> Result<()> {
    addressable(LOG_SUM_EXP, "number of rows", logits.rows())?;
    match upstream {
        Some(upstream) => upstream.validate(LOG_SUM_EXP, logits.rows(), false),
        None => Ok(()),
    }
}

/// Refuses an upstream gradient that is shaped otherwise than the logits.
pub(crate) fn softmax(
    operation: &'static str,
    logits: Logits<'_>,
    upstream: Option<Logits<'_>>,
) -> Result<()> {
    addressable(operation, "number of rows", logits.rows())?;
    match upstream {
        Some(upstream) => {
            same_form(operation, "upstream gradient", logits.shape(), upstream.shape())
        }
        None => Ok(()),
    }
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

/// Refuses operands of the wrong length. The targets' values are not looked at: that is
/// [`count_targets`].
fn target_lengths(rows: usize, classes: usize, targets: Targets<'_>) -> Result<()> {
    if let TargetValues::Classes(indices) = targets.values
        && indices.len() != rows
    {
        let expected = format!("{rows}, one per row");
        return Err(Error::invalid(CROSS_ENTROPY, "number of targets", expected, indices.len()));
    }
    let weights = [
        ("number of class weights", targets.class_weights, classes, "class"),
        ("number of row weights", targets.row_weights, rows, "row"),
    ];
    for (what, weights, expected, one) in weights {
        if let Some(weights) = weights.filter(|weights| weights.len() != expected) {
            let expected = format!("{expected}, one per {one}");
            return Err(Error::invalid(CROSS_ENTROPY, what, expected, weights.len()));
        }
    }
    Ok(())
}

/// Refuses zero classes, operands of the wrong length, options out of range, an upstream gradient
/// that does not fit the reduction.
pub(crate) fn cross_entropy(
    logits: Logits<'_>,
    targets: Targets<'_>,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<()> {
    cross_entropy_options(options, logits.shape(), &targets.layout())?;
    target_lengths(logits.rows(), logits.classes(), targets)?;
    match upstream {
        Some(upstream) => {
            let reduced = options.reduction != Reduction::None;
            upstream.validate(CROSS_ENTROPY, logits.rows(), reduced)
        }
        None => Ok(()),
    }
}

/// The same for a part of the classes, and for its end beyond the last of them.
pub(crate) fn partial(
    logits: Logits<'_>,
    classes: ClassRange,
    targets: Targets<'_>,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<()> {
    cross_entropy_options(options, logits.shape(), &targets.layout())?;
    part(logits.classes(), classes, options)?;
    target_lengths(logits.rows(), classes.total, targets)?;
    match upstream {
        Some(upstream) => {
            let reduced = options.reduction != Reduction::None;
            upstream.validate(CROSS_ENTROPY, logits.rows(), reduced)
        }
        None => Ok(()),
    }
}

/// Refuses what parts of a vocabulary cannot have: log-probabilities, and the target's rank, since a part
/// does not know the target's logit.
fn options_of_parts(options: &CrossEntropy) -> Result<()> {
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

/// The same where only merged states are given. Of probabilities, nothing is looked at.
pub(crate) fn of_states(
    states: &[PartialState],
    classes: usize,
    targets: Targets<'_>,
    options: &CrossEntropy,
) -> Result<()> {
    let rows = states.len();
    let logits = Shape::new(rows, classes);
    let layout = TargetLayout {
        probabilities: targets.layout().probabilities.map(|_| logits),
        ..targets.layout()
    };
    cross_entropy_options(options, logits, &layout)?;
    options_of_parts(options)?;
    target_lengths(rows, classes, targets)
}

/// Refuses states of another number of rows.
pub(crate) fn states_of_rows(states: &[PartialState], rows: usize) -> Result<()> {
    if states.len() != rows {
        let expected = format!("{rows}, one per row");
        return Err(Error::invalid(CROSS_ENTROPY, "number of states", expected, states.len()));
    }
    Ok(())
}

/// Counts the rows that are not ignored; refuses a target that is neither a class nor the ignore
/// index, naming the first such row.
pub(crate) fn count_targets(
    operation: &'static str,
    targets: ClassIndices<'_>,
    classes: usize,
    ignore_index: Option<i32>,
) -> Result<usize> {
    let mut counted = 0;
    for row in 0..targets.len() {
        let Some(value) = targets.get(row) else { break };
        if ignore_index.map(i64::from) != Some(value) {
            if usize::try_from(value).map_or(true, |class| class >= classes) {
                return Err(Error::TargetOutOfRange { operation, row, value, classes });
            }
            counted += 1;
        }
    }
    Ok(counted)
}

/// What refusals call the length and the type of a gradient in the caller's memory.
pub(crate) const GRADIENT: (&str, &str) = ("length of the gradient", "gradient's element type");

/// The same of other results.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
pub(crate) const RESULTS: (&str, &str) = ("length of the results", "results' element type");

/// Refuses memory for results of another length than the logits have elements, or of another type
/// than the options ask for.
pub(crate) fn results<G: Float>(
    operation: &'static str,
    what: (&'static str, &'static str),
    element: Option<Element>,
    logits: Shape,
    length: usize,
) -> Result<()> {
    results_element::<G>(operation, what, element)?;
    let Shape { rows, classes, .. } = logits;
    let expected = logits.elements().unwrap_or(usize::MAX);
    if length != expected {
        let expected = format!("{expected} elements for {rows} rows of {classes} classes");
        return Err(Error::invalid(operation, what.0, expected, length));
    }
    Ok(())
}

/// Refuses options that ask for another element type than there is.
pub(crate) fn results_element<G: Float>(
    operation: &'static str,
    what: (&'static str, &'static str),
    element: Option<Element>,
) -> Result<()> {
    match element.filter(|&element| element != G::ELEMENT) {
        Some(element) => {
            let (expected, found) = (G::ELEMENT.name(), element.name());
            Err(Error::invalid(operation, what.1, expected, found))
        }
        None => Ok(()),
    }
}
