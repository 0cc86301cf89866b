//! What every engine refuses of an element-wise loss.

use crate::error::Result;
use crate::ops::elementwise::validate::{options, upstream};
use crate::ops::elementwise::{Elementwise, ElementwiseLoss, ElementwiseUpstream};
use crate::weights::Weights;

/// Refuses what [`options`] and [`upstream`] do, and operands of the wrong length.
pub(crate) fn elementwise(
    operands: &Elementwise<'_>,
    upstream_gradient: Option<ElementwiseUpstream<'_>>,
    asked: &ElementwiseLoss,
) -> Result<()> {
    let operation = asked.function.name();
    let shape = operands.input.shape();
    options(asked, &operands.layout())?;
    let factors = upstream_gradient.map_or(Weights::None, |factors| factors.weights());
    upstream(asked, shape, factors.layout())?;
    let others = [
        ("number of weights", operands.weights),
        ("number of weights of positives", operands.positive_weights),
        ("number of variances", operands.variance),
        ("upstream gradient", factors),
    ];
    for (what, weights) in others {
        weights.validate_length(operation, what, shape)?;
    }
    Ok(())
}
