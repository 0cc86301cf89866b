//! Cross-entropy where the rows hold log-probabilities already: one element of each is looked at.

use bytemuck::allocation::zeroed_vec;

use super::batch::{Denominators, Factors, is_hidden, reduce};
use super::terms::{Target, Terms};
use crate::{CrossEntropy, CrossEntropyOutput, Float, Logits, Reduction, Upstream};

pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    terms: &Terms<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> CrossEntropyOutput {
    let (shape, results) = (logits.shape(), logits.shape().contiguous());
    let denominators = Denominators::of(terms, shape.rows, counted);
    let factors = upstream.map(|up| Factors::new(up, denominators, options.reduction));
    let mut losses = vec![0.0; shape.rows];
    let mut target_log_probability =
        options.rows.target_log_probability.then(|| vec![0.0; shape.rows]);
    let mut gradient = upstream.map(|_| zeroed_vec::<G>(shape.rows * shape.classes));
    for row in 0..shape.rows {
        let target = terms.target(row);
        let Target::Class(class) = target else { continue };
        let at = shape.start_of(row) + class * shape.inner;
        let log_probability = logits.values().get(at).unwrap_or(f32::NAN);
        if let Some(values) = &mut target_log_probability {
            values[row] = log_probability;
        }
        let (row_weight, class_weight) = (terms.row_weight(row), terms.class_weight(class));
        if is_hidden(target, class_weight != 0.0, row_weight, options) {
            continue;
        }
        losses[row] = (row_weight * (class_weight * -f64::from(log_probability))) as f32;
        if let (Some(gradient), Some(factors)) = (&mut gradient, factors) {
            let value = -factors.of_row(row, false).0 * row_weight * class_weight;
            gradient[results.start_of(row) + class * shape.inner] = G::narrow(value as f32);
        }
    }
    CrossEntropyOutput {
        loss: reduce(&losses, denominators.loss, options) as f32,
        z_loss: 0.0,
        denominator: denominators.loss as f32,
        counted: denominators.counted,
        correct: None,
        loss_rows: (options.rows.loss || options.reduction == Reduction::None).then_some(losses),
        log_sum_exp: None,
        target_log_probability,
        entropy: None,
        argmax: None,
        z_loss_rows: options.rows.z_loss.then(|| vec![0.0; shape.rows]),
        gradient: gradient.map(G::owned),
    }
}
