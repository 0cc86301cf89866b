//! The loops over one row, or a part of it, in vectors of the machine's width.
//!
//! Elements are added up in single precision block by block, and the blocks in double precision, so
//! that the rounding error does not grow with the number of classes. The order of every addition is
//! fixed by the row's length and the width of vectors.

use pulp::{Simd, WithSimd};

use super::simd::{MOST_LANES, UNROLL, add_up, dispatch, exp, padded};
use super::stream::prefetch;

/// Vectors a block has: each lane adds up so many, divided by [`UNROLL`].
const VECTORS: usize = 16 * UNROLL;

/// Rows up to here are added up alike however wide vectors are.
pub(super) const SHORT: usize = MOST_LANES;

/// The largest element and the others' exponentials below it.
#[derive(Clone, Copy)]
pub(super) struct RowState {
    /// `-inf` where there is nothing else; anything beside a NaN.
    pub(super) maximum: f32,
    /// At or below its lowest index, by less than a block.
    pub(super) near: usize,
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
        scale_of(simd, self.values, self.factor);
    }
}

/// [`scale`] within a choice of instructions.
#[inline(always)]
pub(super) fn scale_of<S: Simd>(simd: S, values: &mut [f32], factor: f32) {
    let (vectors, tail) = S::as_mut_simd_f32s(values);
    let factors = simd.splat_f32s(factor);
    for vector in vectors {
        *vector = simd.mul_f32s(*vector, factors);
    }
    for value in tail {
        *value *= factor;
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
        row_state::<S, STORE>(simd, self.row, self.exps)
    }
}

/// Of at most a part, within a choice of instructions. With `STORE` it leaves `exp(x_j - maximum)` in
/// `exps`, or anything where the softmax is undefined.
#[inline(always)]
pub(super) fn row_state<S: Simd, const STORE: bool>(
    simd: S,
    row: &[f32],
    exps: &mut [f32],
) -> RowState {
    if row.len() <= SHORT {
        let [state] = short_states::<S, STORE, 1>(simd, row, exps);
        return state;
    }
    let (maximum, near) = maximum_of_blocks(simd, row);
    if maximum.is_infinite() {
        return RowState { maximum, near, rest: rest_beside(maximum, row) };
    }
    let block_length = VECTORS * S::F32_LANES;
    let mut exps = exps.chunks_mut(block_length);
    let mut rest = 0.0;
    for (index, block) in row.chunks(block_length).enumerate() {
        let exps = if STORE { exps.next().unwrap_or_default() } else { &mut [] };
        let (maximum, row_bytes) = (simd.splat_f32s(maximum), size_of_val(row));
        rest += match index * block_length == near {
            true => sum_block::<S, STORE, true>(simd, block, maximum, exps, row_bytes),
            false => sum_block::<S, STORE, false>(simd, block, maximum, exps, row_bytes),
        };
    }
    RowState { maximum, near, rest }
}

/// Beside an infinite maximum: nothing, or NaN passed over; or `+inf`.
#[cold]
fn rest_beside(maximum: f32, row: &[f32]) -> f64 {
    let is_undefined = maximum > 0.0 || row.iter().any(|x| x.is_nan());
    if is_undefined { f64::NAN } else { 0.0 }
}

