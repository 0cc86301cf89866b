//! Softmax cross-entropy and its gradient.

use std::ops::Range;

use super::batch::{Denominators, Factors, hides_loss, is_hidden, reduce};
use super::gradient::{RowGradient, RowResult};
use super::place::Place;
use super::plain_rows::{self, Plain};
use super::rows::Rows;
use super::scratch::{keep_losses, take_losses};
use super::short_rows::ROWS;
use super::softmax::Softmax;
use super::split::for_rows;
use super::target_rank::rank;
use super::terms::{Coefficients, Target, Terms};
use super::tiled::{Source, SourceRow, for_each_row};
use super::transform::Transform;
use crate::element::Float;
use crate::error::Result;
use crate::memory::{when, zeros};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Mode, Reduction};
use crate::ops::validate::CROSS_ENTROPY;
use crate::targets::{TargetValues, Targets};
use crate::upstream::Upstream;

/// What all rows have in common.
pub(super) struct Call<'a> {
    pub(super) terms: &'a Terms<'a>,
    pub(super) options: &'a CrossEntropy,
    pub(super) factors: Option<Factors<'a>>,
    /// Whether each row's loss is that of its target alone.
    pub(super) is_plain: bool,
}

/// Everything but the gradient itself, of validated operands.
pub(super) fn evaluate<G: Float>(
    place: Place<'_, G>,
    targets: Targets<'_>,
    terms: &Terms<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<CrossEntropyOutput> {
    let shape = place.shape;
    let rows = shape.rows;
    let denominators = Denominators::of(terms, rows, counted, options.reduction);
    let wanted = options.rows;
    let keeps_losses = wanted.loss || options.reduction == Reduction::None;

    let column = |is_wanted: bool| when(is_wanted, || zeros::<f32>(CROSS_ENTROPY, rows));
    let places = |is_wanted: bool| when(is_wanted, || zeros::<u32>(CROSS_ENTROPY, rows));
    let mut losses = match keeps_losses {
        true => zeros(CROSS_ENTROPY, rows)?,
        false => take_losses(CROSS_ENTROPY, rows)?,
    };
    let mut z_losses = column(options.z_loss != 0.0 || wanted.z_loss)?;
    let mut log_sum_exp = column(wanted.log_sum_exp)?;
    let mut target_log_probability = column(wanted.target_log_probability)?;
    let mut entropy = column(wanted.entropy)?;
    let ranks = options.ranks_target();
    let mut argmax = places(wanted.argmax || (options.correct && !ranks))?;
    let mut target_rank = places(ranks)?;

    let results = Rows {
        loss: Some(&mut losses),
        z_loss: z_losses.as_deref_mut(),
        log_sum_exp: log_sum_exp.as_deref_mut(),
        target_log_probability: target_log_probability.as_deref_mut(),
        entropy: entropy.as_deref_mut(),
        argmax: argmax.as_deref_mut(),
        target_rank: target_rank.as_deref_mut(),
    };
    let source = Source {
        logits: place.logits,
        shape,
        transform: Transform::of(options),
        argmax: results.argmax.is_some(),
        ranks: ranks.then_some(terms),
        others: match targets.values {
            TargetValues::Classes(_) => None,
            TargetValues::Probabilities(probabilities) => Some(probabilities),
        },
        in_parts: true,
    };
    let call = Call {
        terms,
        options,
        factors: upstream.map(|up| Factors::new(up, denominators, options.reduction)),
        is_plain: terms.are_plain(),
    };
    let is_plain = call.is_plain && options.z_loss == 0.0 && results.are_losses_alone();
    for_rows(0..rows, shape, (results, place.matrix()), &|part, (mut results, mut matrix)| {
        if let (true, Some(losses)) = (is_plain, results.loss.as_deref_mut())
            && plain_rows::compute(source, part.clone(), &call, losses, &mut matrix)
        {
            return;
        }
        for_each_row(source, part, matrix, |row| call.row(row, &mut results));
    });

    let correct = options.correct.then(|| match (&target_rank, &argmax) {
        // An ignored row's rank is the number of classes.
        (Some(ranks), _) => ranks.iter().filter(|&&rank| rank < options.top_k).count(),
        (None, argmax) => {
            let is_correct =
                |(row, class): &(usize, u32)| terms.target(*row) == Target::Class(*class as usize);
            argmax.iter().flatten().copied().enumerate().filter(is_correct).count()
        }
    });
    let z_loss = match &z_losses {
        Some(z_losses) if options.z_loss != 0.0 => reduce(z_losses, denominators.z_loss, options),
        _ => 0.0,
    };
    let loss = reduce(&losses, denominators.loss, options) + z_loss;
    if let Some(z_losses) = &z_losses {
        losses.iter_mut().zip(z_losses).for_each(|(loss, z_loss)| *loss += z_loss);
    }
    let loss_rows = match keeps_losses {
        true => Some(losses),
        false => {
            keep_losses(losses);
            None
        }
    };
    Ok(CrossEntropyOutput {
        loss: loss as f32,
        z_loss: z_loss as f32,
        denominator: denominators.loss as f32,
        counted: denominators.counted,
        correct,
        loss_rows,
        log_sum_exp,
        target_log_probability,
        entropy,
        argmax: argmax.filter(|_| wanted.argmax),
        target_rank: target_rank.filter(|_| wanted.target_rank),
        z_loss_rows: z_losses.filter(|_| wanted.z_loss),
        gradient: None,
    })
}

impl Plain for Call<'_> {
    #[inline(always)]
    fn targets(&self, rows: Range<usize>) -> [usize; ROWS] {
        self.terms.classes(rows)
    }

    #[inline(always)]
    fn result(&self, logits: &[f32], target: usize, maximum: f32, log: f32) -> f32 {
        logits.get(target).map_or(0.0, |logit| (maximum - logit) + log)
    }

    #[inline(always)]
    fn factors(&self, first: usize, rests: &[f32], into: &mut [f32]) {
        if let Some(of_loss) = self.factors.and_then(|factors| factors.of_each_row()) {
            for (into, &rest) in into.iter_mut().zip(rests) {
                *into = of_exp(of_loss, rest) as f32;
            }
            return;
        }
        for (lane, (into, &rest)) in into.iter_mut().zip(rests).enumerate() {
            *into = of_exp(self.of_loss(first + lane), rest) as f32;
        }
    }

    #[inline(always)]
    fn finish(
        &self,
        (row, target): (usize, usize),
        logits: &[f32],
        softmax: &Softmax,
        values: &mut [f32],
    ) {
        let is_undefined = softmax.is_undefined();
        let (Some(&logit), false) = (logits.get(target), is_undefined) else {
            let is_hidden =
                target >= logits.len() && !(is_undefined && self.options.mode == Mode::Strict);
            return values.fill(if is_hidden { 0.0 } else { f32::NAN });
        };
        let of_loss = self.of_loss(row);
        // Where the target is the maximum, p - 1 would cancel: it is -r / (1 + r).
        values[target] = match logit == softmax.maximum {
            true => -(of_exp(of_loss, softmax.rest) * f64::from(softmax.rest)) as f32,
            false => values[target] - of_loss as f32,
        };
    }
}

