//! One result from its values and weights.

use super::sum::Sum;
use super::terms::Term;
use crate::ops::cross_entropy::Mode;
use crate::ops::reduce::{Denominator, Reduce, Statistic};

/// A result and what comes with it; anything where the statistic has no such thing.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Summary {
    pub(in crate::cpu) value: f64,
    pub(in crate::cpu) variance: f64,
    /// Of the logarithm's argument.
    pub(in crate::cpu) sign: f64,
    /// `D`.
    pub(in crate::cpu) denominator: f64,
    /// The largest value of a log-sum-exp, of which the result may hold nothing else.
    pub(in crate::cpu) maximum: f64,
    /// What the result is beyond it.
    pub(in crate::cpu) beyond: f64,
}

impl Summary {
    pub(in crate::cpu) fn of_value(value: f64) -> Self {
        let (variance, sign, denominator) = (f64::NAN, f64::NAN, f64::NAN);
        Self { value, variance, sign, denominator, maximum: value, beyond: 0.0 }
    }

    /// `maximum + log abs(sum)`, and the sum's sign.
    pub(in crate::cpu) fn of_exponentials(maximum: f64, sum: f64) -> Self {
        let beyond = sum.abs().ln();
        let sign = if sum == 0.0 { 0.0 } else { sum.signum() };
        Self { sign, maximum, beyond, ..Self::of_value(maximum + beyond) }
    }

    /// The logarithm of `exp(x)` over the sum's magnitude.
    pub(in crate::cpu) fn exponent(&self, x: f64) -> f64 {
        (x - self.maximum) - self.beyond
    }

    pub(in crate::cpu) fn of(terms: impl Iterator<Item = Term> + Clone, options: &Reduce) -> Self {
        let weighted = terms.clone().filter(|term| term.w != 0.0);
        // Weights are looked at before values: those of 0 hide theirs.
        let left_in = terms.clone().filter(|term| options.mode == Mode::Strict || term.w != 0.0);
        let sum = || left_in.clone().map(|Term { x, w }| w * x).collect::<Sum>().total();
        let weights = || terms.clone().map(|term| term.w).collect::<Sum>().total();
        match options.statistic {
            Statistic::Sum => Self::of_value(sum()),
            Statistic::SumOfSquares => {
                let squares = left_in.map(|Term { x, w }| w * x * x);
                Self::of_value(squares.collect::<Sum>().total())
            }
            Statistic::Mean => {
                let denominator = match options.denominator {
                    Denominator::Weights => weights(),
                    Denominator::NonzeroWeights => weighted.count() as f64,
                };
                let value = mean(sum(), denominator, options.mode);
                Self { denominator, ..Self::of_value(value) }
            }
            Statistic::MeanAndVariance { correction } => {
                let (sum, denominator) = (sum(), weights());
                let value = mean(sum, denominator, options.mode);
                let correction = f64::from(correction);
                let variance = variance(left_in, value, denominator, correction);
                Self { denominator, variance, ..Self::of_value(value) }
            }
            Statistic::Max => Self::of_value(extreme(weighted, f64::NEG_INFINITY, |x, y| x > y)),
            Statistic::Min => Self::of_value(extreme(weighted, f64::INFINITY, |x, y| x < y)),
            Statistic::LogSumExp => log_sum_exp(weighted),
        }
    }
}

pub(in crate::cpu) fn mean(sum: f64, denominator: f64, mode: Mode) -> f64 {
    match mode {
        Mode::Masked if denominator == 0.0 && sum == 0.0 => 0.0,
        _ if denominator == 0.0 => f64::NAN,
        _ => sum / denominator,
    }
}

/// Around a mean that is known: the mean over nothing is only known in masked mode, with a
/// variance of 0.
fn variance(
    left_in: impl Iterator<Item = Term> + Clone,
    mean: f64,
    denominator: f64,
    correction: f64,
) -> f64 {
    let is_finite = |Term { x, w }| w.is_finite() && (w * x).is_finite();
    if mean.is_nan() || !left_in.clone().all(is_finite) {
        return f64::NAN;
    }
    if denominator == 0.0 {
        return 0.0;
    }
    let divisor = denominator - correction;
    if divisor <= 0.0 {
        return f64::NAN;
    }
    let squares = left_in.map(|Term { x, w }| w * (x - mean) * (x - mean));
    squares.collect::<Sum>().total() / divisor
}

/// NaN where one of the values is.
fn extreme(
    weighted: impl Iterator<Item = Term>,
    of_nothing: f64,
    is_better: fn(f64, f64) -> bool,
) -> f64 {
    weighted.fold(of_nothing, |best, Term { x, .. }| match best {
        _ if best.is_nan() => best,
        _ if x.is_nan() || is_better(x, best) => x,
        _ => best,
    })
}

/// `log abs(s)` and the sign of `s = sum w exp(x)`.
fn log_sum_exp(weighted: impl Iterator<Item = Term> + Clone) -> Summary {
    // What is not finite decides: infinite terms by their sign, and none of both signs.
    let infinite = weighted.clone().map(|Term { x, w }| match () {
        _ if x.is_nan() || w.is_nan() => f64::NAN,
        _ if x == f64::INFINITY => w.signum() * x,
        _ if w.is_infinite() && x == f64::NEG_INFINITY => f64::NAN,
        _ if w.is_infinite() => w,
        _ => 0.0,
    });
    let infinite: f64 = infinite.sum();
    if infinite.is_nan() {
        return Summary::of_value(f64::NAN);
    }
    if infinite.is_infinite() {
        return Summary { sign: infinite.signum(), ..Summary::of_value(f64::INFINITY) };
    }
    let maximum = weighted.clone().map(|term| term.x).fold(f64::NEG_INFINITY, f64::max);
    if maximum == f64::NEG_INFINITY {
        return Summary { sign: 0.0, ..Summary::of_value(f64::NEG_INFINITY) };
    }
    let mut sum = Sum::default();
    weighted.for_each(|Term { x, w }| sum.add_product(w, (x - maximum).exp()));
    Summary::of_exponentials(maximum, sum.total())
}
