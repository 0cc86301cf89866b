//! From the rows of a batch to its results, and what their gradients are multiplied by.

use super::summary::Summary;
use super::terms::{Target, Terms};
use crate::error::Result;
use crate::memory::{collected, reserved, when};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Mode, Reduction};
use crate::ops::validate::CROSS_ENTROPY;

/// What a mean divides by.
#[derive(Clone, Copy)]
pub(super) struct Denominators {
    /// `D`: the sum of `v w_y`, of `v` for probabilities; or the size of the batch.
    loss: f64,
    /// The sum of `v`, or the size of the batch.
    z_loss: f64,
    counted: usize,
}

/// What the two parts of a row's gradient are multiplied by.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    pub(super) loss: f64,
    pub(super) z_loss: f64,
}

impl Denominators {
    pub(super) fn of(terms: &Terms<'_>, rows: usize, reduction: Reduction) -> Self {
        let mut denominators = Self { loss: 0.0, z_loss: 0.0, counted: 0 };
        for row in 0..rows {
            let class_weight = match terms.target(row) {
                Target::Ignored => continue,
                Target::Class(class) => terms.class_weight(class),
                Target::Probabilities => 1.0,
            };
            denominators.loss += terms.row_weight(row) * class_weight;
            denominators.z_loss += terms.row_weight(row);
            denominators.counted += 1;
        }
        if let Some(size) = reduction.batch_size(rows, terms.total_classes()) {
            (denominators.loss, denominators.z_loss) = (size, size);
        }
        denominators
    }

    /// NaN where the mean is one over nothing.
    pub(super) fn factors(&self, upstream: f32, reduction: Reduction) -> Factors {
        let upstream = f64::from(upstream);
        Factors {
            loss: reduction.of_upstream(upstream, self.loss),
            z_loss: reduction.of_upstream(upstream, self.z_loss),
        }
    }
}

/// Whether a row has no part in loss and gradient, whatever it holds.
pub(super) fn is_hidden(
    summary: &Summary,
    target: Target,
    weight: f64,
    options: &CrossEntropy,
) -> bool {
    let contributes = weight != 0.0 && (summary.contributes || options.z_loss != 0.0);
    target == Target::Ignored || (options.mode == Mode::Masked && !contributes)
}

/// Whether a row has no loss but its z-loss, whatever it holds.
pub(super) fn hides_loss(summary: &Summary, mode: Mode) -> bool {
    mode == Mode::Masked && !summary.contributes
}

/// The results of the rows that came so far.
pub(super) struct Batch<'a> {
    terms: &'a Terms<'a>,
    options: &'a CrossEntropy,
    correct: usize,
    /// Without the z-loss.
    losses: Vec<f64>,
    z_losses: Vec<f64>,
    log_sum_exp: Vec<f64>,
    target_log_probability: Vec<f64>,
    entropy: Vec<f64>,
    argmax: Vec<u32>,
    target_rank: Vec<u32>,
}

impl<'a> Batch<'a> {
    /// For so many rows.
    pub(super) fn new(
        terms: &'a Terms<'a>,
        rows: usize,
        options: &'a CrossEntropy,
    ) -> Result<Self> {
        let column = || reserved(CROSS_ENTROPY, rows);
        Ok(Self {
            terms,
            options,
            correct: 0,
            losses: column()?,
            z_losses: column()?,
            log_sum_exp: column()?,
            target_log_probability: column()?,
            entropy: column()?,
            argmax: reserved(CROSS_ENTROPY, rows)?,
            target_rank: reserved(CROSS_ENTROPY, rows)?,
        })
    }

    /// The next row.
    pub(super) fn push(&mut self, summary: &Summary) {
        let row = self.losses.len();
        let (target, weight) = (self.terms.target(row), self.terms.row_weight(row));
        let ignored = target == Target::Ignored;
        let hidden = is_hidden(summary, target, weight, self.options);
        let hides_loss = hidden || hides_loss(summary, self.options.mode);
        self.losses.push(if hides_loss { 0.0 } else { weight * summary.loss() });

        let lse = summary.softmax.log_sum_exp();
        self.log_sum_exp.push(lse);
        let z = f64::from(self.options.z_loss);
        let no_z_loss = z == 0.0 || ignored || (self.options.mode == Mode::Masked && weight == 0.0);
        self.z_losses.push(if no_z_loss { 0.0 } else { weight * z * lse.powi(2) });

        let log_probability = if ignored { 0.0 } else { summary.target_log_probability };
        self.target_log_probability.push(log_probability);
        self.entropy.push(summary.entropy);
        self.argmax.push(summary.argmax as u32);
        self.target_rank.push(summary.target_rank as u32);
        self.correct += usize::from(match (target, self.options.top_k) {
            // Of parts of a vocabulary only the argmax is known.
            (Target::Class(target), 1) => target == summary.argmax,
            (Target::Class(_), top_k) => summary.target_rank < top_k as usize,
            (Target::Ignored | Target::Probabilities, _) => false,
        });
    }

    fn reduce(&self, values: &[f64], denominator: f64) -> f64 {
        let sum = values.iter().sum::<f64>() + 0.0; // the sum over no rows is -0.0 in Rust
        self.options.reduction.of_sum(sum, denominator, self.options.mode)
    }

    /// The results after the last row.
    pub(super) fn finish(
        self,
        denominators: Denominators,
        gradient: Option<Vec<f64>>,
    ) -> Result<CrossEntropyOutput<f64, Vec<f64>>> {
        let CrossEntropy { reduction, rows: wanted, correct, .. } = *self.options;
        let z_loss = match self.options.z_loss == 0.0 {
            true => 0.0,
            false => self.reduce(&self.z_losses, denominators.z_loss),
        };
        let loss = self.reduce(&self.losses, denominators.loss) + z_loss;
        let rows = self.losses.iter().zip(&self.z_losses).map(|(loss, z_loss)| loss + z_loss);
        let loss_rows = || collected(CROSS_ENTROPY, rows);
        let loss_rows = when(wanted.loss || reduction == Reduction::None, loss_rows)?;
        Ok(CrossEntropyOutput {
            loss,
            z_loss,
            denominator: denominators.loss,
            counted: denominators.counted,
            correct: correct.then_some(self.correct),
            loss_rows,
            log_sum_exp: wanted.log_sum_exp.then_some(self.log_sum_exp),
            target_log_probability: wanted
                .target_log_probability
                .then_some(self.target_log_probability),
            entropy: wanted.entropy.then_some(self.entropy),
            argmax: wanted.argmax.then_some(self.argmax),
            target_rank: wanted.target_rank.then_some(self.target_rank),
            z_loss_rows: wanted.z_loss.then_some(self.z_losses),
            gradient,
        })
    }
}
