//! Focal loss.

use pulp::Simd;

use super::soften::{Room, Softened};
use super::terms::{Gradients, Multiples, Term, Terms, add_up};
use super::{Batch, BatchRow, RowLoss};
use crate::cpu::fast::lanes::{Lanes, Power};
use crate::cpu::fast::scratch::room;
use crate::cpu::fast::simd::dispatch;
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::{collected, when};
use crate::ops::cross_entropy::Mode;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxLoss};
use crate::targets::{TargetValues, Targets};

/// What rows have in common.
pub(super) struct Focal<'a> {
    targets: Option<Targets<'a>>,
    gamma: f32,
    /// `1 - eps`.
    kept: f64,
    /// `eps / C`.
    spread: f64,
    /// `eps / C w_c` of each class, where there is label smoothing of class targets.
    smoothing: Option<Vec<f32>>,
    mode: Mode,
}

impl<'a> Focal<'a> {
    pub(super) fn new(
        against: &SoftmaxAgainst<'a>,
        Shape { rows, classes, .. }: Shape,
        gamma: f32,
        options: &SoftmaxLoss,
    ) -> Result<Self> {
        let eps = f64::from(options.label_smoothing);
        let spread = eps / classes as f64;
        let targets = match against {
            SoftmaxAgainst::Targets(targets) => Some(*targets),
            SoftmaxAgainst::Teacher { .. } => None,
        };
        // Nobody looks at the coefficients of no rows.
        let has_smoothing = against.classes().is_some() && eps > 0.0 && rows > 0;
        let smoothing = when(has_smoothing, || {
            let weight =
                |class: usize| against.class_weights().map_or(1.0, |all| all[class].into());
            let shares = (0..classes).map(|class| (weight(class) * spread) as f32);
            collected(options.function.name(), shares)
        })?;
        Ok(Self { targets, gamma, kept: 1.0 - eps, spread, smoothing, mode: options.mode })
    }

    pub(super) fn row(
        &self,
        batch: &Batch<'_>,
        row: BatchRow<'_, '_>,
        memory: &mut Room,
        mut result: Option<&mut [f32]>,
    ) -> RowLoss {
        let BatchRow { row, logits, others } = row;
        let Room { exps: [exps, _], coefficients } = memory;
        let (softmax, exps) = Softened::of(logits, batch.scale, exps);
        let Some(targets) = self.targets else { return RowLoss::Undefined };
        let class_weight =
            |class: usize| targets.class_weights.map_or(1.0, |all| f64::from(all[class]));
        let target = match targets.values {
            TargetValues::Probabilities(_) => None,
            TargetValues::Classes(indices) => {
                indices.get(row).and_then(|index| usize::try_from(index).ok())
            }
        };
        let own = target.filter(|&class| class < logits.len());
        let own = own.map(|class| (class, self.kept * class_weight(class)));
        let coefficients = match (&self.smoothing, own) {
            (None, Some((class, weight))) => {
                return self.of_class(batch, row, (logits, exps), softmax, (class, weight), result);
            }
            (Some(smoothing), _) => {
                let all = room(coefficients, logits.len());
                all.copy_from_slice(smoothing);
                if let Some((class, weight)) = own {
                    all[class] = (weight + self.spread * class_weight(class)) as f32;
                }
                all
            }
            (None, None) => {
                self.weigh(others, targets.class_weights);
                others
            }
        };
        let contributes = coefficients.iter().any(|&coefficient| coefficient != 0.0);
        if self.mode == Mode::Masked && !contributes {
            return RowLoss::Nothing;
        }
        // An ignored row has no coefficients.
        if softmax.is_undefined() || coefficients.len() != logits.len() {
            return if softmax.is_undefined() { RowLoss::Undefined } else { RowLoss::Nothing };
        }
        let terms = OfClasses {
            maximum: softmax.maximum,
            scale: batch.scale,
            log_total: softmax.log_total() as f32,
            inverse_total: softmax.inverse_total() as f32,
            at_maximum: (softmax.rest * softmax.inverse_total()) as f32,
            exponent: Exponent::new(self.gamma),
            gamma: self.gamma,
        };
        let operands = [logits, exps, coefficients];
        let sums = add_up(terms, operands, 1.0, result.as_deref_mut());
        if let Some(slopes) = result {
            let factor = batch.factor(row);
            let leader = softmax.argmax(logits);
            let slope = f64::from(slopes[leader]);
            let of_exp = (factor * sums.slope * softmax.inverse_total()) as f32;
            dispatch(Gradients { slopes, exps, factor: factor as f32, of_exp });
            // u (1 - p) - p (U - u), where neither 1 - p nor U - u may cancel.
            let (p, complement) = (softmax.inverse_total(), softmax.rest * softmax.inverse_total());
            slopes[leader] = (factor * (slope * complement - p * (sums.slope - slope))) as f32;
        }
        RowLoss::Value(match sums.is_unbounded {
            true => sums.value + self.unbounded(logits, coefficients),
            false => sums.value,
        })
    }

