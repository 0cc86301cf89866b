//! The loops over the terms of a row's loss.

use pulp::{Simd, WithSimd};

use crate::cpu::fast::lanes::{Lanes, Mask};
use crate::cpu::fast::simd::dispatch;
use crate::cpu::fast::tail::Tail;

/// Vectors whose terms are added up in single precision.
const BLOCK: usize = 16;

/// What is added up over a row.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) value: f64,
    /// 0 where it is not wanted.
    pub(super) slope: f64,
    /// Whether a term is infinite or undefined.
    pub(super) is_unbounded: bool,
}

/// A class's part of the loss.
#[derive(Clone, Copy)]
pub(super) struct Term<S: Simd> {
    pub(super) value: Lanes<S>,
    /// The derivative in the class's log-probability.
    pub(super) slope: Lanes<S>,
    /// Whether the value is infinite or undefined, where that may be.
    pub(super) is_unbounded: Option<Mask<S>>,
}

impl<S: Simd> Term<S> {
    /// In the other lanes there is no class.
    #[inline(always)]
    fn only(mut self, lanes: Mask<S>) -> Self {
        let zero = self.value.all(0.0);
        self.value = lanes.select(self.value, zero);
        self.slope = lanes.select(self.slope, zero);
        if let Some(is_so) = &mut self.is_unbounded {
            *is_so = is_so.and(lanes);
        }
        self
    }
}

/// The terms of a row's classes, from `N` numbers of each.
pub(super) trait Terms<const N: usize>: Copy {
    /// Whether the derivatives' sum is wanted even where they are not.
    const ADDS_SLOPES: bool = false;

    fn at<S: Simd>(&self, of_class: [Lanes<S>; N]) -> Term<S>;
}

/// Adds up the terms of all classes; the derivatives, times a factor, go to `slopes`, which are as
/// many as there are of each operand.
pub(super) fn add_up<T: Terms<N>, const N: usize>(
    terms: T,
    operands: [&[f32]; N],
    factor: f32,
    slopes: Option<&mut [f32]>,
) -> Sums {
    match slopes {
        Some(slopes) => dispatch(AddUp::<T, N, true> { terms, operands, factor, slopes }),
        None => dispatch(AddUp::<T, N, false> { terms, operands, factor, slopes: &mut [] }),
    }
}

/// There are slopes only where it `DERIVES`.
struct AddUp<'a, T, const N: usize, const DERIVES: bool> {
    terms: T,
    operands: [&'a [f32]; N],
    factor: f32,
    slopes: &'a mut [f32],
}

/// Terms added up.
#[derive(Clone, Copy)]
struct Partial<S: Simd> {
    value: Lanes<S>,
    slope: Lanes<S>,
    /// Above 0 where a term is unbounded.
    unbounded: Lanes<S>,
}

impl<S: Simd> Partial<S> {
    #[inline(always)]
    fn nothing(simd: S) -> Self {
        let zero = Lanes::splat(simd, 0.0);
        Self { value: zero, slope: zero, unbounded: zero }
    }

    #[inline(always)]
    fn add(self, term: Term<S>, adds_slopes: bool) -> Self {
        Self {
            value: self.value + term.value,
            slope: if adds_slopes { self.slope + term.slope } else { self.slope },
            unbounded: match term.is_unbounded {
                Some(is_so) => is_so.select(self.unbounded.all(1.0), self.unbounded),
                None => self.unbounded,
            },
        }
    }

    #[inline(always)]
    fn add_to(self, simd: S, sums: &mut Sums) {
        sums.value += f64::from(simd.reduce_sum_f32s(self.value.values));
        sums.slope += f64::from(simd.reduce_sum_f32s(self.slope.values));
        sums.is_unbounded |= simd.reduce_max_f32s(self.unbounded.values) > 0.0;
    }
}

impl<T: Terms<N>, const N: usize, const DERIVES: bool> WithSimd for AddUp<'_, T, N, DERIVES> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Self { terms, operands, factor, slopes } = self;
        let adds_slopes = DERIVES || T::ADDS_SLOPES;
        let classes = operands[0].len();
        let tail = Tail::of(simd, classes);
        let factor = Lanes::splat(simd, factor);
        let count = classes / S::F32_LANES;
        let (slopes, last_slopes) = S::as_mut_simd_f32s(slopes);
        let slopes = if DERIVES { &mut slopes[..count] } else { slopes };
        let mut vectors: [&[S::f32s]; N] = [&[]; N];
        for (vectors, operand) in vectors.iter_mut().zip(operands) {
            *vectors = &S::as_simd_f32s(operand).0[..count];
        }
        let mut sums = Sums::default();
        let mut start = 0;
        while start < count {
            let end = count.min(start + BLOCK);
            let mut partial = Partial::nothing(simd);
            for index in start..end {
                let mut of_class = [factor; N];
                for (of_class, vectors) in of_class.iter_mut().zip(&vectors) {
                    *of_class = Lanes::new(simd, vectors[index]);
                }
                let term = terms.at(of_class);
                if DERIVES {
                    slopes[index] = (term.slope * factor).values;
                }
                partial = partial.add(term, adds_slopes);
            }
            partial.add_to(simd, &mut sums);
            start = end;
        }
        if !tail.is_empty() {
            let mut of_class = [factor; N];
            for (of_class, operand) in of_class.iter_mut().zip(operands) {
                *of_class = Lanes::new(simd, tail.load(simd, operand));
            }
            let term = terms.at(of_class);
            if DERIVES {
                tail.store(simd, (term.slope * factor).values, last_slopes);
            }
            let term = term.only(tail.mask(simd));
            Partial::nothing(simd).add(term, adds_slopes).add_to(simd, &mut sums);
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
