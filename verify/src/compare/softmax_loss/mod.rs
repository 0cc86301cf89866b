//! Focal loss and divergences of logits, and their gradients.

mod scale;
mod terms;

use wgpu_loss::{
    CrossEntropy, Logits, Mode, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput,
    Upstream,
};

use super::coefficients::Denominators;
use super::gradient::{ClassTolerance, RowTolerance};
use super::reduced::Mean;
use super::row::Row;
use super::tolerance::{SUM, Tolerance};
use super::{Comparison, Problem};
pub use scale::SoftmaxLossScale;
use terms::{Pair, RowTerms};

/// What is lost of a row of weight 1 where parts of its loss are subnormal.
const UNDERFLOW: f64 = 1e-37;

/// A call.
#[derive(Clone, Copy)]
pub(in super::super) struct SoftmaxLosses<'a> {
    pub(in super::super) logits: Logits<'a>,
    pub(in super::super) against: SoftmaxAgainst<'a>,
    pub(in super::super) upstream: Option<Upstream<'a>>,
    pub(in super::super) options: &'a SoftmaxLoss,
}

/// What the rows' losses are together.
#[derive(Default)]
struct Sum {
    value: f64,
    tolerance: Tolerance,
}

impl SoftmaxLosses<'_> {
    fn is_ignored(&self, row: usize) -> bool {
        let target = self.against.classes().and_then(|indices| indices.get(row));
        target.is_some() && target == self.options.ignore_index.map(i64::from)
    }

    /// 0 for an ignored row.
    fn row_weight(&self, row: usize) -> f64 {
        match self.is_ignored(row) {
            true => 0.0,
            false => self.against.row_weights().map_or(1.0, |weights| weights[row].into()),
        }
    }

    fn denominators(&self) -> Denominators {
        let (rows, classes) = (self.logits.rows(), self.logits.classes());
        if let Some(size) = self.options.reduction.batch_size(rows, classes) {
            return Denominators::of_size(size);
        }
        let weights = || (0..self.logits.rows()).map(|row| self.row_weight(row));
        Denominators {
            loss: weights().sum(),
            loss_terms: weights().map(f64::abs).sum(),
            ..Denominators::default()
        }
    }

    /// Without the row's weight; `None` where a softmax is undefined.
    fn terms(&self, i: usize) -> Option<RowTerms> {
        let Self { logits, against, options, .. } = self;
        let temperature = options.temperature;
        let row = Row::at_temperature(&logits.row(i), temperature)?;
        match (against, options.function) {
            (SoftmaxAgainst::Targets(targets), SoftmaxFunction::Focal { gamma }) => {
                let options = CrossEntropy {
                    ignore_index: options.ignore_index,
                    label_smoothing: options.label_smoothing,
                    ..CrossEntropy::default()
                };
                let (logits, targets, options) = (*logits, *targets, &options);
                let problem = Problem { logits, targets, upstream: None, options, merged: false };
                let coefficients = problem.coefficients(i);
                let only = problem.only_term(i);
                Some(RowTerms::of_focal(&row, &coefficients, only, gamma.into()))
            }
            (SoftmaxAgainst::Teacher { logits, .. }, function) => {
                let teacher = Row::at_temperature(&logits.row(i), temperature)?;
                let of = match function {
                    SoftmaxFunction::JensenShannon => Pair::jensen_shannon,
                    _ => Pair::kl_divergence,
                };
                Some(RowTerms::of_divergence([&row, &teacher], temperature, of))
            }
            _ => None,
        }
    }

    /// What a row's gradient is multiplied by, but for its weight and what is upstream of it.
    fn chain(&self) -> f64 {
        self.options.loss_scale() / f64::from(self.options.temperature)
    }

    /// The same with these.
    fn factor(&self, i: usize, mean: &Mean) -> f64 {
        let upstream = f64::from(self.upstream.unwrap_or_default().of_row(i));
        let factor = (upstream * self.row_weight(i) * self.chain()).abs();
        if factor == 0.0 { 0.0 } else { factor * mean.loss }
    }
}