    /// `q <- w ((1 - eps) q + eps / C)`.
    fn weigh(&self, probabilities: &mut [f32], class_weights: Option<&[f32]>) {
        let (kept, spread) = (self.kept as f32, self.spread as f32);
        if self.spread > 0.0 {
            probabilities.iter_mut().for_each(|q| *q = kept * *q + spread);
        }
        if let Some(weights) = class_weights {
            probabilities.iter_mut().zip(weights).for_each(|(q, weight)| *q *= weight);
        }
    }

    /// What logits of `-inf` add: the signs of their coefficients tell.
    #[cold]
    fn unbounded(&self, logits: &[f32], coefficients: &[f32]) -> f64 {
        let of_infinite = logits.iter().zip(coefficients).filter(|(x, _)| x.is_infinite());
        let products = of_infinite.map(|(_, &a)| match a == 0.0 && self.mode == Mode::Masked {
            true => 0.0,
            false => f64::from(a) * f64::INFINITY,
        });
        products.sum()
    }

    /// The target's term alone.
    fn of_class(
        &self,
        batch: &Batch<'_>,
        row: usize,
        (logits, exps): (&[f32], &[f32]),
        softmax: Softened,
        (class, coefficient): (usize, f64),
        result: Option<&mut [f32]>,
    ) -> RowLoss {
        if self.mode == Mode::Masked && coefficient == 0.0 {
            return RowLoss::Nothing;
        }
        if softmax.is_undefined() {
            return RowLoss::Undefined;
        }
        let (x, gamma) = (f64::from(logits[class]), f64::from(self.gamma));
        let distance = (x - f64::from(softmax.maximum)) / f64::from(batch.options.temperature);
        let log_p = distance - softmax.log_total();
        let p = distance.exp() * softmax.inverse_total();
        let complement = match logits[class] == softmax.maximum {
            true => softmax.rest * softmax.inverse_total(),
            false => 1.0 - p,
        };
        // p log p / (1 - p), which is 0 at p = 0 and -1 at p = 1.
        let share = match (p == 0.0, complement == 0.0) {
            (true, _) => 0.0,
            (_, true) => -1.0,
            _ => p * log_p / complement,
        };
        // Where p is small, 1 - p has none of its digits, and a great gamma shows them.
        let power = match p < 0.5 {
            true => (gamma * (-p).ln_1p()).exp(),
            false => complement.powf(gamma),
        };
        if let Some(result) = result {
            let slope = -coefficient * power * (1.0 - gamma * share) * batch.factor(row);
            let factor = (-slope * softmax.inverse_total()) as f32;
            dispatch(Multiples { exps, factor, to: result });
            result[class] = (slope * complement) as f32;
        }
        RowLoss::Value(-coefficient * power * log_p)
    }
}