/// What a row's exponentials have of its loss's factor.
#[inline(always)]
fn of_exp(of_loss: f64, rest: f32) -> f64 {
    of_loss / (1.0 + f64::from(rest))
}

impl<'c> Call<'c> {
    /// The factor of a row's loss.
    #[inline(always)]
    fn of_loss(&self, row: usize) -> f64 {
        self.factors.map_or(0.0, |factors| factors.of_row(row, false).0)
    }

    /// Computes what is asked for of a row, losses apart results start out as 0; describes its
    /// gradient.
    #[inline(always)]
    pub(super) fn row<'a>(
        &self,
        source: SourceRow<'_, 'a, 'c>,
        results: &mut Rows<'_>,
    ) -> RowResult<'a> {
        let SourceRow { row, index, transformed, others, values, .. } = source;
        let (options, logits) = (self.options, transformed.logits);
        let (target, row_weight) = (self.terms.target(row), self.terms.row_weight(row));
        let coefficients = self.terms.of_row(target, logits.len(), others);
        let hidden = is_hidden(target, coefficients.contributes, row_weight, options);
        let has_z_loss = options.z_loss != 0.0 && !hidden;
        let wants_undefined = values.is_some() && options.mode == Mode::Strict;
        let wants_row =
            results.log_sum_exp.is_some() || results.entropy.is_some() || results.argmax.is_some();
        if let Some(ranks) = &mut results.target_rank {
            ranks[index] = match (transformed.target_rank, target) {
                (Some(rank), _) => rank,
                (None, Target::Class(target)) => rank(logits, target),
                (None, Target::Ignored | Target::Probabilities) => logits.len(),
            } as u32;
        }
        let wants_target = results.target_log_probability.is_some() && target != Target::Ignored;
        if hidden && let Some(losses) = &mut results.loss {
            losses[index] = 0.0;
        }
        if hidden && !(wants_undefined || wants_row || wants_target) {
            return RowResult::Zero;
        }

        let softmax = match values {
            Some(values) if !hidden => Softmax::leaving_exps(logits, values),
            _ => Softmax::of(logits),
        };
        if let (Some(losses), false) = (&mut results.loss, hidden) {
            losses[index] = self.loss(logits, &softmax, &coefficients, row_weight);
        }
        if let (Some(z_losses), true) = (&mut results.z_loss, has_z_loss) {
            let lse = f64::from(softmax.log_sum_exp());
            z_losses[index] = (row_weight * f64::from(options.z_loss) * (lse * lse)) as f32;
        }
        if let Some(log_sum_exp) = &mut results.log_sum_exp {
            log_sum_exp[index] = softmax.log_sum_exp();
        }
        if let (Some(values), Target::Class(target)) = (&mut results.target_log_probability, target)
        {
            values[index] = -softmax.negative_log_probability(logits[target]);
        }
        if let Some(entropy) = &mut results.entropy {
            entropy[index] = softmax.entropy(logits);
        }
        if let Some(argmax) = &mut results.argmax {
            argmax[index] = transformed.argmax.unwrap_or_else(|| softmax.argmax(logits)) as u32;
        }
        let is_undefined = softmax.is_undefined() && (!hidden || options.mode == Mode::Strict);
        let Some(factors) = self.factors else { return RowResult::Zero };
        if is_undefined {
            return RowResult::Undefined;
        }
        if hidden {
            return RowResult::Zero;
        }
        let hides_loss = hides_loss(coefficients.contributes, options.mode);
        let (of_loss, of_z_loss) = factors.of_row(row, hides_loss);
        let z_loss = match options.z_loss == 0.0 {
            true => 0.0,
            false => {
                let lse = f64::from(softmax.log_sum_exp());
                of_z_loss * 2.0 * f64::from(options.z_loss) * lse
            }
        };
        RowResult::Gradient(RowGradient {
            maximum: softmax.maximum,
            rest: softmax.rest,
            leader: Some(softmax.argmax(logits)),
            of_probability: row_weight * (of_loss * coefficients.weight + z_loss),
            of_coefficient: row_weight * of_loss,
            of_z_loss: row_weight * z_loss,
            weight: coefficients.weight,
            coefficients,
            scale: options.logit_scale,
            slopes: transformed.slopes,
        })
    }

    /// `v sum_c u_c (lse - y_c)`.
    fn loss(
        &self,
        logits: &[f32],
        softmax: &Softmax,
        coefficients: &Coefficients<'_>,
        row_weight: f64,
    ) -> f32 {
        if hides_loss(coefficients.contributes, self.options.mode) {
            return 0.0;
        }
        if softmax.is_undefined() {
            return f32::NAN;
        }
        match coefficients.target {
            Some((target, _)) if self.is_plain => softmax.negative_log_probability(logits[target]),
            _ => {
                let distance = coefficients.distance(logits, softmax.maximum, self.options.mode);
                let rest = coefficients.weight * f64::from(softmax.log_of_sum());
                (row_weight * (distance + rest)) as f32
            }
        }
    }
}
