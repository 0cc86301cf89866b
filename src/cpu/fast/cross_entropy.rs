//! Softmax cross-entropy and its gradient.

use bytemuck::allocation::zeroed_vec;

use super::batch::{Denominators, Factors, hides_loss, is_hidden, reduce};
use super::gradient::RowGradient;
use super::matrix::Matrix;
use super::rows::Rows;
use super::softmax::Softmax;
use super::split::for_rows;
use super::terms::{Coefficients, Target, Terms};
use super::tiled::{RowResult, Source, SourceRow, for_each_row};
use super::transform::Transform;
use crate::{
    CrossEntropy, CrossEntropyOutput, Float, Logits, Mode, Reduction, TargetValues, Targets,
    Upstream,
};

/// What all rows have in common.
struct Call<'a> {
    terms: &'a Terms<'a>,
    options: &'a CrossEntropy,
    factors: Option<Factors<'a>>,
    /// Whether each row's loss is that of its target alone.
    is_plain: bool,
}

/// Of validated operands.
pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    targets: Targets<'_>,
    terms: &Terms<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> CrossEntropyOutput {
    let shape = logits.shape();
    let rows = shape.rows;
    let denominators = Denominators::of(terms, rows, counted);
    let wanted = options.rows;

    let column = |is_wanted: bool| is_wanted.then(|| vec![0.0; rows]);
    let mut losses = vec![0.0; rows];
    let mut z_losses = column(options.z_loss != 0.0 || wanted.z_loss);
    let mut log_sum_exp = column(wanted.log_sum_exp);
    let mut target_log_probability = column(wanted.target_log_probability);
    let mut entropy = column(wanted.entropy);
    let mut argmax = (wanted.argmax || options.correct).then(|| vec![0; rows]);
    let mut gradient = upstream.map(|_| zeroed_vec::<G>(rows * shape.classes));

    let results = Rows {
        loss: Some(&mut losses),
        z_loss: z_losses.as_deref_mut(),
        log_sum_exp: log_sum_exp.as_deref_mut(),
        target_log_probability: target_log_probability.as_deref_mut(),
        entropy: entropy.as_deref_mut(),
        argmax: argmax.as_deref_mut(),
    };
    let matrix = gradient.as_mut().map(|gradient| Matrix::new(gradient, shape));
    let source = Source {
        logits,
        transform: Transform::of(options),
        argmax: results.argmax.is_some(),
        others: match targets.values {
            TargetValues::Classes(_) => None,
            TargetValues::Probabilities(probabilities) => Some(probabilities),
        },
    };
    let call = Call {
        terms,
        options,
        factors: upstream.map(|up| Factors::new(up, denominators, options.reduction)),
        is_plain: terms.are_plain(),
    };
    for_rows(0..rows, shape, (results, matrix), &|part, (mut results, matrix)| {
        for_each_row(source, part, matrix, |row| call.row(row, &mut results));
    });

    let correct = argmax.as_ref().filter(|_| options.correct).map(|argmax| {
        let is_correct =
            |&(row, &class): &(usize, &u32)| terms.target(row) == Target::Class(class as usize);
        argmax.iter().enumerate().filter(is_correct).count()
    });
    let z_loss = match &z_losses {
        Some(z_losses) if options.z_loss != 0.0 => reduce(z_losses, denominators.z_loss, options),
        _ => 0.0,
    };
    let loss = reduce(&losses, denominators.loss, options) + z_loss;
    if let Some(z_losses) = &z_losses {
        losses.iter_mut().zip(z_losses).for_each(|(loss, z_loss)| *loss += z_loss);
    }
    CrossEntropyOutput {
        loss: loss as f32,
        z_loss: z_loss as f32,
        denominator: denominators.loss as f32,
        counted: denominators.counted,
        correct,
        loss_rows: (wanted.loss || options.reduction == Reduction::None).then_some(losses),
        log_sum_exp,
        target_log_probability,
        entropy,
        argmax: argmax.filter(|_| wanted.argmax),
        z_loss_rows: z_losses.filter(|_| wanted.z_loss),
        gradient: gradient.map(G::owned),
    }
}

impl Call<'_> {
    /// Computes what is asked for of a row; results start out as 0.
    #[inline(always)]
    fn row(&self, source: SourceRow<'_>, results: &mut Rows<'_>) {
        let SourceRow { row, index, transformed, others, result: mut gradient } = source;
        let (options, logits) = (self.options, transformed.logits);
        let (target, row_weight) = (self.terms.target(row), self.terms.row_weight(row));
        let coefficients = self.terms.of_row(target, logits.len(), others);
        let hidden = is_hidden(target, coefficients.contributes, row_weight, options);
        let has_z_loss = options.z_loss != 0.0 && !hidden;
        let wants_undefined = gradient.is_some() && options.mode == Mode::Strict;
        let wants_row =
            results.log_sum_exp.is_some() || results.entropy.is_some() || results.argmax.is_some();
        let wants_target = results.target_log_probability.is_some() && target != Target::Ignored;
        if hidden && !(wants_undefined || wants_row || wants_target) {
            if let Some(gradient) = &mut gradient {
                gradient.set_zero();
            }
            return;
        }

        let softmax = match &mut gradient {
            Some(gradient) if !hidden => Softmax::with_exps(logits, gradient.values),
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
            argmax[index] = transformed.argmax.unwrap_or(softmax.argmax) as u32;
        }
        let (Some(mut gradient), Some(factors)) = (gradient, self.factors) else { return };
        if hidden {
            write_hidden(&mut gradient, &softmax, options);
            return;
        }
        if softmax.is_undefined() {
            gradient.values.fill(f32::NAN);
            return;
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
        let gradient_of_row = RowGradient {
            rest: softmax.rest,
            leader: Some(softmax.argmax),
            of_probability: row_weight * (of_loss * coefficients.weight + z_loss),
            of_coefficient: row_weight * of_loss,
            of_z_loss: row_weight * z_loss,
            weight: coefficients.weight,
            coefficients,
            scale: options.logit_scale,
            slopes: transformed.slopes,
        };
        gradient_of_row.write(gradient.values);
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
                let rest = coefficients.weight * f64::from(softmax.rest.ln_1p());
                (row_weight * (distance + rest)) as f32
            }
        }
    }
}

/// Zeros; NaN in strict mode where the softmax is undefined.
fn write_hidden(gradient: &mut RowResult<'_>, softmax: &Softmax, options: &CrossEntropy) {
    if options.mode == Mode::Strict && softmax.is_undefined() {
        gradient.values.fill(f32::NAN);
    } else {
        gradient.set_zero();
    }
}