/// How a power of `1 - p` is computed.
#[derive(Clone, Copy)]
enum Exponent {
    /// In two parts: by products a power loses nothing where `p` is close to 1.
    Small {
        whole: u32,
        /// What there is beside, where there is anything.
        rest: Option<Power>,
    },
    /// From logarithms: a great one shows the digits of a small `p`, which `1 - p` has not.
    Great,
}

impl Exponent {
    fn new(gamma: f32) -> Self {
        if gamma > 64.0 {
            return Self::Great;
        }
        let whole = gamma.floor();
        let rest = gamma - whole;
        Self::Small { whole: whole as u32, rest: (rest > 0.0).then(|| Power::new(rest)) }
    }

    /// Of `1 - p`, `p` and `gamma p`.
    #[inline(always)]
    fn of<S: Simd>(&self, complement: Lanes<S>, p: Lanes<S>, gamma_p: GammaP<S>) -> Lanes<S> {
        let &Self::Small { whole, rest } = self else {
            let is_small = p.is_below(p.all(0.5));
            let log = is_small.select(p.negative().ln_1p_of_negative(), complement.ln());
            let exponent = (log * gamma_p.gamma).at_least(-1000.0);
            let is_tiny = p.is_below(p.all(TINY));
            return is_tiny.select(gamma_p.product.negative().at_least(-1000.0), exponent).exp();
        };
        let mut power = match rest {
            Some(rest) => complement.power(rest),
            None => complement.all(1.0),
        };
        let (mut square, mut n) = (complement, whole);
        while n > 0 {
            if n & 1 != 0 {
                power = power * square;
            }
            square = square * square;
            n >>= 1;
        }
        power
    }
}

/// A probability may be less than any number where its product with a great gamma is one.
const TINY: f32 = 1e-30;

/// `gamma`, and its product with `p`.
#[derive(Clone, Copy)]
struct GammaP<S: Simd> {
    gamma: f32,
    product: Lanes<S>,
}

impl<S: Simd> GammaP<S> {
    #[inline(always)]
    fn new(gamma: f32, p: Lanes<S>, log_p: Lanes<S>) -> Self {
        if gamma <= 1e30 {
            return Self { gamma, product: p * gamma };
        }
        let of_logarithms = (log_p + gamma.ln()).exp();
        Self { gamma, product: p.is_below(p.all(TINY)).select(of_logarithms, p * gamma) }
    }
}

/// A term for each class, from its logit, exponential and coefficient.
#[derive(Clone, Copy)]
struct OfClasses {
    maximum: f32,
    scale: f32,
    log_total: f32,
    inverse_total: f32,
    /// `1 - p` of a class that has the maximum.
    at_maximum: f32,
    exponent: Exponent,
    gamma: f32,
}

impl Terms<3> for OfClasses {
    #[inline(always)]
    fn at<S: Simd>(&self, [x, exp, coefficient]: [Lanes<S>; 3]) -> Term<S> {
        let (zero, one) = (x.all(0.0), x.all(1.0));
        let p = exp * self.inverse_total;
        let is_infinite = x.is(f32::NEG_INFINITY);
        let distance = is_infinite.select(zero, (x - self.maximum) * self.scale);
        let log_p = distance - self.log_total;
        let complement = x.is(self.maximum).select(x.all(self.at_maximum), one - p);
        let is_uncertain = zero.is_below(complement);
        let ratio = is_uncertain.select(log_p / complement, x.all(-1.0));
        // A class without a probability has no product either.
        let gamma_p = GammaP::new(self.gamma, p, is_infinite.select(x.all(-1000.0), log_p));
        let complement = is_uncertain.select(complement, zero);
        let scaled = coefficient * self.exponent.of(complement, p, gamma_p);
        Term {
            value: is_infinite.select(zero, (scaled * log_p).negative()),
            slope: scaled * (gamma_p.product * ratio - one),
            is_unbounded: Some(is_infinite),
        }
    }
}
