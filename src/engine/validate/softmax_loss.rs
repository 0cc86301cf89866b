//! What every engine refuses of a relative of cross-entropy.

use crate::error::{Error, Result};
use crate::logits::Logits;
use crate::ops::cross_entropy::Reduction;
use crate::ops::softmax_loss::validate::options;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxLoss};
use crate::upstream::Upstream;

/// Refuses what [`options`] does, operands of the wrong length, and an upstream gradient that does not fit the
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
