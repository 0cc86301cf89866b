//! What the rows of a batch have in common, and how their losses are reduced.

use super::reduce::{sum, sum_of_products};
use super::terms::{Target, Terms};
use crate::ops::cross_entropy::{CrossEntropy, Mode, Reduction};
use crate::upstream::Upstream;

/// What a mean divides by.
#[derive(Clone, Copy)]
pub(super) struct Denominators {
    /// `D`: the sum of `v w_y`, of `v` for probabilities; or the size of the batch.
    pub(super) loss: f64,
    /// The sum of `v`, or the size of the batch.
    pub(super) z_loss: f64,
    pub(super) counted: usize,
}

impl Denominators {
    /// Of so many rows, of which `counted` are not ignored.
    pub(super) fn of(terms: &Terms<'_>, rows: usize, counted: usize, reduction: Reduction) -> Self {
        if let Some(size) = reduction.batch_size(rows, terms.total_classes()) {
            return Self { loss: size, z_loss: size, counted };
        }
        if !terms.are_weighted() {
            return Self { loss: counted as f64, z_loss: counted as f64, counted };
        }
        let sum = |with_classes: bool| {
            sum_of_products(rows, &|part, of_rows, of_classes| {
                for (row, (of_row, of_class)) in part.zip(of_rows.iter_mut().zip(of_classes)) {
                    let weights = (terms.row_weight(row) as f32, 1.0);
                    (*of_row, *of_class) = match terms.target(row) {
                        Target::Ignored => (0.0, 0.0),
                        Target::Class(class) if with_classes => {
                            (weights.0, terms.class_weight(class) as f32)
                        }
                        Target::Class(_) | Target::Probabilities => weights,
                    };
                }
            })
        };
        Self { loss: sum(true), z_loss: sum(false), counted }
    }
}

/// The upstream gradient of each row's loss and z-loss.
#[derive(Clone, Copy)]
pub(super) struct Factors<'a> {
    upstream: Upstream<'a>,
    /// What the upstream gradient is multiplied by: NaN where the mean is one over nothing.
    loss: f64,
    z_loss: f64,
}

impl<'a> Factors<'a> {
    pub(super) fn new(
        upstream: Upstream<'a>,
        denominators: Denominators,
        reduction: Reduction,
    ) -> Self {
        let share = |denominator| reduction.of_upstream(1.0, denominator);
        Self { upstream, loss: share(denominators.loss), z_loss: share(denominators.z_loss) }
    }

    /// Of each row's loss, where it is the same.
    #[inline(always)]
    pub(super) fn of_each_row(&self) -> Option<f64> {
        match self.upstream {
            Upstream::Scalar(upstream) => Some(f64::from(upstream) * self.loss),
            Upstream::PerRow(_) => None,
        }
    }

    /// Of a row's loss, unless that is hidden, and of its z-loss.
    pub(super) fn of_row(&self, row: usize, hides_loss: bool) -> (f64, f64) {
        let upstream = f64::from(self.upstream.of_row(row));
        let of_loss = if hides_loss { 0.0 } else { upstream * self.loss };
        (of_loss, upstream * self.z_loss)
    }
}

/// The sum of values, or the mean, which over nothing is 0 in masked mode.
pub(super) fn reduce(values: &[f32], denominator: f64, options: &CrossEntropy) -> f64 {
    match options.reduction {
        Reduction::None => f64::NAN,
        reduction => reduction.of_sum(sum(values), denominator, options.mode),
    }
}

/// Whether a row has no part in loss and gradient, whatever it holds.
pub(super) fn is_hidden(
    target: Target,
    contributes: bool,
    row_weight: f64,
    options: &CrossEntropy,
) -> bool {
    let contributes = row_weight != 0.0 && (contributes || options.z_loss != 0.0);
    target == Target::Ignored || (options.mode == Mode::Masked && !contributes)
}

/// Whether a row has no loss but its z-loss, whatever it holds.
pub(super) fn hides_loss(contributes: bool, mode: Mode) -> bool {
    mode == Mode::Masked && !contributes
}
