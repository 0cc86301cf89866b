//! What every engine refuses before it computes anything: one place, so that all of them refuse
//! the same calls with the same words.

use crate::{CrossEntropy, Error, Logits, Reduction, Result, Upstream};

/// Refuses an upstream gradient of the wrong length. `None`: no gradient is asked for.
pub(crate) fn log_sum_exp(logits: Logits<'_>, upstream: Option<Upstream<'_>>) -> Result<()> {
    const OPERATION: &str = "log-sum-exp";
    // Only rows without classes occupy no memory; every other number of rows is backed by a slice.
    let most = isize::MAX.unsigned_abs() / size_of::<f64>();
    if logits.rows() > most {
        let expected = format!("at most {most}, so that the results can be addressed");
        return Err(Error::invalid(OPERATION, "number of rows", expected, logits.rows()));
    }
    match upstream {
        Some(upstream) => upstream.validate(OPERATION, logits.rows(), false),
        None => Ok(()),
    }
}

/// Refuses zero classes, a wrong number of targets, an upstream gradient that does not fit the
/// reduction. The targets' values are not looked at: that is [`count_targets`].
pub(crate) fn cross_entropy(
    logits: Logits<'_>,
    targets: &[i32],
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<()> {
    const OPERATION: &str = "cross-entropy";
    let (rows, classes) = (logits.rows(), logits.classes());
    // The results name a class by a u32.
    if classes == 0 || u32::try_from(classes).is_err() {
        let expected = format!("1 to {}", u32::MAX);
        return Err(Error::invalid(OPERATION, "number of classes", expected, classes));
    }
    if targets.len() != rows {
        let expected = format!("{rows}, one per row");
        return Err(Error::invalid(OPERATION, "number of targets", expected, targets.len()));
    }
    match upstream {
        Some(upstream) => upstream.validate(OPERATION, rows, options.reduction != Reduction::None),
        None => Ok(()),
    }
}

/// Counts the rows that are not ignored; refuses a target that is neither a class nor the ignore
/// index, naming the first such row.
pub(crate) fn count_targets(
    targets: &[i32],
    classes: usize,
    ignore_index: Option<i32>,
) -> Result<usize> {
    let mut counted = 0;
    for (row, &value) in targets.iter().enumerate() {
        if Some(value) != ignore_index {
            if usize::try_from(value).map_or(true, |class| class >= classes) {
                return Err(Error::TargetOutOfRange { row, value, classes });
            }
            counted += 1;
        }
    }
    Ok(counted)
}
