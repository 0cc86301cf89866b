//! The last elements of a row, fewer than a vector.
#![allow(unsafe_code)]

use pulp::{MemMask, Simd};

use super::lanes::Mask;
use super::simd::MOST_LANES;

/// How many there are, for rows of a length.
#[derive(Clone, Copy)]
pub(super) struct Tail<S: Simd> {
    count: usize,
    lanes: S::m32s,
}

impl<S: Simd> Tail<S> {
    /// Of rows of so many elements.
    #[inline(always)]
    pub(super) fn of(simd: S, length: usize) -> Self {
        static PLACES: [u32; MOST_LANES] = {
            let mut places = [0; MOST_LANES];
            let mut lane = 0;
            while lane < MOST_LANES {
                places[lane] = lane as u32;
                lane += 1;
            }
            places
        };
        let count = length % S::F32_LANES;
        let (vectors, _) = S::as_simd_u32s(&PLACES);
        let places = vectors.first().copied().unwrap_or_else(|| simd.splat_u32s(0));
        Self { count, lanes: simd.less_than_u32s(places, simd.splat_u32s(count as u32)) }
    }

    /// Whether there are none.
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.count == 0
    }

    /// The last elements of a row, filled up with what adds nothing: `-inf`.
    #[inline(always)]
    pub(super) fn load(self, simd: S, values: &[f32]) -> S::f32s {
        let values = &values[values.len() - self.count..];
        // Not pulp's own form for slices, which calls a function.
        // SAFETY: the lanes are the first `count`, and so many values there are.
        let loaded = unsafe { simd.mask_load_ptr_f32s(MemMask::new(self.lanes), values.as_ptr()) };
        simd.select_f32s(self.lanes, loaded, simd.splat_f32s(f32::NEG_INFINITY))
    }

    /// The lanes that they take.
    #[inline(always)]
    pub(super) fn mask(self, simd: S) -> Mask<S> {
        Mask::new(simd, self.lanes)
    }

    /// Overwrites the last elements of a row.
    #[inline(always)]
    pub(super) fn store(self, simd: S, vector: S::f32s, values: &mut [f32]) {
        let start = values.len() - self.count;
        let values = &mut values[start..];
        // SAFETY: the lanes are the first `count`, and so many values there are.
        unsafe { simd.mask_store_ptr_f32s(MemMask::new(self.lanes), values.as_mut_ptr(), vector) };
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Scalar128b, WithSimd};

    use super::super::simd::dispatch;
    use super::*;

    struct Tails<'a>(&'a [f32]);

    impl WithSimd for Tails<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let lanes_of = |vector: S::f32s| bytemuck::cast_slice::<_, f32>(&[vector]).to_vec();
            for length in 0..self.0.len() {
                let (row, count) = (&self.0[..length], length % S::F32_LANES);
                let tail = Tail::of(simd, length);
                assert_eq!(tail.is_empty(), count == 0);
                let mut expected = row[length - count..].to_vec();
                expected.resize(S::F32_LANES, f32::NEG_INFINITY);
                assert_eq!(lanes_of(tail.load(simd, row)), expected);
                let mut stored = vec![-1.0; length];
                tail.store(simd, tail.load(simd, row), &mut stored);
                assert!(stored[..length - count].iter().all(|&value| value == -1.0));
                assert_eq!(stored[length - count..], row[length - count..]);
            }
        }
    }

    #[test]
    fn tails_are_loaded_and_stored() {
        let values: Vec<f32> = (1..=50).map(|x| x as f32).collect();
        dispatch(Tails(&values));
        Tails(&values).with_simd(Scalar128b);
    }
}
