//! The loops over one row, or a part of it, in vectors of the machine's width.
//!
//! Elements are added up in single precision block by block, and the blocks in double precision, so
//! that the rounding error does not grow with the number of classes. The order of every addition is
//! fixed by the row's length and the width of vectors.

use pulp::{Simd, WithSimd};

use super::maximum::{VECTORS, maximum_of_blocks};
use super::simd::{MOST_LANES, UNROLL, add_up, dispatch, exp};
use super::stream::prefetch;
use super::tail::Tail;

/// Rows up to here are added up alike however wide vectors are.
pub(super) const SHORT: usize = MOST_LANES;

/// The largest element and the others' exponentials below it.
#[derive(Clone, Copy)]
pub(super) struct RowState {
    /// `-inf` where there is nothing else; anything beside a NaN.
    pub(super) maximum: f32,
    /// At or below its lowest index, by less than a block.
    pub(super) near: usize,
    /// `sum_{j != argmax} exp(scale (x_j - maximum))`; NaN where the row holds NaN or `+inf`.
    pub(super) rest: f64,
}

impl RowState {
    /// Of a row and what follows it.
    pub(super) fn merge(self, right: Self, scale: f32) -> Self {
        let (high, low) = if right.maximum > self.maximum { (right, self) } else { (self, right) };
        let below = if low.maximum == f32::NEG_INFINITY {
            low.rest // 0, or NaN
        } else {
            let distance = f64::from(low.maximum) - f64::from(high.maximum);
            (1.0 + low.rest) * (distance * f64::from(scale)).exp()
        };
        Self { rest: high.rest + below, ..high }
    }
}

/// Of at most a part.
pub(super) fn state(row: &[f32], scale: f32) -> RowState {
    match scale == 1.0 {
        true => dispatch(State::<false, false> { row, scale, exps: &mut [] }),
        false => dispatch(State::<false, true> { row, scale, exps: &mut [] }),
    }
}

/// The same; leaves `exp(scale (x_j - maximum))` in `exps`, or anything where the softmax is
/// undefined.
pub(super) fn with_exps(row: &[f32], scale: f32, exps: &mut [f32]) -> RowState {
    match scale == 1.0 {
        true => dispatch(State::<true, false> { row, scale, exps }),
        false => dispatch(State::<true, true> { row, scale, exps }),
    }
}

/// `exp(scale (x_j - maximum))` of each element.
pub(super) fn exps_below(row: &[f32], maximum: f32, scale: f32, exps: &mut [f32]) {
    match scale == 1.0 {
        true => dispatch(ExpsBelow::<false> { row, maximum, scale, exps }),
        false => dispatch(ExpsBelow::<true> { row, maximum, scale, exps }),
    }
}

/// `sum_j exp(x_j - maximum) (maximum - x_j)`.
pub(super) fn spread(row: &[f32], maximum: f32) -> f64 {
    dispatch(Spread { row, maximum })
}

/// Multiplies each value.
pub(super) fn scale(values: &mut [f32], factor: f32) {
    dispatch(Scale { values, factor });
}

struct Scale<'a> {
    values: &'a mut [f32],
    factor: f32,
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        scale_of(simd, self.values, self.factor, Tail::of(simd, self.values.len()));
    }
}

/// [`scale`] within a choice of instructions.
#[inline(always)]
pub(super) fn scale_of<S: Simd>(simd: S, values: &mut [f32], factor: f32, tail: Tail<S>) {
    let (vectors, last) = S::as_mut_simd_f32s(values);
    let factors = simd.splat_f32s(factor);
    for vector in vectors {
        *vector = simd.mul_f32s(*vector, factors);
    }
    if !tail.is_empty() {
        tail.store(simd, simd.mul_f32s(tail.load(simd, last), factors), last);
    }
}

/// The scale is 1 unless it `SCALES`.
struct State<'a, const STORE: bool, const SCALES: bool> {
    row: &'a [f32],
    scale: f32,
    exps: &'a mut [f32],
}

impl<const STORE: bool, const SCALES: bool> WithSimd for State<'_, STORE, SCALES> {
    type Output = RowState;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> RowState {
        let Self { row, scale, exps } = self;
        let tail = Tail::of(simd, row.len());
        if row.len() <= SHORT {
            return short_state::<S, STORE, SCALES>(simd, row, exps, tail, scale);
        }
        let top = Top::of(simd, row, tail);
        top.scaled_state::<S, STORE, SCALES>(simd, row, exps, tail, size_of_val(row), scale)
    }
}

/// The maximum of a row.
#[derive(Clone, Copy)]
pub(super) struct Top {
    maximum: f32,
    /// Where the first block starts that holds it.
    near: usize,
}

impl Top {
    /// Of no row.
    pub(super) const EMPTY: Self = Self { maximum: f32::NEG_INFINITY, near: 0 };

