//! Log-sum-exp and its gradient.

use super::row::Row;
use super::transform::Transform;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::{reserved, when, zeros};
use crate::ops::log_sum_exp::LogSumExpOutput;
use crate::ops::validate::LOG_SUM_EXP;
use crate::upstream::Upstream;

pub(super) fn evaluate(
    logits: Logits<'_>,
    upstream: Option<Upstream<'_>>,
) -> Result<LogSumExpOutput<f64, Vec<f64>>> {
    validate::log_sum_exp(logits, upstream)?;
    let shape = logits.shape().contiguous();
    let mut log_sum_exp = reserved(LOG_SUM_EXP, shape.rows)?;
    let zeros = || zeros(LOG_SUM_EXP, shape.rows * shape.classes);
    let mut gradient = when(upstream.is_some(), zeros)?;
    for i in 0..shape.rows {
        let row = Row::new(&logits.row(i), Transform::IDENTITY);
        log_sum_exp.push(row.softmax.log_sum_exp());
        if let (Some(gradient), Some(upstream)) = (&mut gradient, upstream) {
            let factor = f64::from(upstream.of_row(i));
            for (class, &y) in row.logits.iter().enumerate() {
                let at = shape.start_of(i) + class * shape.inner;
                // `exp(y - lse)`, as PyTorch: beside a `+inf`, the other classes have none of it.
                let infinite = row.softmax.maximum == f64::INFINITY && y < f64::INFINITY;
                let probability = if infinite { 0.0 } else { row.softmax.probability(y) };
                gradient[at] = factor * probability;
            }
        }
    }
    Ok(LogSumExpOutput { log_sum_exp, gradient })
}
