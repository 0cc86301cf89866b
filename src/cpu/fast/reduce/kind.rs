//! What a statistic accumulates, `LANES` values at a time.

use crate::cpu::oracle::reduce::Summary;
use crate::ops::reduce::Reduce;

/// Values handled together: eight vectors of 128 bits in double precision, two of 512.
pub(super) const LANES: usize = 16;

/// Sums or extremes of values and weights, each lane for itself: parts of one result, or results of
/// their own. A weight of 0 beside a value of 0 changes nothing.
pub(super) trait Accumulate: Copy {
    /// What has to be known before: from an earlier pass over the same values.
    type Pivot: Copy;
    /// Of one lane.
    type Total: Copy;

    /// Of no values.
    fn around(pivots: [Self::Pivot; LANES]) -> Self;

    fn add(&mut self, x: &[f32; LANES], w: &[f32; LANES]);

    /// The same with a weight of 1 each.
    #[inline(always)]
    fn add_ones(&mut self, x: &[f32; LANES]) {
        self.add(x, &[1.0; LANES]);
    }

    fn total(&self, lane: usize) -> Self::Total;

    /// Of two lanes around one pivot.
    fn merge(left: Self::Total, right: Self::Total) -> Self::Total;
}

/// Of all lanes, in an order that is always the same.
#[inline(always)]
pub(super) fn fold<A: Accumulate>(lanes: &A) -> A::Total {
    let mut totals: [A::Total; LANES] = std::array::from_fn(|lane| lanes.total(lane));
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            totals[lane] = A::merge(totals[lane], totals[lane + half]);
        }
    }
    totals[0]
}

/// How a statistic is computed: from one pass over the values, or two while they are in the cache.
pub(super) trait Kind {
    type First: Accumulate<Pivot = ()>;
    /// [`Nothing`] where the first pass is enough.
    type Second: Accumulate;
    /// Of a part of the values.
    type State: Copy + Send + Sync;
    const HAS_SECOND: bool = true;

    fn pivot(first: <Self::First as Accumulate>::Total) -> <Self::Second as Accumulate>::Pivot;

    fn state(
        first: <Self::First as Accumulate>::Total,
        second: <Self::Second as Accumulate>::Total,
    ) -> Self::State;

    /// Of two parts.
    fn merge(left: Self::State, right: Self::State) -> Self::State;

    /// From the state of all `count` values; `None` where only a closer look can tell.
    fn finish(state: Self::State, count: usize, options: &Reduce) -> Option<Summary>;
}

/// No second pass.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

impl Accumulate for Nothing {
    type Pivot = ();
    type Total = ();

    fn around(_: [(); LANES]) -> Self {
        Self
    }

    fn add(&mut self, _: &[f32; LANES], _: &[f32; LANES]) {}

    fn total(&self, _: usize) {}

    fn merge(_: (), _: ()) {}
}
