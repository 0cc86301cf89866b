//! Focal loss, and divergences of two rows of logits.

mod divergence;
mod focal;
mod soften;
mod terms;

use super::counting::count_rows_of;
use super::gradient::RowResult;
use super::matrix::Matrix;
use super::memory::unwritten;
use super::place::Place;
use super::reduce::sum;
use super::split::for_rows;
use super::tiled::{Source, SourceRow, for_each_row};
use super::transform::Transform;
use crate::element::Float;
use crate::error::Result;
use crate::logits::{Logits, Shape};
use crate::memory::{collected, when, zeros};
use crate::ops::cross_entropy::{Mode, Reduction};
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput};
use crate::upstream::Upstream;
use divergence::{JensenShannon, KlDivergence};
use focal::Focal;
use soften::with_room;

/// Counts the rows that are not ignored; refuses targets that are no classes.
pub(super) fn count(
    against: &SoftmaxAgainst<'_>,
    logits: Logits<'_>,
    options: &SoftmaxLoss,
) -> Result<usize> {
    let SoftmaxAgainst::Targets(targets) = against else { return Ok(logits.rows()) };
    let operation = options.function.name();
    count_rows_of(operation, *targets, logits.rows(), logits.classes(), options.ignore_index)
}

/// What rows have in common.
struct Batch<'a> {
    against: &'a SoftmaxAgainst<'a>,
    options: &'a SoftmaxLoss,
    /// `1 / T`.
    scale: f32,
    /// What the sum of a row's terms is multiplied by.
    loss_scale: f64,
    /// What the derivatives of terms are multiplied by in the logits.
    chain: f64,
    /// What the gradient is multiplied by beside the upstream one: NaN where the mean is one over
    /// nothing.
    share: f64,
    upstream: Option<Upstream<'a>>,
}

/// What became of a row's loss.
enum RowLoss {
    /// The sum of its terms; the gradient, where there is room for one, is in it.
    Value(f64),
    /// No term: hidden in masked mode whatever the row holds.
    Nothing,
    /// The softmax is undefined.
    Undefined,
}

impl Batch<'_> {
    fn is_ignored(&self, row: usize) -> bool {
        let target = self.against.classes().and_then(|indices| indices.get(row));
        target.is_some() && target == self.options.ignore_index.map(i64::from)
    }

    fn weight(&self, row: usize) -> f64 {
        self.against.row_weights().map_or(1.0, |weights| weights[row].into())
    }

    /// What the derivatives of a row's terms are multiplied by.
    fn factor(&self, row: usize) -> f64 {
        let upstream = self.upstream.map_or(0.0, |upstream| f64::from(upstream.of_row(row)));
        upstream * self.share * self.chain * self.weight(row)
    }

    /// What the mean divides by: the sum of the weights of rows that count, or the size of the batch.
    fn denominator(&self, shape: Shape, counted: usize) -> Result<f64> {
        let rows = shape.rows;
        if let Some(size) = self.options.reduction.batch_size(rows, shape.classes) {
            return Ok(size);
        }
        Ok(match self.against.row_weights() {
            None => counted as f64,
            Some(weights) if counted == rows => sum(weights),
            Some(weights) => {
                let of_row = |(row, &weight)| if self.is_ignored(row) { 0.0 } else { weight };
                let kept = weights.iter().enumerate().map(of_row);
                sum(&collected(self.options.function.name(), kept)?)
            }
        })
    }
}

