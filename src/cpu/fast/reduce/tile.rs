//! A part of the values and their weights, small enough for the cache, and what is accumulated of
//! it.

use super::kind::{Accumulate, Kind, LANES, fold};

/// The most results that are accumulated side by side.
pub(super) const STRIP: usize = 1024;

/// Lines of a matrix, each contiguous in memory.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// From the first line's first value.
    pub(super) values: &'a [f32],
    /// From a line to the next.
    pub(super) stride: usize,
    pub(super) lines: usize,
    /// Values of a line.
    pub(super) width: usize,
    pub(super) weights: TileWeights<'a>,
}

/// The weights of a tile.
#[derive(Clone, Copy)]
pub(super) enum TileWeights<'a> {
    /// 1.
    One,
    /// One for each line.
    PerLine(&'a [f32]),
    /// One for each place in a line.
    PerPlace(&'a [f32]),
    /// One for each value, with a stride of their own.
    PerValue(&'a [f32], usize),
}

/// The weights of a line.
#[derive(Clone, Copy)]
pub(super) enum LineWeights<'a> {
    One,
    Same(f32),
    Each(&'a [f32]),
}

impl<'a> Tile<'a> {
    /// A line's values and weights.
    #[inline(always)]
    pub(super) fn line(&self, line: usize) -> (&'a [f32], LineWeights<'a>) {
        let values = &self.values[line * self.stride..][..self.width];
        let weights = match self.weights {
            TileWeights::One => LineWeights::One,
            TileWeights::PerLine(weights) => LineWeights::Same(weights[line]),
            TileWeights::PerPlace(weights) => LineWeights::Each(&weights[..self.width]),
            TileWeights::PerValue(weights, stride) => {
                LineWeights::Each(&weights[line * stride..][..self.width])
            }
        };
        (values, weights)
    }
}

impl LineWeights<'_> {
    pub(super) fn at(&self, place: usize) -> f32 {
        match self {
            Self::One => 1.0,
            Self::Same(weight) => *weight,
            Self::Each(weights) => weights[place],
        }
    }
}

/// The weights of a line, block by block.
trait Weigh: Copy {
    /// Those of each block of values.
    type Block: Copy;

    fn blocks(&self) -> impl Iterator<Item = Self::Block>;

    fn add<A: Accumulate>(lanes: &mut A, values: &[f32; LANES], weights: Self::Block);

    /// Those of the last `count < LANES` values, filled up with 0: what is there counts nothing.
    fn tail(&self, count: usize) -> [f32; LANES];
}

/// 1 for all values.
#[derive(Clone, Copy)]
struct One;

impl Weigh for One {
    type Block = ();

    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = ()> {
        std::iter::repeat(())
    }

    #[inline(always)]
    fn add<A: Accumulate>(lanes: &mut A, values: &[f32; LANES], _: ()) {
        lanes.add_ones(values);
    }

    #[inline(always)]
    fn tail(&self, count: usize) -> [f32; LANES] {
        1.0.tail(count)
    }
}

/// The same for all values.
impl Weigh for f32 {
    type Block = [f32; LANES];

    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = [f32; LANES]> {
        std::iter::repeat([*self; LANES])
    }

    #[inline(always)]
    fn add<A: Accumulate>(lanes: &mut A, values: &[f32; LANES], weights: [f32; LANES]) {
        lanes.add(values, &weights);
    }

    #[inline(always)]
    fn tail(&self, count: usize) -> [f32; LANES] {
        std::array::from_fn(|lane| if lane < count { *self } else { 0.0 })
    }
}

impl<'a> Weigh for &'a [f32] {
    type Block = &'a [f32; LANES];

    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = &'a [f32; LANES]> {
        self.as_chunks::<LANES>().0.iter()
    }

    #[inline(always)]
    fn add<A: Accumulate>(lanes: &mut A, values: &[f32; LANES], weights: &[f32; LANES]) {
        lanes.add(values, weights);
    }

    #[inline(always)]
    fn tail(&self, count: usize) -> [f32; LANES] {
        padded(&self[self.len() - count..])
    }
}

