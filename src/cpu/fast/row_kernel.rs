//! The loops over one row, or a part of it, in vectors of the machine's width.
//!
//! Elements are added up in single precision block by block, and the blocks in double precision, so
//! that the rounding error does not grow with the number of classes. The order of every addition is
//! fixed by the row's length and the width of vectors.

use pulp::{Simd, WithSimd};

use super::simd::{MOST_LANES, UNROLL, add_up, dispatch, exp, padded, pairwise, without};

/// Vectors a block has: each lane adds up so many, divided by [`UNROLL`].
const VECTORS: usize = 16 * UNROLL;

/// Rows up to here are added up alike however wide vectors are, alone or side by side.
pub(super) const SHORT: usize = MOST_LANES;

/// The largest element and the others' exponentials below it.
#[derive(Clone, Copy)]
pub(super) struct RowState {
    /// `-inf` where there is nothing else; anything beside a NaN.
    pub(super) maximum: f32,
    /// Its lowest index; 0 where there is none.
    pub(super) argmax: usize,
    /// `sum_{j != argmax} exp(x_j - maximum)`; NaN where the row holds NaN or `+inf`.
    pub(super) rest: f64,
}

impl RowState {
    /// Of a row and what follows it.
    pub(super) fn merge(self, right: Self) -> Self {
        let (high, low) = if right.maximum > self.maximum { (right, self) } else { (self, right) };
        let below = if low.maximum == f32::NEG_INFINITY {
            low.rest // 0, or NaN
        } else {
            (1.0 + low.rest) * (f64::from(low.maximum) - f64::from(high.maximum)).exp()
        };
        Self { rest: high.rest + below, ..high }
    }
}

/// Of at most a part.
pub(super) fn state(row: &[f32]) -> RowState {
    dispatch(State::<false> { row, exps: &mut [] })
}

/// The same; leaves `exp(x_j - maximum)` in `exps`, or anything where the softmax is undefined.
pub(super) fn with_exps(row: &[f32], exps: &mut [f32]) -> RowState {
    dispatch(State::<true> { row, exps })
}

/// The largest element and its lowest index; `-inf` and 0 where there is none. Beside a NaN,
/// anything.
pub(super) fn maximum(row: &[f32]) -> (f32, usize) {
    dispatch(Maximum { row })
}

/// `exp(x_j - maximum)` of each element.
pub(super) fn exps_below(row: &[f32], maximum: f32, exps: &mut [f32]) {
    dispatch(ExpsBelow { row, maximum, exps });
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
        let (vectors, tail) = S::as_mut_simd_f32s(self.values);
        let factor = simd.splat_f32s(self.factor);
        for vector in vectors {
            *vector = simd.mul_f32s(*vector, factor);
        }
        for value in tail {
            *value *= self.factor;
        }
    }
}

struct State<'a, const STORE: bool> {
    row: &'a [f32],
    exps: &'a mut [f32],
}

impl<const STORE: bool> WithSimd for State<'_, STORE> {
    type Output = RowState;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> RowState {
        let Self { row, exps } = self;
        if row.len() <= SHORT {
            return short_state::<S, STORE>(simd, row, exps);
        }
        let (maximum, argmax) = find_maximum(simd, row);
        if maximum == f32::NEG_INFINITY {
            // Nothing, or NaN passed over.
            let rest = if row.iter().any(|x| x.is_nan()) { f64::NAN } else { 0.0 };
            return RowState { maximum, argmax: 0, rest };
        }
        if maximum == f32::INFINITY {
            return RowState { maximum, argmax, rest: f64::NAN };
        }
        let block_length = VECTORS * S::F32_LANES;
        let mut exps = exps.chunks_mut(block_length);
        let mut rest = 0.0;
        for (index, block) in row.chunks(block_length).enumerate() {
            let exps = if STORE { exps.next().unwrap_or_default() } else { &mut [] };
            // Beyond the block's end where the excluded element is in another one.
            let excluded = argmax.wrapping_sub(index * block_length);
            rest += f64::from(sum_block::<S, STORE>(simd, block, maximum, excluded, exps));
        }
        RowState { maximum, argmax, rest }
    }
}

/// The exponentials below the maximum, without that of the `excluded` element.
#[inline(always)]
fn sum_block<S: Simd, const STORE: bool>(
    simd: S,
    block: &[f32],
    maximum: f32,
    excluded: usize,
    exps: &mut [f32],
) -> f32 {
    let maximum = simd.splat_f32s(maximum);
    let (vectors, tail) = S::as_simd_f32s(block);
    let (exps, exps_tail) = S::as_mut_simd_f32s(exps);
    let (groups, others) = vectors.as_chunks::<UNROLL>();
    let (exp_groups, exp_others) = exps.as_chunks_mut::<UNROLL>();
    let excluded_group = excluded / (UNROLL * S::F32_LANES);
    let mut sums = [simd.splat_f32s(0.0); UNROLL];
    for (index, group) in groups.iter().enumerate() {
        let mut of_group = *group;
        for x in &mut of_group {
            *x = exp(simd, simd.sub_f32s(*x, maximum));
        }
        if STORE {
            exp_groups[index] = of_group;
        }
        if index == excluded_group {
            for (place, exp) in of_group.iter_mut().enumerate() {
                let first = (index * UNROLL + place) * S::F32_LANES;
                *exp = without(simd, *exp, excluded.wrapping_sub(first));
            }
        }
        for (sum, exp) in sums.iter_mut().zip(of_group) {
            *sum = simd.add_f32s(*sum, exp);
        }
    }
    for (index, &x) in others.iter().enumerate() {
        let exp = exp(simd, simd.sub_f32s(x, maximum));
        if STORE {
            exp_others[index] = exp;
        }
        let first = (groups.len() * UNROLL + index) * S::F32_LANES;
        let exp = without(simd, exp, excluded.wrapping_sub(first));
        sums[index] = simd.add_f32s(sums[index], exp);
    }
    if !tail.is_empty() {
        let exp = exp(simd, simd.sub_f32s(padded(simd, tail), maximum));
        if STORE {
            simd.partial_store_f32s(exps_tail, exp);
        }
        let first = vectors.len() * S::F32_LANES;
        let exp = without(simd, exp, excluded.wrapping_sub(first));
        sums[UNROLL - 1] = simd.add_f32s(sums[UNROLL - 1], exp);
    }
    add_up(simd, sums)
}

