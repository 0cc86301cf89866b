//! Softmax, log-softmax and their gradients.

use super::row::Row;
use super::transform::Transform;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::zeros;
use crate::ops::softmax::Softmax;

pub(super) fn evaluate(
    logits: Logits<'_>,
    upstream: Option<Logits<'_>>,
    options: &Softmax,
) -> Result<Vec<f64>> {
    validate::softmax(options.name(), logits, upstream)?;
    let shape = logits.shape().contiguous();
    let mut results = zeros(options.name(), shape.rows * shape.classes)?;
    for i in 0..shape.occupied_rows() {
        let row = Row::new(&logits.row(i), Transform::IDENTITY);
        let of_row = match upstream {
            _ if row.softmax.is_undefined() => vec![f64::NAN; shape.classes],
            Some(upstream) => gradient(&row, &upstream.row(i), options.log),
            None if options.log => {
                row.logits.iter().map(|&y| row.softmax.log_probability(y)).collect()
            }
            None => row.logits.iter().map(|&y| row.softmax.probability(y)).collect(),
        };
        for (class, value) in of_row.into_iter().enumerate() {
            results[shape.start_of(i) + class * shape.inner] = value;
        }
    }
    Ok(results)
}

/// `p (g - sum_c g_c p_c)`, or `g - p sum_c g_c` of the logarithm.
///
/// Both take `p_argmax - 1` for what would cancel where that class leads far.
fn gradient(row: &Row, upstream: &[f32], log: bool) -> Vec<f64> {
    let softmax = &row.softmax;
    let leader = f64::from(upstream[row.argmax]);
    let classes = || row.logits.iter().zip(upstream).map(|(&y, &g)| (y, f64::from(g))).enumerate();
    if log {
        let sum: f64 = classes().map(|(_, (_, g))| g).sum();
        let others: f64 = classes().filter(|&(c, _)| c != row.argmax).map(|(_, (_, g))| g).sum();
        return classes()
            .map(|(class, (y, g))| match class == row.argmax {
                true => -others - softmax.probability_minus_one(y) * sum,
                false => g - softmax.probability(y) * sum,
            })
            .collect();
    }
    // A constant added to g changes nothing: with that of the leading class gone, its p is, too.
    let leader = if leader.is_finite() { leader } else { 0.0 };
    let mean: f64 = classes().map(|(_, (y, g))| softmax.probability(y) * (g - leader)).sum();
    classes().map(|(_, (y, g))| softmax.probability(y) * ((g - leader) - mean)).collect()
}
