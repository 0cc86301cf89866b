//! How far a value may be from the oracle's.

use std::ops::{Add, Mul};

/// Relative error of losses, log-sum-exps, log-probabilities and entropies, and error of a gradient
/// over its upstream factor.
pub(super) const TOLERANCE: f64 = 2e-6;

/// What a row's cross-entropy gradient may sum to, over its upstream factor.
pub(super) const ROW_SUM_TOLERANCE: f64 = 1e-6;

/// Below `e^-87`, just above the smallest normal number, an exponential may be computed as 0.
pub(super) const FLUSHED: f64 = 1.65e-38;

/// Subnormal numbers may be taken for 0.
pub(super) const SUBNORMAL: f64 = f32::MIN_POSITIVE as f64;

/// An exponential may be off by 3e-7 per unit of its exponent, in units of [`TOLERANCE`]: that is
/// seen in gradients far below the tolerance, which must have the right size too.
pub(super) const PER_EXPONENT: f64 = 0.15;

/// Of sums of products, over the sum of the products' absolute values; of means and sums of weights
/// likewise.
pub(super) const SUM: f64 = 2e-7;

/// What is lost by adding up exponentials, over the sum of their absolute values.
pub(super) const ADDED: f64 = 1e-12;

/// Relative error of a quotient or product on which a gradient depends.
pub(super) const QUOTIENT: f64 = 4e-7;

/// Where the terms of a sum of exponentials are together so many times as large as the sum, rounding
/// may change its sign.
pub(super) const CANCELLED: f64 = 1e5;

/// [`TOLERANCE`] of a scale, and something beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tolerance {
    pub(super) scale: f64,
    pub(super) extra: f64,
}

impl Tolerance {
    /// Nothing.
    pub(super) const EXACT: Self = Self { scale: 0.0, extra: 0.0 };

    /// Of a value that is the sum of terms of one sign.
    pub(super) const fn of(scale: f64) -> Self {
        Self { scale, extra: 0.0 }
    }

    /// Of a value whose error is less than that of others, or more.
    pub(super) const fn relative(accuracy: f64, size: f64) -> Self {
        Self::of(accuracy / TOLERANCE * size)
    }

    pub(super) const fn and(self, extra: f64) -> Self {
        Self { extra: self.extra + extra, ..self }
    }

    /// What is not finite allows nothing: the comparison of special values judges those.
    pub(super) fn allowed(&self) -> f64 {
        let allowed = TOLERANCE * self.scale + self.extra;
        if allowed.is_finite() { allowed } else { 0.0 }
    }
}

impl Add for Tolerance {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { scale: self.scale + other.scale, extra: self.extra + other.extra }
    }
}

impl Mul<f64> for Tolerance {
    type Output = Self;

    /// Of a value multiplied by a factor: what is 0 stays so, however large the other is.
    fn mul(self, factor: f64) -> Self {
        let product = |value: f64| match value == 0.0 || factor == 0.0 {
            true => 0.0,
            false => value * factor.abs(),
        };
        Self { scale: product(self.scale), extra: product(self.extra) }
    }
}