    /// Of at most a part.
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, row: &[f32], tail: Tail<S>) -> Self {
        let (maximum, near) = maximum_of_blocks(simd, row, tail);
        Self { maximum, near }
    }

    /// The state of its row, longer than [`SHORT`]. With `STORE` it leaves `exp(x_j - maximum)` in
    /// `exps`, or anything where the softmax is undefined. What lies `behind` bytes after each element
    /// is asked for meanwhile: looking for the next maximum would wait for memory.
    #[inline(always)]
    pub(super) fn state<S: Simd, const STORE: bool>(
        self,
        simd: S,
        row: &[f32],
        exps: &mut [f32],
        tail: Tail<S>,
        behind: usize,
    ) -> RowState {
        self.scaled_state::<S, STORE, false>(simd, row, exps, tail, behind, 1.0)
    }

    /// The same at a scale, which is 1 unless it `SCALES`.
    #[inline(always)]
    fn scaled_state<S: Simd, const STORE: bool, const SCALES: bool>(
        self,
        simd: S,
        row: &[f32],
        exps: &mut [f32],
        tail: Tail<S>,
        behind: usize,
        scale: f32,
    ) -> RowState {
        let Self { maximum, near } = self;
        if maximum.is_infinite() {
            return RowState { maximum, near, rest: rest_beside(maximum, row) };
        }
        let block_length = VECTORS * S::F32_LANES;
        let mut exps = exps.chunks_mut(block_length);
        let mut rest = 0.0;
        let below = Below::<S, SCALES>::new(simd, maximum, scale);
        for (index, block) in row.chunks(block_length).enumerate() {
            let exps = if STORE { exps.next().unwrap_or_default() } else { &mut [] };
            rest += match index * block_length == near {
                true => sum_block::<S, STORE, SCALES, true>(simd, block, below, exps, tail, behind),
                false => {
                    sum_block::<S, STORE, SCALES, false>(simd, block, below, exps, tail, behind)
                }
            };
        }
        RowState { maximum, near, rest }
    }
}

/// Beside an infinite maximum: nothing, or NaN passed over; or `+inf`.
#[cold]
fn rest_beside(maximum: f32, row: &[f32]) -> f64 {
    let is_undefined = maximum > 0.0 || row.iter().any(|x| x.is_nan());
    if is_undefined { f64::NAN } else { 0.0 }
}

/// How far elements are below the maximum.
#[derive(Clone, Copy)]
struct Below<S: Simd, const SCALES: bool> {
    maximum: S::f32s,
    scale: S::f32s,
}

impl<S: Simd, const SCALES: bool> Below<S, SCALES> {
    #[inline(always)]
    fn new(simd: S, maximum: f32, scale: f32) -> Self {
        Self { maximum: simd.splat_f32s(maximum), scale: simd.splat_f32s(scale) }
    }

    /// `exp(scale (x - maximum))`
    #[inline(always)]
    fn exp(self, simd: S, x: S::f32s) -> S::f32s {
        let distance = simd.sub_f32s(x, self.maximum);
        exp(simd, if SCALES { simd.mul_f32s(distance, self.scale) } else { distance })
    }
}

/// The exponentials below the maximum. Where the block `HOLDS` it, one that is 1 is left out, and the
/// rest of the sum is not rounded to the size of the others.
#[inline(always)]
fn sum_block<S: Simd, const STORE: bool, const SCALES: bool, const HOLDS: bool>(
    simd: S,
    block: &[f32],
    below: Below<S, SCALES>,
    exps: &mut [f32],
    tail: Tail<S>,
    behind: usize,
) -> f64 {
    let (vectors, last) = S::as_simd_f32s(block);
    let (exps, exps_last) = S::as_mut_simd_f32s(exps);
    let (groups, others) = vectors.as_chunks::<UNROLL>();
    let (exp_groups, exp_others) = exps.as_chunks_mut::<UNROLL>();
    let maximum = below.maximum;
    let nothing = simd.splat_f32s(0.0);
    let mut sums = [nothing; UNROLL];
    let mut leaders = nothing;
    for (index, group) in groups.iter().enumerate() {
        prefetch(group, behind);
        for place in 0..UNROLL {
            let x = group[place];
            let exp = below.exp(simd, x);
            if STORE {
                exp_groups[index][place] = exp;
            }
            add::<S, HOLDS>(simd, x, exp, maximum, &mut sums[place], &mut leaders);
        }
    }
    prefetch(others, behind);
    for (index, &x) in others.iter().enumerate() {
        let exp = below.exp(simd, x);
        if STORE {
            exp_others[index] = exp;
        }
        add::<S, HOLDS>(simd, x, exp, maximum, &mut sums[index], &mut leaders);
    }
    if !last.is_empty() {
        let x = tail.load(simd, last);
        let exp = below.exp(simd, x);
        if STORE {
            tail.store(simd, exp, exps_last);
        }
        add::<S, HOLDS>(simd, x, exp, maximum, &mut sums[UNROLL - 1], &mut leaders);
    }
    let sum = f64::from(add_up(simd, sums));
    if HOLDS { sum + (f64::from(simd.reduce_sum_f32s(leaders)) - 1.0) } else { sum }
}