/// The exponentials below the maximum. Where the block `HOLDS` it, one that is 1 is left out, and the
/// rest of the sum is not rounded to the size of the others. The next row, or part of one, is asked for
/// meanwhile: looking for its maximum would wait for memory.
#[inline(always)]
fn sum_block<S: Simd, const STORE: bool, const HOLDS: bool>(
    simd: S,
    block: &[f32],
    maximum: S::f32s,
    exps: &mut [f32],
    row_bytes: usize,
) -> f64 {
    let (vectors, tail) = S::as_simd_f32s(block);
    let (exps, exps_tail) = S::as_mut_simd_f32s(exps);
    let (groups, others) = vectors.as_chunks::<UNROLL>();
    let (exp_groups, exp_others) = exps.as_chunks_mut::<UNROLL>();
    let nothing = simd.splat_f32s(0.0);
    let mut sums = [nothing; UNROLL];
    let mut leaders = [nothing; UNROLL];
    for (index, group) in groups.iter().enumerate() {
        prefetch(group, row_bytes);
        for place in 0..UNROLL {
            let x = group[place];
            let exp = exp(simd, simd.sub_f32s(x, maximum));
            if STORE {
                exp_groups[index][place] = exp;
            }
            let (below, leads) = split_off::<S, HOLDS>(simd, x, exp, maximum);
            sums[place] = simd.add_f32s(sums[place], below);
            leaders[place] = simd.add_f32s(leaders[place], leads);
        }
    }
    for (index, &x) in others.iter().enumerate() {
        let exp = exp(simd, simd.sub_f32s(x, maximum));
        if STORE {
            exp_others[index] = exp;
        }
        let (below, leads) = split_off::<S, HOLDS>(simd, x, exp, maximum);
        sums[index] = simd.add_f32s(sums[index], below);
        leaders[index] = simd.add_f32s(leaders[index], leads);
    }
    if !tail.is_empty() {
        let x = padded(simd, tail);
        let exp = exp(simd, simd.sub_f32s(x, maximum));
        if STORE {
            simd.partial_store_f32s(exps_tail, exp);
        }
        let (below, leads) = split_off::<S, HOLDS>(simd, x, exp, maximum);
        sums[UNROLL - 1] = simd.add_f32s(sums[UNROLL - 1], below);
        leaders[UNROLL - 1] = simd.add_f32s(leaders[UNROLL - 1], leads);
    }
    let sum = f64::from(add_up(simd, sums));
    if HOLDS { sum + (f64::from(add_up(simd, leaders)) - 1.0) } else { sum }
}

/// Exponentials without those of the maximum, which are 1, and these.
#[inline(always)]
fn split_off<S: Simd, const HOLDS: bool>(
    simd: S,
    x: S::f32s,
    exp: S::f32s,
    maximum: S::f32s,
) -> (S::f32s, S::f32s) {
    let nothing = simd.splat_f32s(0.0);
    if HOLDS {
        let leads = simd.equal_f32s(x, maximum);
        (simd.select_f32s(leads, nothing, exp), simd.select_f32s(leads, exp, nothing))
    } else {
        (exp, nothing)
    }
}

/// Of rows of up to [`SHORT`] classes that lie one after the other, each held in vectors. Step by step
/// for all of them: within a row every step waits for the one before.
#[inline(always)]
pub(super) fn short_states<S: Simd, const STORE: bool, const ROWS: usize>(
    simd: S,
    rows: &[f32],
    exps: &mut [f32],
) -> [RowState; ROWS] {
    /// Vectors of the narrowest kind that hold so many.
    const MOST: usize = SHORT / 4;
    let held = SHORT / S::F32_LANES;
    let classes = rows.len() / ROWS;
    let nothing = simd.splat_f32s(f32::NEG_INFINITY);
    let mut x = [[nothing; MOST]; ROWS];
    for (row, x) in x.iter_mut().enumerate() {
        let (vectors, tail) = S::as_simd_f32s(&rows[row * classes..][..classes]);
        for (index, x) in x[..held].iter_mut().enumerate() {
            if index < vectors.len() {
                *x = vectors[index];
            } else if index == vectors.len() {
                *x = padded(simd, tail);
            }
        }
    }
    let mut maxima = [0.0; ROWS];
    for (maximum, x) in maxima.iter_mut().zip(&x) {
        let mut best = nothing;
        for &x in &x[..held] {
            best = simd.max_f32s(x, best); // what it has where x is NaN
        }
        *maximum = simd.reduce_max_f32s(best);
    }
    let mut below = [0.0; ROWS];
    let mut ones = [simd.splat_f32s(0.0); ROWS];
    for row in 0..ROWS {
        let maximum = simd.splat_f32s(maxima[row]);
        let of_row = match STORE {
            true => &mut exps[row * classes..][..classes],
            false => &mut [],
        };
        let (of_vectors, of_tail) = S::as_mut_simd_f32s(of_row);
        let mut sums = [simd.splat_f32s(0.0); MOST];
        for (index, &x) in x[row][..held].iter().enumerate() {
            let exp = exp(simd, simd.sub_f32s(x, maximum));
            if STORE {
                if let Some(of_vector) = of_vectors.get_mut(index) {
                    *of_vector = exp;
                } else if index == of_vectors.len() {
                    simd.partial_store_f32s(of_tail, exp);
                }
            }
            let one;
            (sums[index], one) = split_off::<S, true>(simd, x, exp, maximum);
            ones[row] = simd.add_f32s(ones[row], one);
        }
        // Halves onto halves.
        let mut half = held / 2;
        while half > 0 {
            for index in 0..half {
                sums[index] = simd.add_f32s(sums[index], sums[index + half]);
            }
            half /= 2;
        }
        below[row] = simd.reduce_sum_f32s(sums[0]);
    }
    let mut all_ones = simd.splat_f32s(0.0);
    for ones in ones {
        all_ones = simd.add_f32s(all_ones, ones);
    }
    // Each row has one at least, unless its maximum is infinite.
    let has_ties = simd.reduce_sum_f32s(all_ones) != ROWS as f32;
    std::array::from_fn(|row| {
        let maximum = maxima[row];
        let rest = match maximum.is_infinite() {
            true => rest_beside(maximum, &rows[row * classes..][..classes]),
            false if has_ties => {
                f64::from(below[row]) + (f64::from(simd.reduce_sum_f32s(ones[row])) - 1.0)
            }
            false => below[row].into(),
        };
        RowState { maximum, near: 0, rest }
    })
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
    let (best, near) = maximum_of_blocks(simd, row);
    // Only the block that holds the maximum is searched for it.
    (best, near + position(&row[near..], best))
}