/// Fewer than `LANES` values, filled up.
#[inline(always)]
fn padded(values: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// Calls a function for the weights of a line.
macro_rules! with_weights {
    ($weights:expr, $w:ident => $call:expr) => {
        match $weights {
            LineWeights::One => {
                let $w = One;
                $call
            }
            LineWeights::Same($w) => $call,
            LineWeights::Each($w) => $call,
        }
    };
}

/// All of a tile as one result.
pub(super) fn along<K: Kind>(tile: &Tile<'_>) -> K::State {
    let first = pass_along::<K::First>(tile, ());
    let second = match K::HAS_SECOND {
        true => pass_along::<K::Second>(tile, K::pivot(first)),
        false => fold(&K::Second::around([K::pivot(first); LANES])),
    };
    K::state(first, second)
}

fn pass_along<A: Accumulate>(tile: &Tile<'_>, pivot: A::Pivot) -> A::Total {
    let mut lanes = A::around([pivot; LANES]);
    for line in 0..tile.lines {
        let (values, weights) = tile.line(line);
        with_weights!(weights, w => add_along(&mut lanes, values, w));
    }
    fold(&lanes)
}

#[inline(always)]
fn add_along<A: Accumulate, W: Weigh>(lanes: &mut A, values: &[f32], weights: W) {
    // A copy stays in registers.
    let mut sums = *lanes;
    let (blocks, tail) = values.as_chunks::<LANES>();
    for (block, of_block) in blocks.iter().zip(weights.blocks()) {
        W::add(&mut sums, block, of_block);
    }
    if !tail.is_empty() {
        sums.add(&padded(tail), &weights.tail(tail.len()));
    }
    *lanes = sums;
}

/// Each place of a tile's lines, of which there are at most [`STRIP`], as a result of its own.
pub(super) fn across<K: Kind>(tile: &Tile<'_>, emit: impl FnMut(usize, K::State)) {
    // Room for many takes its time to set up.
    const FEW: usize = 4;
    match tile.width <= FEW * LANES {
        true => across_blocks::<K, FEW>(tile, emit),
        false => across_blocks::<K, { STRIP / LANES }>(tile, emit),
    }
}

fn across_blocks<K: Kind, const BLOCKS: usize>(
    tile: &Tile<'_>,
    mut emit: impl FnMut(usize, K::State),
) {
    let blocks = tile.width.div_ceil(LANES);
    let mut first = [K::First::around([(); LANES]); BLOCKS];
    pass_across(tile, &mut first[..blocks]);
    let of_nothing = K::pivot(K::First::around([(); LANES]).total(0));
    let mut second = [K::Second::around([of_nothing; LANES]); BLOCKS];
    if K::HAS_SECOND {
        for (second, first) in second.iter_mut().zip(&first[..blocks]) {
            let pivots = std::array::from_fn(|lane| K::pivot(first.total(lane)));
            *second = K::Second::around(pivots);
        }
        pass_across(tile, &mut second[..blocks]);
    }
    for place in 0..tile.width {
        let (block, lane) = (place / LANES, place % LANES);
        emit(place, K::state(first[block].total(lane), second[block].total(lane)));
    }
}

fn pass_across<A: Accumulate>(tile: &Tile<'_>, blocks: &mut [A]) {
    for line in 0..tile.lines {
        let (values, weights) = tile.line(line);
        with_weights!(weights, w => add_across(blocks, values, w));
    }
}

#[inline(always)]
fn add_across<A: Accumulate, W: Weigh>(lanes: &mut [A], values: &[f32], weights: W) {
    let (blocks, tail) = values.as_chunks::<LANES>();
    for ((block, lanes), of_block) in blocks.iter().zip(&mut *lanes).zip(weights.blocks()) {
        W::add(lanes, block, of_block);
    }
    if let (false, Some(lanes)) = (tail.is_empty(), lanes.get_mut(blocks.len())) {
        lanes.add(&padded(tail), &weights.tail(tail.len()));
    }
}

/// The state of no values.
pub(super) fn of_nothing<K: Kind>() -> K::State {
    let weights = TileWeights::One;
    along::<K>(&Tile { values: &[], stride: 0, lines: 0, width: 0, weights })
}