/// A row's gradient, whose terms are multiplied by a factor.
fn gradient_tolerance(terms: &RowTerms, factor: f64, deviation: f64) -> RowTolerance<'_> {
    let of_class = move |class: usize| {
        let ClassTolerance { terms, exponent, shift } = terms.classes[class];
        let shift = factor * (shift + terms * deviation);
        ClassTolerance { terms: factor * terms, exponent, shift }
    };
    let beside = terms.classes.iter().map(|class| class.shift).sum::<f64>();
    RowTolerance {
        factor: factor * terms.factor,
        z_factor: 0.0,
        flushed: terms.flushed,
        of_class: Box::new(of_class),
        sum: Some(factor * beside),
    }
}

impl Comparison {
    pub(in super::super) fn softmax_loss(
        &mut self,
        call: &SoftmaxLosses<'_>,
        found: &SoftmaxLossOutput,
        expected: &SoftmaxLossOutput<f64, Vec<f64>>,
    ) {
        let (options, shape) = (call.options, call.logits.shape());
        let denominators = call.denominators();
        self.equal("counted", &found.counted, &expected.counted);
        // Without weights that it is the sum of, a number of rows or of logits, exactly.
        let tolerance = match call.against.row_weights() {
            Some(_) if !options.reduction.is_mean_by_size() => {
                Tolerance::relative(SUM, denominators.loss_terms)
            }
            _ => Tolerance::EXACT,
        };
        self.close(found.denominator, expected.denominator, tolerance, || "denominator".into());
        let losses = self.rows("row loss", &found.loss_rows, &expected.loss_rows);
        let element = options.gradient_element.unwrap_or(shape.element);
        let gradient = self.both("gradient", &found.gradient, &expected.gradient).and_then(
            |(found, expected)| self.matrices("gradient", shape, element, found, expected),
        );
        if self.failure.is_some() {
            return;
        }
        let mean = Mean::new(options.reduction, &denominators, found.denominator);
        let mut sum = Sum::default();
        for i in 0..shape.rows {
            let weight = call.row_weight(i);
            let terms = call.terms(i);
            let tolerance = terms.as_ref().map_or(Tolerance::EXACT, |terms| {
                let scale = options.loss_scale();
                sum.value += weight * scale * terms.sum;
                (terms.value * scale).and(scale * terms.common_shift + UNDERFLOW) * weight
            });
            if let Some((found, expected)) = losses {
                self.close(found[i], expected[i], tolerance, || format!("loss of row {i}"));
            }
            sum.tolerance = sum.tolerance + tolerance;
            if let Some(gradient) = &gradient {
                let factor = call.factor(i, &mean);
                let tolerance =
                    terms.as_ref().map(|it| gradient_tolerance(it, factor, mean.deviation));
                self.gradient_row("gradient", gradient, i, tolerance.as_ref());
            }
        }
        self.reduced_softmax_loss(call, &sum, &mean, &denominators, (found.loss, expected.loss));
    }

    fn reduced_softmax_loss(
        &mut self,
        call: &SoftmaxLosses<'_>,
        sum: &Sum,
        mean: &Mean,
        denominators: &Denominators,
        (found, expected): (f32, f64),
    ) {
        let is_mean = call.options.reduction.is_mean();
        // Losses near the largest number: their sum overflows before the mean divides it.
        let main = expected * denominators.loss;
        let overflows = is_mean && main.is_finite() && main.abs() > f64::from(f32::MAX);
        if overflows && found.is_infinite() {
            return;
        }
        // In masked mode a mean over nothing is 0 if the sum is 0, else NaN: whether a sum is 0 may
        // depend on rounding.
        let is_masked_mean = is_mean && call.options.mode == Mode::Masked;
        let is_zero = sum.tolerance.scale > 0.0 && sum.value.abs() <= sum.tolerance.allowed();
        if is_masked_mean && denominators.loss == 0.0 && is_zero {
            if !found.is_nan() {
                self.close(found, 0.0, Tolerance::EXACT, || "loss".into());
            }
            return;
        }
        let deviation = expected.abs() * mean.deviation;
        let tolerance = sum.tolerance * mean.loss;
        let tolerance = if deviation > 0.0 { tolerance.and(deviation) } else { tolerance };
        self.close(found, expected, tolerance, || "loss".into());
    }
}