/// The maximum, and where the first block starts that holds it.
#[inline(always)]
fn maximum_of_blocks<S: Simd>(simd: S, row: &[f32]) -> (f32, usize) {
    let block_length = VECTORS * S::F32_LANES;
    let (mut best, mut best_block) = (f32::NEG_INFINITY, 0);
    for (index, block) in row.chunks(block_length).enumerate() {
        let found = block_maximum(simd, block);
        if found > best {
            (best, best_block) = (found, index);
        }
    }
    (best, best_block * block_length)
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
pub(super) fn position(row: &[f32], value: f32) -> usize {
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

    struct Short<'a>(&'a [f32], &'a mut [f32]);

    impl WithSimd for Short<'_> {
        type Output = [RowState; 3];

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            short_states::<S, true, 3>(simd, self.0, self.1)
        }
    }

    /// Three rows, the second with ties, on vectors of every width.
    #[test]
    fn short_rows_have_their_states() {
        for classes in 1..=SHORT {
            let value = |i: usize| match i / classes {
                1 if (i % classes).is_multiple_of(3) => 2.5,
                _ => ((i * 7919 % 997) as f32) * 5e-3 - 2.5,
            };
            let rows: Vec<f32> = (0..3 * classes).map(value).collect();
            let mut exps = [vec![f32::NAN; rows.len()], vec![f32::NAN; rows.len()]];
            let [of_machine, portable] = &mut exps;
            let portable = Short(&rows, portable).with_simd(pulp::Scalar128b);
            for states in [dispatch(Short(&rows, of_machine)), portable] {
                for (state, row) in states.iter().zip(rows.chunks(classes)) {
                    let maximum = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let exps = row.iter().map(|&x| (f64::from(x) - f64::from(maximum)).exp());
                    let rest = exps.sum::<f64>() - 1.0;
                    assert_eq!(state.maximum, maximum);
                    assert!((state.rest - rest).abs() <= 1e-6 * rest, "{} {rest}", state.rest);
                }
            }
            for exps in exps {
                for (exps, row) in exps.chunks(classes).zip(rows.chunks(classes)) {
                    let maximum = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    for (&exp, &x) in exps.iter().zip(row) {
                        let exact = (f64::from(x) - f64::from(maximum)).exp();
                        assert!((f64::from(exp) - exact).abs() <= 1.2e-7);
                    }
                }
            }
        }
    }

    /// Minus infinity alone, beside NaN, and plus infinity, in one group with a row of numbers.
    #[test]
    fn special_rows_do_not_change_their_neighbours() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let others = [[-inf, -inf], [-inf, nan], [inf, 0.0], [nan, 1.0]];
        for (of_first, of_last) in others.iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
            let rows = [of_first[0], of_first[1], 1.0, 1.0, of_last[0], of_last[1]];
            let mut exps = [0.0; 6];
            let states = dispatch(Short(&rows, &mut exps));
            assert_eq!((states[1].maximum, states[1].rest), (1.0, 1.0));
            for (state, row) in [(states[0], of_first), (states[2], of_last)] {
                assert_eq!(state.rest.is_nan(), *row != [-inf, -inf], "{row:?}");
            }
        }
    }
}
