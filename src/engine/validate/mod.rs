//! What every engine refuses before it computes anything: one place, so that all of them refuse the
//! same calls with the same words.

mod elementwise;
mod reduce;
// On the web the one-call forms return their results.
#[cfg(any(feature = "cpu", not(target_arch = "wasm32")))]
mod results;
mod softmax_loss;

pub(crate) use elementwise::elementwise;
pub(crate) use reduce::{reduce, reduce_segments};
#[cfg(all(feature = "runtime", not(target_arch = "wasm32")))]
pub(crate) use results::RESULTS;
#[cfg(feature = "cpu")]
pub(crate) use results::results_element;
#[cfg(any(feature = "cpu", not(target_arch = "wasm32")))]
pub(crate) use results::{GRADIENT, results};
pub(crate) use softmax_loss::softmax_loss;

use crate::error::{Error, Result};
use crate::logits::{Logits, Shape};
use crate::ops::cross_entropy::{CrossEntropy, Reduction};
use crate::ops::validate::{
    CROSS_ENTROPY, LOG_SUM_EXP, addressable, cross_entropy_options, options_of_parts, part,
    same_form,
};
use crate::partial::{ClassRange, PartialState};
use crate::targets::{ClassIndices, TargetLayout, TargetValues, Targets};
use crate::upstream::Upstream;
use crate::weights::Weights;

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

impl Upstream<'_> {
    /// Refuses a factor for each row where rows and factors differ in number, or where the result
    /// is reduced to one value.
    fn validate(&self, operation: &'static str, rows: usize, reduced: bool) -> Result<()> {
        match self {
            Self::PerRow(_) if reduced => Err(Error::invalid(
                operation,
                "upstream gradient",
                "a scalar, since the loss is reduced to one value",
                "one value per row",
            )),
            Self::PerRow(values) if values.len() != rows => Err(Error::invalid(
                operation,
                "upstream gradient",
                format!("{rows} values, one per row"),
                values.len(),
            )),
            _ => Ok(()),
        }
    }
}

impl Weights<'_> {
    /// Refuses another number than there are rows or columns; `what`: the number's name.
    fn validate_length(
        &self,
        operation: &'static str,
        what: &'static str,
        values: Shape,
    ) -> Result<()> {
        let (found, expected, one) = match self {
            Self::None | Self::PerElement(_) => return Ok(()),
            Self::PerRow(weights) => (weights.len(), values.rows, "row"),
            Self::PerColumn(weights) => (weights.len(), values.classes, "column"),
        };
        if found != expected {
            let expected = format!("{expected}, one per {one}");
            return Err(Error::invalid(operation, what, expected, found));
        }
        Ok(())
    }
}
