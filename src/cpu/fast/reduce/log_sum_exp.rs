//! Weighted log-sum-exp: of each part of the values first the maximum, then the exponentials below
//! it while they are still in the cache.

use super::extreme::Extreme;
use super::kind::{Accumulate, Kind, LANES};
use crate::cpu::fast::exp::exp;
use crate::cpu::oracle::reduce::Summary;
use crate::ops::reduce::Reduce;

/// [`Kind`] of log-sum-exp.
pub(super) struct LogSumExps;

type Largest = Extreme<true>;

/// The largest value whose weight is not 0, and the largest magnitude of a weight.
#[derive(Clone, Copy)]
pub(super) struct Maximums {
    values: Largest,
    magnitudes: Largest,
}

impl Accumulate for Maximums {
    type Pivot = ();
    type Total = (f32, f32);

    #[inline(always)]
    fn around(pivots: [(); LANES]) -> Self {
        Self { values: Largest::around(pivots), magnitudes: Largest::around(pivots) }
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        self.values.add(x, w);
        self.magnitudes.add(&w.map(f32::abs), w);
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> (f32, f32) {
        (self.values.total(lane), self.magnitudes.total(lane))
    }

    #[inline(always)]
    fn merge(left: (f32, f32), right: (f32, f32)) -> (f32, f32) {
        (Largest::better(left.0, right.0), Largest::better(left.1, right.1))
    }
}

/// `sum w exp(x - m)`.
#[derive(Clone, Copy)]
pub(super) struct Exponentials {
    maximums: [f32; LANES],
    sums: [f64; LANES],
}

impl Accumulate for Exponentials {
    type Pivot = f32;
    type Total = f64;

    #[inline(always)]
    fn around(maximums: [f32; LANES]) -> Self {
        Self { maximums, sums: [0.0; LANES] }
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        // One loop after the other: each becomes vector instructions.
        let mut exps = [0.0; LANES];
        for lane in 0..LANES {
            exps[lane] = exp_below(x[lane], self.maximums[lane]);
        }
        for lane in 0..LANES {
            exps[lane] = if w[lane] == 0.0 { 0.0 } else { exps[lane] };
        }
        for lane in 0..LANES {
            self.sums[lane] += f64::from(exps[lane]) * f64::from(w[lane]);
        }
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> f64 {
        self.sums[lane]
    }

    #[inline(always)]
    fn merge(left: f64, right: f64) -> f64 {
        left + right
    }
}

/// `exp(x - maximum)`, without what rounding the difference would cost where it is large.
#[inline(always)]
fn exp_below(x: f32, maximum: f32) -> f32 {
    let difference = x - maximum;
    let of_maximum = difference - x;
    let lost = (x - (difference - of_maximum)) - (maximum + of_maximum);
    let exp = exp(difference);
    // -inf has no rounding error, and nothing is left of what is so far below.
    if exp == 0.0 { 0.0 } else { exp + exp * lost }
}

#[derive(Clone, Copy)]
pub(super) struct State {
    maximum: f32,
    /// The largest of the weights.
    magnitude: f32,
    /// Below the maximum.
    sum: f64,
}

impl State {
    /// `sum w exp(x - maximum)`.
    fn below(&self, maximum: f32) -> f64 {
        match self.maximum == maximum {
            true => self.sum,
            false => self.sum * (f64::from(self.maximum) - f64::from(maximum)).exp(),
        }
    }
}

impl Kind for LogSumExps {
    type First = Maximums;
    type Second = Exponentials;
    type State = State;

    #[inline(always)]
    fn pivot((maximum, _): (f32, f32)) -> f32 {
        // Where it is not finite, the exponentials do not matter.
        if maximum.is_finite() { maximum } else { 0.0 }
    }

    #[inline(always)]
    fn state((maximum, magnitude): (f32, f32), sum: f64) -> State {
        State { maximum, magnitude, sum }
    }

    fn merge(left: State, right: State) -> State {
        let (maximum, magnitude) =
            Maximums::merge((left.maximum, left.magnitude), (right.maximum, right.magnitude));
        State { maximum, magnitude, sum: left.below(maximum) + right.below(maximum) }
    }

    fn finish(state: State, count: usize, _: &Reduce) -> Option<Summary> {
        /// Of the sum, where all values are as large as the largest and all weights, too: what is
        /// less may have lost digits to exponentials that were too small, or to cancellation.
        const DISTANT: f64 = 1e-25;
        let State { maximum, magnitude, sum } = state;
        let is_special = !(maximum < f32::INFINITY && magnitude < f32::INFINITY);
        if is_special {
            return None;
        }
        if maximum == f32::NEG_INFINITY {
            return Some(Summary { sign: 0.0, ..Summary::of_value(f64::NEG_INFINITY) });
        }
        if sum.abs() <= DISTANT * count as f64 * f64::from(magnitude) {
            return None;
        }
        Some(Summary::of_exponentials(maximum.into(), sum))
    }
}
