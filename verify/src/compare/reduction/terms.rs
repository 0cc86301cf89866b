//! What a result is made of, and how far it may be from the oracle's.

use wgpu_loss::{Mode, ReduceOutput, Statistic};

use super::super::tolerance::{ADDED, FLUSHED, SUBNORMAL, SUM, TOLERANCE, Tolerance};
use super::{Expected, Reduction};

/// Sums over what one result is made of, in double precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// `sum |w|`.
    pub(super) weights: f64,
    /// `sum |w x|`.
    pub(super) products: f64,
    /// `sum w x`.
    pub(super) total: f64,
    /// `sum |w x^2|`.
    squares: f64,
    /// What is left out of the sums where subnormal numbers are taken for 0.
    flushed: f64,
    flushed_squares: f64,
    /// `sum |w| (x - mean)^2`.
    deviations: f64,
    /// The largest value whose weight is not 0.
    pub(super) maximum: f64,
    /// `sum |w| exp(x - maximum)`, the same with the weights' signs, and what there is of tiny ones.
    pub(super) exponentials: f64,
    pub(super) signed: f64,
    pub(super) lost: f64,
    /// What of the first is of values below the maximum: their exponentials are rounded.
    rounded: f64,
}

/// How far a number may be off, what its error is measured by, and what it may overflow by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) tolerance: Tolerance,
    pub(super) unit: f64,
    pub(super) largest: f64,
}

impl Judged {
    /// A relative error, and something beside it, of a sum of terms of this size.
    pub(super) fn of(accuracy: f64, size: f64, beside: f64) -> Self {
        let tolerance = Tolerance::relative(accuracy, size).and(beside);
        // Where more is allowed than of a value that is its own size, that is the unit.
        Self { tolerance, unit: size.max(tolerance.scale), largest: size }
    }

    /// A value that is there as it is, but 0 where it is subnormal.
    pub(super) fn stored(expected: f64) -> Self {
        Self::of(SUM, 0.0, if expected.abs() < SUBNORMAL { expected.abs() } else { 0.0 })
    }
}

/// As it is where it is subnormal, else 0.
pub(super) fn subnormal(x: f64) -> f64 {
    if x.abs() < SUBNORMAL { x.abs() } else { 0.0 }
}

const NOTHING: Terms = Terms {
    weights: 0.0,
    products: 0.0,
    total: 0.0,
    squares: 0.0,
    flushed: 0.0,
    flushed_squares: 0.0,
    deviations: 0.0,
    maximum: f64::NEG_INFINITY,
    exponentials: 0.0,
    signed: 0.0,
    lost: 0.0,
    rounded: 0.0,
};

/// Of each result.
pub(super) fn of_results(
    problem: &Reduction<'_>,
    expected: &ReduceOutput<f64, Vec<f64>>,
) -> Vec<Terms> {
    let mut terms = vec![NOTHING; expected.values.len()];
    let statistic = problem.options.statistic;
    let is_masked = problem.options.mode == Mode::Masked || statistic == Statistic::LogSumExp;
    problem.for_each(|place| {
        if !(is_masked && place.weight == 0.0) {
            terms[place.result].add(place.value, place.weight);
        }
    });
    match statistic {
        Statistic::MeanAndVariance { .. } => problem.for_each(|place| {
            let deviation = place.value - expected.values[place.result];
            if place.weight != 0.0 {
                terms[place.result].deviations += place.weight.abs() * deviation * deviation;
            }
        }),
        Statistic::LogSumExp => problem.for_each(|place| {
            if place.weight != 0.0 {
                terms[place.result].add_exponential(place.value, place.weight);
            }
        }),
        _ => {}
    }
    terms
}

impl Terms {
    fn add(&mut self, x: f64, w: f64) {
        let (product, square) = (w * x, w * x * x);
        self.weights += w.abs();
        self.products += product.abs();
        self.total += product;
        self.squares += square.abs();
        let operands = subnormal(x) + subnormal(w);
        if operands > 0.0 || subnormal(product) > 0.0 {
            self.flushed += product.abs();
        }
        if operands > 0.0 || subnormal(product) + subnormal(x * x) + subnormal(square) > 0.0 {
            self.flushed_squares += square.abs();
        }
        self.maximum = self.maximum.max(x);
    }

    fn add_exponential(&mut self, x: f64, w: f64) {
        let exponential = (x - self.maximum).exp();
        self.exponentials += w.abs() * exponential;
        self.signed += w * exponential;
        if x < self.maximum {
            self.rounded += w.abs() * exponential;
        }
        if exponential < FLUSHED {
            self.lost += w.abs() * exponential;
        }
    }

    pub(super) fn sum(&self) -> Judged {
        Judged::of(SUM, self.products, self.flushed)
    }

    pub(super) fn sum_of_squares(&self) -> Judged {
        Judged::of(SUM, self.squares, self.flushed_squares)
    }

    /// Numbers of values are exact as far as single precision has them.
    pub(super) fn denominator(&self, problem: &Reduction<'_>) -> Judged {
        const COUNTED: f64 = (1 << f32::MANTISSA_DIGITS) as f64;
        match problem.divides_by_weights() || self.weights > COUNTED {
            true => Judged::of(SUM, self.weights, 0.0),
            false => Judged::of(SUM, 0.0, 0.0),
        }
    }

    /// `sum |w| / |D|`, by which the relative error of the denominator is multiplied: 1 for weights
    /// of one sign, and where it is a number of values.
    pub(super) fn cancellation(&self, problem: &Reduction<'_>, denominator: f64) -> f64 {
        match problem.divides_by_weights() {
            true => self.weights / denominator.abs(),
            false => 1.0,
        }
    }

    pub(super) fn mean(&self, problem: &Reduction<'_>, result: Expected) -> Judged {
        let denominator = result.denominator.abs();
        let quotient = result.value.abs() * self.cancellation(problem, denominator);
        let size = self.products / denominator + quotient;
        Judged::of(SUM, size, self.flushed / denominator)
    }

    /// What the mean may be off by shifts every deviation, which the variance sees squared.
    pub(super) fn variance(
        &self,
        problem: &Reduction<'_>,
        result: Expected,
        variance: f64,
        correction: f64,
    ) -> Judged {
        let divisor = (result.denominator - correction).abs();
        let shift = self.mean(problem, result).tolerance.allowed();
        let size = self.deviations / divisor;
        let beside = SUM * variance.abs() + shift * shift;
        Judged {
            tolerance: Tolerance::of(size).and(beside * self.weights / divisor),
            unit: size + variance.abs(),
            largest: size,
        }
    }

    /// Relative to what the sum is made of, and to the logarithm itself.
    pub(super) fn log_of_sum(&self, value: f64) -> Judged {
        let size = value.abs() + self.condition();
        let beside = self.lost / self.signed.abs();
        Judged { tolerance: Tolerance::of(size).and(beside), unit: size, largest: 0.0 }
    }

    /// What the error of the sum of exponentials is measured by: those that are rounded, and of all
    /// what is lost by adding them up.
    pub(super) fn uncertain(&self) -> f64 {
        self.rounded + ADDED / TOLERANCE * self.exponentials
    }

    /// The same over the sum, whose own rounding counts too.
    pub(super) fn condition(&self) -> f64 {
        1.0 + self.uncertain() / self.signed.abs()
    }
}