/// Lanes of a fixed number, whatever the vectors.
#[inline(always)]
fn short_state<S: Simd, const STORE: bool>(simd: S, row: &[f32], exps: &mut [f32]) -> RowState {
    let (mut maximum, mut argmax) = (f32::NEG_INFINITY, 0);
    for (index, &x) in row.iter().enumerate() {
        if x > maximum {
            (maximum, argmax) = (x, index);
        }
    }
    if maximum.is_infinite() {
        let undefined = maximum > 0.0 || row.iter().any(|x| x.is_nan());
        return RowState { maximum, argmax, rest: if undefined { f64::NAN } else { 0.0 } };
    }
    let mut lanes = [f32::NEG_INFINITY; SHORT];
    lanes[..row.len()].copy_from_slice(row);
    let (vectors, _) = S::as_mut_simd_f32s(&mut lanes);
    for x in vectors {
        *x = exp(simd, simd.sub_f32s(*x, simd.splat_f32s(maximum)));
    }
    if STORE {
        exps.copy_from_slice(&lanes[..row.len()]);
    }
    lanes[argmax] = 0.0;
    RowState { maximum, argmax, rest: pairwise(&mut lanes).into() }
}

struct Maximum<'a> {
    row: &'a [f32],
}

impl WithSimd for Maximum<'_> {
    type Output = (f32, usize);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, usize) {
        find_maximum(simd, self.row)
    }
}

#[inline(always)]
fn find_maximum<S: Simd>(simd: S, row: &[f32]) -> (f32, usize) {
    let block_length = VECTORS * S::F32_LANES;
    let (mut best, mut best_block) = (f32::NEG_INFINITY, 0);
    for (index, block) in row.chunks(block_length).enumerate() {
        let found = block_maximum(simd, block);
        if found > best {
            (best, best_block) = (found, index);
        }
    }
    // Only the block that holds the maximum is searched for it.
    let start = best_block * block_length;
    (best, start + position(&row[start.min(row.len())..], best))
}

#[inline(always)]
fn block_maximum<S: Simd>(simd: S, block: &[f32]) -> f32 {
    let (vectors, tail) = S::as_simd_f32s(block);
    let (groups, others) = vectors.as_chunks::<UNROLL>();
    let mut best = [simd.splat_f32s(f32::NEG_INFINITY); UNROLL];
    for group in groups {
        for (best, &x) in best.iter_mut().zip(group) {
            *best = simd.max_f32s(x, *best);
        }
    }
    for (best, &x) in best.iter_mut().zip(others) {
        *best = simd.max_f32s(x, *best);
    }
    if !tail.is_empty() {
        best[0] = simd.max_f32s(padded(simd, tail), best[0]);
    }
    let [a, b, c, d] = best;
    simd.reduce_max_f32s(simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d)))
}

/// The first place of a value; 0 where there is none.
#[inline(always)]
fn position(row: &[f32], value: f32) -> usize {
    const TOGETHER: usize = 64;
    let (chunks, tail) = row.as_chunks::<TOGETHER>();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut found = false;
        for &x in chunk {
            found |= x == value; // no branch: vector instructions
        }
        if found {
            let place = chunk.iter().position(|&x| x == value);
            return index * TOGETHER + place.unwrap_or(0);
        }
    }
    let in_tail = tail.iter().position(|&x| x == value);
    in_tail.map_or(0, |place| chunks.len() * TOGETHER + place)
}

struct ExpsBelow<'a> {
    row: &'a [f32],
    maximum: f32,
    exps: &'a mut [f32],
}

impl WithSimd for ExpsBelow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let maximum = simd.splat_f32s(self.maximum);
        let (vectors, tail) = S::as_simd_f32s(self.row);
        let (exps, exps_tail) = S::as_mut_simd_f32s(self.exps);
        for (exp_of, &x) in exps.iter_mut().zip(vectors) {
            *exp_of = exp(simd, simd.sub_f32s(x, maximum));
        }
        if !tail.is_empty() {
            let of_tail = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), maximum));
            simd.partial_store_f32s(exps_tail, of_tail);
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
        let mut total = 0.0;
        for block in self.row.chunks(VECTORS * S::F32_LANES) {
            let (vectors, tail) = S::as_simd_f32s(block);
            let mut sums = [nothing; UNROLL];
            for (index, &x) in vectors.iter().enumerate() {
                let sum = &mut sums[index % UNROLL];
                *sum = simd.add_f32s(*sum, spread_term(simd, x, maximum));
            }
            if !tail.is_empty() {
                let term = spread_term(simd, padded(simd, tail), maximum);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_is_the_lowest_index_of_the_largest() {
        let row: Vec<f32> = (0..5000).map(|i| if i % 300 == 299 { 7.0 } else { -1.0 }).collect();
        assert_eq!(maximum(&row), (7.0, 299));
        let row: Vec<f32> = (0..5000).map(|i| if i % 4700 == 4699 { 7.0 } else { -1.0 }).collect();
        assert_eq!(maximum(&row), (7.0, 4699));
        assert_eq!(maximum(&[]), (f32::NEG_INFINITY, 0));
    }
}
