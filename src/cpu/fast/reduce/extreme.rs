//! Maximum and minimum of the values whose weight is not 0.

use super::kind::{Accumulate, Kind, LANES, Nothing};
use crate::cpu::oracle::reduce::Summary;
use crate::ops::reduce::Reduce;

/// [`Kind`] of the largest, or of the smallest.
#[derive(Clone, Copy)]
pub(super) struct Extreme<const LARGEST: bool>([f32; LANES]);

impl<const LARGEST: bool> Extreme<LARGEST> {
    pub(super) const OF_NOTHING: f32 = if LARGEST { f32::NEG_INFINITY } else { f32::INFINITY };

    /// NaN where one is.
    #[inline(always)]
    pub(super) fn better(best: f32, x: f32) -> f32 {
        let is_better = if LARGEST { x > best } else { x < best };
        if is_better | x.is_nan() { x } else { best }
    }
}

impl<const LARGEST: bool> Accumulate for Extreme<LARGEST> {
    type Pivot = ();
    type Total = f32;

    #[inline(always)]
    fn around(_: [(); LANES]) -> Self {
        Self([Self::OF_NOTHING; LANES])
    }

    #[inline(always)]
    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]) {
        for lane in 0..LANES {
            let x = if w[lane] == 0.0 { Self::OF_NOTHING } else { x[lane] };
            self.0[lane] = Self::better(self.0[lane], x);
        }
    }

    #[inline(always)]
    fn total(&self, lane: usize) -> f32 {
        self.0[lane]
    }

    #[inline(always)]
    fn merge(left: f32, right: f32) -> f32 {
        Self::better(left, right)
    }
}

impl<const LARGEST: bool> Kind for Extreme<LARGEST> {
    type First = Self;
    type Second = Nothing;
    type State = f32;
    const HAS_SECOND: bool = false;

    fn pivot(_: f32) {}

    #[inline(always)]
    fn state(best: f32, _: ()) -> f32 {
        best
    }

    #[inline(always)]
    fn merge(left: f32, right: f32) -> f32 {
        Self::better(left, right)
    }

    #[inline(always)]
    fn finish(best: f32, _: usize, _: &Reduce) -> Option<Summary> {
        Some(Summary::of_value(best.into()))
    }
}
