//! The loops over the terms of a row's loss.

use pulp::{Simd, WithSimd};

/// Classes that are computed side by side.
pub(super) const LANES: usize = 16;

/// Chunks of them whose terms are added up in single precision.
const CHUNKS: usize = 16;

/// What is added up over a row.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) value: f64,
    pub(super) slope: f64,
    /// Whether a term is infinite or undefined.
    pub(super) is_unbounded: bool,
}

/// The terms of a row's classes.
pub(super) trait Terms: Copy {
    /// A class's part of the loss, its derivative in the class's log-probability, and whether the
    /// former is infinite or undefined.
    fn at(&self, class: usize) -> (f32, f32, bool);
}

/// Adds up the terms of all classes; the derivatives, times a factor, go to `slopes`.
pub(super) struct AddUp<'a, T> {
    pub(super) terms: T,
    pub(super) factor: f32,
    pub(super) slopes: &'a mut [f32],
}

impl<T: Terms> WithSimd for AddUp<'_, T> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Sums {
        let Self { terms, factor, slopes } = self;
        let mut sums = Sums::default();
        for (index, block) in slopes.chunks_mut(LANES * CHUNKS).enumerate() {
            let first = index * LANES * CHUNKS;
            let (mut values, mut of_slopes) = ([0.0f32; LANES], [0.0f32; LANES]);
            let mut unbounded = [false; LANES];
            let (chunks, tail) = block.as_chunks_mut::<LANES>();
            let whole = chunks.len() * LANES;
            for (index, chunk) in chunks.iter_mut().enumerate() {
                let first = first + index * LANES;
                for lane in 0..LANES {
                    let (value, slope, is_unbounded) = terms.at(first + lane);
                    values[lane] += value;
                    of_slopes[lane] += slope;
                    unbounded[lane] |= is_unbounded;
                    chunk[lane] = slope * factor;
                }
            }
            for (lane, result) in tail.iter_mut().enumerate() {
                let (value, slope, is_unbounded) = terms.at(first + whole + lane);
                values[lane] += value;
                of_slopes[lane] += slope;
                unbounded[lane] |= is_unbounded;
                *result = slope * factor;
            }
            let add = |lanes: [f32; LANES]| lanes.into_iter().map(f64::from).sum::<f64>();
            sums.value += add(values);
            sums.slope += add(of_slopes);
            sums.is_unbounded |= unbounded.into_iter().any(|is_so| is_so);
        }
        sums
    }
}

/// `factor (u_c - p_c sum_k u_k)` in place of `u_c`, from the exponentials.
pub(super) struct Gradients<'a> {
    pub(super) slopes: &'a mut [f32],
    pub(super) exps: &'a [f32],
    pub(super) factor: f32,
    /// `factor sum_k u_k / (1 + r)`.
    pub(super) of_exp: f32,
}

impl WithSimd for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { slopes, exps, factor, of_exp } = self;
        for (slope, &exp) in slopes.iter_mut().zip(exps) {
            *slope = *slope * factor - exp * of_exp;
        }
    }
}

/// A multiple of each exponential.
pub(super) struct Multiples<'a> {
    pub(super) exps: &'a [f32],
    pub(super) factor: f32,
    pub(super) to: &'a mut [f32],
}

impl WithSimd for Multiples<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { exps, factor, to } = self;
        for (to, &exp) in to.iter_mut().zip(exps) {
            *to = exp * factor;
        }
    }
}