/// Adds exponentials to the sum, and those of the maximum, which are 1, to the leaders.
#[inline(always)]
fn add<S: Simd, const HOLDS: bool>(
    simd: S,
    x: S::f32s,
    exp: S::f32s,
    maximum: S::f32s,
    sum: &mut S::f32s,
    leaders: &mut S::f32s,
) {
    if HOLDS {
        let nothing = simd.splat_f32s(0.0);
        let leads = simd.equal_f32s(x, maximum);
        *sum = simd.add_f32s(*sum, simd.select_f32s(leads, nothing, exp));
        *leaders = simd.add_f32s(*leaders, simd.select_f32s(leads, exp, nothing));
    } else {
        *sum = simd.add_f32s(*sum, exp);
    }
}

/// Of a row of up to [`SHORT`] classes: a sum of as many lanes, halves onto halves, however wide vectors
/// are.
#[inline(always)]
fn short_state<S: Simd, const STORE: bool, const SCALES: bool>(
    simd: S,
    row: &[f32],
    exps: &mut [f32],
    tail: Tail<S>,
    scale: f32,
) -> RowState {
    /// Vectors of the narrowest kind that hold so many.
    const MOST: usize = SHORT / 4;
    let held = SHORT / S::F32_LANES;
    let nothing = simd.splat_f32s(f32::NEG_INFINITY);
    let mut x = [nothing; MOST];
    let (vectors, last) = S::as_simd_f32s(row);
    for (x, &vector) in x.iter_mut().zip(vectors) {
        *x = vector;
    }
    if !tail.is_empty() {
        x[vectors.len() % MOST] = tail.load(simd, last);
    }
    let mut best = nothing;
    for &x in &x[..held] {
        best = simd.max_f32s(x, best); // what it has where x is NaN
    }
    let maximum = simd.reduce_max_f32s(best);
    if maximum.is_infinite() {
        return RowState { maximum, near: 0, rest: rest_beside(maximum, row) };
    }
    let below = Below::<S, SCALES>::new(simd, maximum, scale);
    let (exp_vectors, exps_last) = S::as_mut_simd_f32s(exps);
    let mut sums = [simd.splat_f32s(0.0); MOST];
    let mut leaders = simd.splat_f32s(0.0);
    for (index, &x) in x[..held].iter().enumerate() {
        let exp = below.exp(simd, x);
        if STORE {
            if let Some(of_vector) = exp_vectors.get_mut(index) {
                *of_vector = exp;
            } else if index == exp_vectors.len() && !tail.is_empty() {
                tail.store(simd, exp, exps_last);
            }
        }
        add::<S, true>(simd, x, exp, below.maximum, &mut sums[index], &mut leaders);
    }
    let mut half = held / 2;
    while half > 0 {
        for index in 0..half {
            sums[index] = simd.add_f32s(sums[index], sums[index + half]);
        }
        half /= 2;
    }
    let others = f64::from(simd.reduce_sum_f32s(sums[0]));
    let rest = others + (f64::from(simd.reduce_sum_f32s(leaders)) - 1.0);
    RowState { maximum, near: 0, rest }
}

/// The scale is 1 unless it `SCALES`.
struct ExpsBelow<'a, const SCALES: bool> {
    row: &'a [f32],
    maximum: f32,
    scale: f32,
    exps: &'a mut [f32],
}

impl<const SCALES: bool> WithSimd for ExpsBelow<'_, SCALES> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let below = Below::<S, SCALES>::new(simd, self.maximum, self.scale);
        let tail = Tail::of(simd, self.row.len());
        let (vectors, last) = S::as_simd_f32s(self.row);
        let (exps, exps_last) = S::as_mut_simd_f32s(self.exps);
        for (exp_of, &x) in exps.iter_mut().zip(vectors) {
            *exp_of = below.exp(simd, x);
        }
        if !last.is_empty() {
            let x = tail.load(simd, last);
            tail.store(simd, below.exp(simd, x), exps_last);
        }
    }
}

struct Spread<'a> {
    row: &'a [f32],
    maximum: f32,
}

impl WithSimd for Spread<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let maximum = simd.splat_f32s(self.maximum);
        let nothing = simd.splat_f32s(0.0);
        let tail = Tail::of(simd, self.row.len());
        let mut total = 0.0;
        for block in self.row.chunks(VECTORS * S::F32_LANES) {
            let (vectors, last) = S::as_simd_f32s(block);
            let mut sums = [nothing; UNROLL];
            for (index, &x) in vectors.iter().enumerate() {
                let sum = &mut sums[index % UNROLL];
                *sum = simd.add_f32s(*sum, spread_term(simd, x, maximum));
            }
            if !last.is_empty() {
                let term = spread_term(simd, tail.load(simd, last), maximum);
                sums[0] = simd.add_f32s(sums[0], term);
            }
            total += f64::from(add_up(simd, sums));
        }
        total
    }
}

/// 0 where nothing is left of the exponential.
#[inline(always)]
fn spread_term<S: Simd>(simd: S, x: S::f32s, maximum: S::f32s) -> S::f32s {
    let nothing = simd.splat_f32s(0.0);
    let exp = exp(simd, simd.sub_f32s(x, maximum));
    let term = simd.mul_f32s(exp, simd.sub_f32s(maximum, x));
    simd.select_f32s(simd.equal_f32s(exp, nothing), nothing, term)
}
