//! A vector of numbers that formulas can be written with.

mod exp;
mod ln;

pub(super) use ln::Power;

use std::ops::{Add, Div, Mul, Sub};

use pulp::Simd;

use super::simd::mul_add;

/// As many `f32` as the processor's vectors have.
#[derive(Clone, Copy)]
pub(super) struct Lanes<S: Simd> {
    simd: S,
    pub(super) values: S::f32s,
}

/// For each lane, whether.
#[derive(Clone, Copy)]
pub(super) struct Mask<S: Simd> {
    simd: S,
    lanes: S::m32s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, values: S::f32s) -> Self {
        Self { simd, values }
    }

    #[inline(always)]
    pub(super) fn splat(simd: S, value: f32) -> Self {
        Self { simd, values: simd.splat_f32s(value) }
    }

    /// The same number in each lane.
    #[inline(always)]
    pub(super) fn all(self, value: f32) -> Self {
        Self::splat(self.simd, value)
    }

    #[inline(always)]
    fn with(self, values: S::f32s) -> Self {
        Self { simd: self.simd, values }
    }

    /// `self factor + term`, rounded once where that is an instruction.
    #[inline(always)]
    pub(super) fn mul_add(self, factor: Self, term: Self) -> Self {
        self.with(mul_add(self.simd, self.values, factor.values, term.values))
    }

    /// A polynomial, the highest power first.
    #[inline(always)]
    pub(super) fn polynomial<const N: usize>(self, coefficients: [f32; N]) -> Self {
        let mut sum = self.all(coefficients[0]);
        let mut next = 1;
        while next < N {
            sum = sum.mul_add(self, self.all(coefficients[next]));
            next += 1;
        }
        sum
    }

    #[inline(always)]
    pub(super) fn negative(self) -> Self {
        self.all(-0.0) - self
    }

    #[inline(always)]
    pub(super) fn size(self) -> Self {
        self.with_bits(self.simd.and_u32s(self.bits(), self.simd.splat_u32s(0x7fff_ffff)))
    }

    /// The larger one of finite numbers.
    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        self.with(self.simd.max_f32s(self.values, other.values))
    }

    /// The smaller one of finite numbers.
    #[inline(always)]
    pub(super) fn min(self, other: Self) -> Self {
        self.with(self.simd.min_f32s(self.values, other.values))
    }

    /// `least` where this is less; NaN stays.
    #[inline(always)]
    pub(super) fn at_least(self, least: f32) -> Self {
        self.is_below(self.all(least)).select(self.all(least), self)
    }

    #[inline(always)]
    pub(super) fn is_below(self, other: Self) -> Mask<S> {
        let lanes = self.simd.less_than_f32s(self.values, other.values);
        Mask { simd: self.simd, lanes }
    }

    #[inline(always)]
    pub(super) fn is(self, value: f32) -> Mask<S> {
        let lanes = self.simd.equal_f32s(self.values, self.simd.splat_f32s(value));
        Mask { simd: self.simd, lanes }
    }

    /// -1, 0 or 1 of finite numbers.
    #[inline(always)]
    pub(super) fn sign(self) -> Self {
        let zero = self.all(0.0);
        let below = self.is_below(zero).select(self.all(-1.0), zero);
        zero.is_below(self).select(self.all(1.0), below)
    }

    #[inline(always)]
    fn bits(self) -> S::u32s {
        self.simd.transmute_u32s_f32s(self.values)
    }

    #[inline(always)]
    fn with_bits(self, bits: S::u32s) -> Self {
        self.with(self.simd.transmute_f32s_u32s(bits))
    }
}

impl<S: Simd> Mask<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, lanes: S::m32s) -> Self {
        Self { simd, lanes }
    }

    #[inline(always)]
    pub(super) fn and(self, other: Self) -> Self {
        Self { lanes: self.simd.and_m32s(self.lanes, other.lanes), ..self }
    }

    #[inline(always)]
    pub(super) fn select(self, if_true: Lanes<S>, if_false: Lanes<S>) -> Lanes<S> {
        if_true.with(self.simd.select_f32s(self.lanes, if_true.values, if_false.values))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $of_vectors:ident) => {
        impl<S: Simd> $trait for Lanes<S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.with(self.simd.$of_vectors(self.values, other.values))
            }
        }

        impl<S: Simd> $trait<f32> for Lanes<S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: f32) -> Self {
                self.$method(self.all(other))
            }
        }
    };
}

operator!(Add, add, add_f32s);
operator!(Sub, sub, sub_f32s);
operator!(Mul, mul, mul_f32s);
operator!(Div, div, div_f32s);

#[cfg(test)]
mod tests {
    use pulp::{Scalar128b, WithSimd};

    use super::super::simd::{MOST_LANES, dispatch};
    use super::*;

    /// A function of one number.
    pub(super) trait Formula {
        fn of<S: Simd>(&self, x: Lanes<S>) -> Lanes<S>;
    }

    struct Each<'a, F>(&'a F, &'a mut [f32]);

    impl<F: Formula> WithSimd for Each<'_, F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, tail) = S::as_mut_simd_f32s(self.1);
            assert!(tail.is_empty());
            for vector in vectors {
                *vector = self.0.of(Lanes::new(simd, *vector)).values;
            }
        }
    }

    /// On this machine's vectors, and on the portable ones.
    pub(super) fn each(formula: &impl Formula, values: &[f32]) -> [Vec<f32>; 2] {
        let mut padded = values.to_vec();
        padded.resize(values.len().next_multiple_of(MOST_LANES), 1.0);
        let mut portable = padded.clone();
        dispatch(Each(formula, &mut padded));
        Each(formula, &mut portable).with_simd(Scalar128b);
        [padded, portable].map(|mut results| {
            results.truncate(values.len());
            results
        })
    }

    /// By how many units in the last place the worst result is off.
    pub(super) fn worst(formula: &impl Formula, values: &[f32], exact: impl Fn(f64) -> f64) -> f64 {
        let mut worst = 0f64;
        for results in each(formula, values) {
            for (&x, found) in values.iter().zip(results) {
                let exact = exact(f64::from(x));
                let size = exact.abs() as f32;
                let ulp = f64::from(size.next_up()) - f64::from(size);
                let error = (f64::from(found) - exact).abs() / ulp;
                worst = worst.max(if error.is_nan() { f64::INFINITY } else { error });
            }
        }
        worst
    }

    struct Sign;

    impl Formula for Sign {
        fn of<S: Simd>(&self, x: Lanes<S>) -> Lanes<S> {
            x.sign() * (x.size() - x.negative() - x)
        }
    }

    #[test]
    fn signs_and_sizes() {
        for found in each(&Sign, &[-3.0, 0.0, -0.0, 5.0]) {
            assert_eq!(found, [-3.0, 0.0, 0.0, 5.0]);
        }
    }
}
