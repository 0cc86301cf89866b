//! Sum, sum of squares and mean, in double precision: products of two `f32` are exact, no sum
//! overflows, and what is not finite comes out as IEEE arithmetic has it, which is as it should be.
//!
//! `MASKS`: whether a weight of 0 leaves its value out whatever it is.

use super::kind::{Accumulate, Kind, LANES, Nothing};
use crate::cpu::oracle::reduce::{Summary, mean};
use crate::ops::reduce::Reduce;

/// The value, or 0 where it is left out.
#[inline(always)]
pub(super) fn left_in<const MASKS: bool>(x: f32, w: f32) -> f64 {
    if MASKS && w == 0.0 { 0.0 } else { x.into() }
}

/// `sum w x`, or `sum w x^2`.
#[derive(Clone, Copy)]
pub(super) struct Sums<const MASKS: bool, const SQUARES: bool>([f64; LANES]);

impl<const MASKS: bool, const SQUARES: bool> Accumulate for Sums<MASKS, SQUARES> {
    type Pivot = ();
    type Total = f64;

    #[inline(always)]
    fn around(_: [(); LANES]) -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        for lane in 0..LANES {
            let value = left_in::<MASKS>(x[lane], w[lane]);
            let power = if SQUARES { value * value } else { value };
            self.0[lane] += power * f64::from(w[lane]);
        }
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> f64 {
        self.0[lane]
    }

    #[inline(always)]
    fn merge(left: f64, right: f64) -> f64 {
        left + right
    }
}

impl<const MASKS: bool, const SQUARES: bool> Kind for Sums<MASKS, SQUARES> {
    type First = Self;
    type Second = Nothing;
    type State = f64;
    const HAS_SECOND: bool = false;

    fn pivot(_: f64) {}

    #[inline(always)]
    fn state(sum: f64, _: ()) -> f64 {
        sum
    }

    #[inline(always)]
    fn merge(left: f64, right: f64) -> f64 {
        left + right
    }

    #[inline(always)]
    fn finish(sum: f64, _: usize, _: &Reduce) -> Option<Summary> {
        Some(Summary::of_value(sum))
    }
}

/// `sum w x` and what a mean divides it by: `sum w`, or how many weights are not 0.
#[derive(Clone, Copy)]
pub(super) struct Quotients<const MASKS: bool, const COUNTS: bool> {
    sums: Sums<MASKS, false>,
    weights: [f64; LANES],
    /// Beside those: the number of values without a weight, in each lane.
    ones: f64,
}

impl<const MASKS: bool, const COUNTS: bool> Accumulate for Quotients<MASKS, COUNTS> {
    type Pivot = ();
    type Total = (f64, f64);

    #[inline(always)]
    fn around(pivots: [(); LANES]) -> Self {
        Self { sums: Sums::around(pivots), weights: [0.0; LANES], ones: 0.0 }
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        self.sums.add(x, w);
        for (sum, &w) in self.weights.iter_mut().zip(w) {
            let is_none = COUNTS && w == 0.0;
            *sum += if !COUNTS || is_none { f64::from(w) } else { 1.0 };
        }
    }

    #[inline(always)]
    fn add_ones(&mut self, x: &[f32; LANES]) {
        self.sums.add_ones(x);
        self.ones += 1.0;
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> (f64, f64) {
        (self.sums.total(lane), self.weights[lane] + self.ones)
    }

    #[inline(always)]
    fn merge(left: (f64, f64), right: (f64, f64)) -> (f64, f64) {
        (left.0 + right.0, left.1 + right.1)
    }
}

impl<const MASKS: bool, const COUNTS: bool> Kind for Quotients<MASKS, COUNTS> {
    type First = Self;
    type Second = Nothing;
    type State = (f64, f64);
    const HAS_SECOND: bool = false;

    fn pivot(_: (f64, f64)) {}

    #[inline(always)]
    fn state(quotient: (f64, f64), _: ()) -> (f64, f64) {
        quotient
    }

    #[inline(always)]
    fn merge(left: (f64, f64), right: (f64, f64)) -> (f64, f64) {
        <Self as Accumulate>::merge(left, right)
    }

    #[inline(always)]
    fn finish((sum, denominator): (f64, f64), _: usize, options: &Reduce) -> Option<Summary> {
        let mean = mean(sum, denominator, options.mode);
        Some(Summary { denominator, ..Summary::of_value(mean) })
    }
}
