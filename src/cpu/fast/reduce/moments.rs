//! Mean and variance: of each part of the values first their mean, then the moments around it while
//! they are still in the cache. Moments around different means are shifted to one in between.

use super::kind::{Accumulate, Kind, LANES};
use super::sums::{Quotients, left_in};
use crate::cpu::oracle::reduce::{Summary, mean};
use crate::ops::reduce::{Reduce, Statistic};

/// [`Kind`] of mean and variance.
pub(super) struct Moments<const MASKS: bool>;

/// `sum w x` and `sum w`, and the same of the weights' magnitudes: a mean among the values, whatever
/// the signs of the weights.
#[derive(Clone, Copy)]
pub(super) struct Means<const MASKS: bool> {
    signed: Quotients<MASKS, false>,
    magnitudes: Quotients<MASKS, false>,
    /// Of values without a weight: both.
    ones: Quotients<MASKS, false>,
}

impl<const MASKS: bool> Accumulate for Means<MASKS> {
    type Pivot = ();
    type Total = [(f64, f64); 2];

    #[inline(always)]
    fn around(pivots: [(); LANES]) -> Self {
        let nothing = Quotients::around(pivots);
        Self { signed: nothing, magnitudes: nothing, ones: nothing }
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        self.signed.add(x, w);
        self.magnitudes.add(x, &w.map(f32::abs));
    }

    #[inline(always)]
    fn add_ones(&mut self, x: &[f32; LANES]) {
        self.ones.add_ones(x);
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> [(f64, f64); 2] {
        let ones = self.ones.total(lane);
        let with_ones = |of: (f64, f64)| (of.0 + ones.0, of.1 + ones.1);
        [with_ones(self.signed.total(lane)), with_ones(self.magnitudes.total(lane))]
    }

    #[inline(always)]
    fn merge(left: [(f64, f64); 2], right: [(f64, f64); 2]) -> [(f64, f64); 2] {
        let merge = <Quotients<MASKS, false> as Accumulate>::merge;
        [merge(left[0], right[0]), merge(left[1], right[1])]
    }
}

/// `sum w (x - p)` and `sum w (x - p)^2`.
#[derive(Clone, Copy)]
pub(super) struct Around<const MASKS: bool> {
    pivots: [f64; LANES],
    first: [f64; LANES],
    second: [f64; LANES],
}

impl<const MASKS: bool> Accumulate for Around<MASKS> {
    type Pivot = f64;
    type Total = (f64, f64);

    #[inline(always)]
    fn around(pivots: [f64; LANES]) -> Self {
        Self { pivots, first: [0.0; LANES], second: [0.0; LANES] }
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        for lane in 0..LANES {
            let distance = left_in::<MASKS>(x[lane], w[lane]) - self.pivots[lane];
            let product = f64::from(w[lane]) * distance;
            self.first[lane] += product;
            self.second[lane] += product * distance;
        }
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> (f64, f64) {
        (self.first[lane], self.second[lane])
    }

    #[inline(always)]
    fn merge(left: (f64, f64), right: (f64, f64)) -> (f64, f64) {
        (left.0 + right.0, left.1 + right.1)
    }
}

#[derive(Clone, Copy)]
pub(super) struct State {
    sum: f64,
    weight: f64,
    /// `sum abs(w)`.
    magnitude: f64,
    pivot: f64,
    first: f64,
    second: f64,
}

impl State {
    /// The moments around another pivot.
    fn around(&self, pivot: f64) -> (f64, f64) {
        let shift = self.pivot - pivot;
        let product = self.weight * shift;
        (self.first + product, self.second + shift * (2.0 * self.first + product))
    }
}

impl<const MASKS: bool> Kind for Moments<MASKS> {
    type First = Means<MASKS>;
    type Second = Around<MASKS>;
    type State = State;

    #[inline(always)]
    fn pivot([_, (sum, magnitude)]: [(f64, f64); 2]) -> f64 {
        let mean = sum / magnitude;
        // Of nothing, or with values that leave the variance undefined anyway.
        if mean.is_finite() { mean } else { 0.0 }
    }

    #[inline(always)]
    fn state(means: [(f64, f64); 2], (first, second): (f64, f64)) -> State {
        let [(sum, weight), (_, magnitude)] = means;
        State { sum, weight, magnitude, pivot: Self::pivot(means), first, second }
    }

    fn merge(left: State, right: State) -> State {
        let magnitude = left.magnitude + right.magnitude;
        let share = right.magnitude / magnitude;
        let between = left.pivot + (right.pivot - left.pivot) * share;
        let pivot = if between.is_finite() { between } else { 0.0 };
        let (of_left, of_right) = (left.around(pivot), right.around(pivot));
        State {
            sum: left.sum + right.sum,
            weight: left.weight + right.weight,
            magnitude,
            pivot,
            first: of_left.0 + of_right.0,
            second: of_left.1 + of_right.1,
        }
    }

    fn finish(state: State, _: usize, options: &Reduce) -> Option<Summary> {
        let Statistic::MeanAndVariance { correction } = options.statistic else { return None };
        let State { sum, weight, magnitude, .. } = state;
        let mean = mean(sum, weight, options.mode);
        let divisor = weight - f64::from(correction);
        let variance = if mean.is_nan() || !sum.is_finite() || !weight.is_finite() {
            f64::NAN
        } else if weight == 0.0 {
            0.0
        } else if divisor <= 0.0 {
            f64::NAN
        } else {
            let (_, squares) = state.around(mean);
            // Without negative weights only rounding makes it negative.
            let squares = if weight == magnitude { squares.max(0.0) } else { squares };
            squares / divisor
        };
        Some(Summary { denominator: weight, variance, ..Summary::of_value(mean) })
    }
}
