//! Positives and negatives.

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::{Simd, WithSimd};

use crate::cpu::fast::simd::dispatch;
use crate::ops::elementwise::BinaryCounts;

/// Elements, elements taken for positives, positives, and those that are both: of any thread.
#[derive(Default)]
pub(super) struct Counts([AtomicU64; 4]);

impl Counts {
    pub(super) fn add(&self, counts: &[u64; 4]) {
        for (all, count) in self.0.iter().zip(counts) {
            all.fetch_add(*count, Ordering::Relaxed);
        }
    }

    pub(super) fn finish(&self) -> BinaryCounts {
        let [elements, taken, positives, both] =
            std::array::from_fn(|index| self.0[index].load(Ordering::Relaxed));
        BinaryCounts {
            true_positives: both,
            false_positives: taken - both,
            true_negatives: elements + both - taken - positives,
            false_negatives: positives - both,
        }
    }
}

/// Of a block; elements of weight 0 are left out.
pub(super) fn count(
    inputs: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    threshold: f32,
) -> [u64; 4] {
    dispatch(Count { inputs, targets, weights, threshold })
}

struct Count<'a> {
    inputs: &'a [f32],
    targets: &'a [f32],
    weights: Option<&'a [f32]>,
    threshold: f32,
}

impl WithSimd for Count<'_> {
    type Output = [u64; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [u64; 4] {
        let Self { inputs, targets, weights, threshold } = self;
        let mut counts = [0u32; 4];
        let pairs = inputs.iter().zip(targets);
        let mut add = |input: f32, target: f32, is_in: bool| {
            let (is_taken, is_positive) = (is_in & (input > threshold), is_in & (target > 0.5));
            let each = [is_in, is_taken, is_positive, is_taken & is_positive];
            for (count, is_one) in counts.iter_mut().zip(each) {
                *count += u32::from(is_one);
            }
        };
        match weights {
            None => pairs.for_each(|(&input, &target)| add(input, target, true)),
            Some(weights) => pairs
                .zip(weights)
                .for_each(|((&input, &target), &weight)| add(input, target, weight != 0.0)),
        }
        counts.map(u64::from)
    }
}
