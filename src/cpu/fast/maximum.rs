//! The largest element of a row, and where it stands.

use pulp::{Simd, WithSimd};

use super::simd::{UNROLL, dispatch};
use super::tail::Tail;

/// Vectors a block has: each lane adds up so many, divided by [`UNROLL`].
pub(super) const VECTORS: usize = 16 * UNROLL;

/// The largest element and its lowest index; `-inf` and 0 where there is none. Beside a NaN,
/// anything.
pub(super) fn maximum(row: &[f32]) -> (f32, usize) {
    dispatch(Maximum { row })
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
    let (best, near) = maximum_of_blocks(simd, row, Tail::of(simd, row.len()));
    // Only the block that holds the maximum is searched for it.
    (best, near + position(&row[near..], best))
}

/// The maximum, and where the first block starts that holds it.
#[inline(always)]
pub(super) fn maximum_of_blocks<S: Simd>(simd: S, row: &[f32], tail: Tail<S>) -> (f32, usize) {
    let block_length = VECTORS * S::F32_LANES;
    let (mut best, mut best_block) = (f32::NEG_INFINITY, 0);
    for (index, block) in row.chunks(block_length).enumerate() {
        let found = block_maximum(simd, block, tail);
        if found > best {
            (best, best_block) = (found, index);
        }
    }
    (best, best_block * block_length)
}

#[inline(always)]
fn block_maximum<S: Simd>(simd: S, block: &[f32], tail: Tail<S>) -> f32 {
    let (vectors, last) = S::as_simd_f32s(block);
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
    if !last.is_empty() {
        best[0] = simd.max_f32s(tail.load(simd, last), best[0]);
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