/// Of validated operands, whose targets have been counted.
pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    against: &SoftmaxAgainst<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &SoftmaxLoss,
) -> Result<SoftmaxLossOutput> {
    let (operation, shape) = (options.function.name(), logits.shape());
    let temperature = f64::from(options.temperature);
    let mut batch = Batch {
        against,
        options,
        scale: (1.0 / temperature) as f32,
        loss_scale: options.scale_of_units(),
        chain: options.loss_scale() / (temperature * options.unit()),
        share: 1.0,
        upstream,
    };
    let denominator = batch.denominator(shape, counted)?;
    batch.share = options.reduction.of_upstream(1.0, denominator);
    let mut losses = zeros(operation, shape.rows)?;
    let room = || unwritten::<G>(operation, shape.rows * shape.classes);
    let mut gradient = when(upstream.is_some(), room)?;
    let matrix = Place::apart(logits, super::fresh(&mut gradient)).matrix();
    match options.function {
        SoftmaxFunction::Focal { gamma } => {
            let focal = Focal::new(against, shape, gamma, options)?;
            for_each(logits, &batch, &mut losses, matrix, |row, result| {
                with_room(|room| focal.row(&batch, row, room, result))
            });
        }
        SoftmaxFunction::KlDivergence => {
            for_each(logits, &batch, &mut losses, matrix, |row, result| {
                with_room(|room| divergence::row::<KlDivergence>(&batch, row, room, result))
            });
        }
        SoftmaxFunction::JensenShannon => {
            for_each(logits, &batch, &mut losses, matrix, |row, result| {
                with_room(|room| divergence::row::<JensenShannon>(&batch, row, room, result))
            });
        }
    }
    let loss = reduce(&losses, denominator, options);
    Ok(SoftmaxLossOutput {
        loss: loss as f32,
        denominator: denominator as f32,
        counted,
        loss_rows: options.wants_rows().then_some(losses),
        gradient: gradient.map(G::owned),
    })
}

/// One row: the logits, and probabilities or the teacher's logits as a copy.
struct BatchRow<'l, 'a> {
    row: usize,
    logits: &'l [f32],
    others: &'a mut [f32],
}

/// Calls `compute` for each row, on all threads, and stores losses and gradients.
fn for_each<G: Float>(
    logits: Logits<'_>,
    batch: &Batch<'_>,
    losses: &mut [f32],
    matrix: Option<Matrix<'_, G>>,
    compute: impl Fn(BatchRow<'_, '_>, Option<&mut [f32]>) -> RowLoss + Sync,
) {
    let shape = logits.shape();
    let source = Source {
        logits: Some(logits),
        shape,
        transform: Transform::IDENTITY,
        argmax: false,
        ranks: None,
        others: batch.against.matrix(),
        in_parts: false,
    };
    let is_masked = batch.options.mode == Mode::Masked;
    for_rows(0..shape.rows, shape, (losses, matrix), &|part, (losses, matrix)| {
        for_each_row(source, part, matrix, |each| {
            let SourceRow { row, index, transformed, others, values, .. } = each;
            let weight = batch.weight(row);
            let is_ignored = batch.is_ignored(row);
            if (is_ignored && (is_masked || values.is_none())) || (is_masked && weight == 0.0) {
                losses[index] = 0.0;
                return RowResult::Zero;
            }
            let found = compute(BatchRow { row, logits: transformed.logits, others }, values);
            let (loss, result) = match found {
                _ if is_ignored => (0.0, RowResult::Zero),
                RowLoss::Nothing if is_masked => (0.0, RowResult::Zero),
                RowLoss::Value(value) => {
                    let loss = weight * (batch.loss_scale * value);
                    let is_nan = batch.share.is_nan();
                    (loss, if is_nan { RowResult::Undefined } else { RowResult::Values })
                }
                RowLoss::Nothing | RowLoss::Undefined => (f64::NAN, RowResult::Undefined),
            };
            losses[index] = loss as f32;
            match (found, result) {
                // An ignored row's gradient is NaN where its softmax is.
                (RowLoss::Undefined, RowResult::Zero) if is_ignored => RowResult::Undefined,
                (_, result) => result,
            }
        });
    });
}

fn reduce(losses: &[f32], denominator: f64, options: &SoftmaxLoss) -> f64 {
    match options.reduction {
        Reduction::None => f64::NAN,
        reduction => reduction.of_sum(sum(losses), denominator, options.mode),
    }
}
