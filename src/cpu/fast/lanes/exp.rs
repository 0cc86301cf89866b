//! The exponential over its whole range, subnormal results among them.

use pulp::Simd;

use super::Lanes;
use crate::cpu::fast::exp::{EXP_TAIL, LN_2_HIGH, LN_2_LOW, ROUND, SHIFT_TO_EXPONENT};
use crate::cpu::fast::simd::exp;

/// Below it is half the least subnormal.
const LEAST: f32 = -104.0;

/// Above it is infinity.
const MOST: f32 = 89.0;

impl<S: Simd> Lanes<S> {
    /// `e^x` of finite `x`, to 1 ulp; infinity where it overflows.
    #[inline(always)]
    pub(in crate::cpu::fast) fn exp(self) -> Self {
        self.exp_with(self.all(0.0))
    }

    /// `e^(x + rest)` for a `rest` that may be too small to change `x`: the exponent in two parts.
    #[inline(always)]
    pub(in crate::cpu::fast) fn exp_with(self, rest: Self) -> Self {
        let (all, round) = (self + rest, self.all(ROUND));
        let n = all.mul_add(self.all(std::f32::consts::LOG2_E), round) - round;
        let f = n.mul_add(self.all(-LN_2_HIGH), self);
        let f = n.mul_add(self.all(-LN_2_LOW), f) + rest;
        let exp_f = f.polynomial(EXP_TAIL).mul_add(f * f, f) + 1.0;
        // In two steps: 2^n itself may be below or above what an exponent holds.
        let half = n.mul_add(self.all(0.5), round);
        let other = n - (half - round) + round;
        let exp = exp_f * half.two_to() * other.two_to();
        let exp = all.is_below(self.all(LEAST)).select(self.all(0.0), exp);
        self.all(MOST).is_below(all).select(self.all(f32::INFINITY), exp)
    }

    /// The same for `x` of at most 87, in fewer steps: 0 below -87.
    #[inline(always)]
    pub(in crate::cpu::fast) fn exp_of_normal(self) -> Self {
        self.with(exp(self.simd, self.values))
    }

    /// `2^n` of an integer that stands in the lowest bits.
    #[inline(always)]
    fn two_to(self) -> Self {
        let simd = self.simd;
        let shift = simd.splat_u32s(SHIFT_TO_EXPONENT);
        let exponent = simd.wrapping_dyn_shl_u32s(self.bits(), shift);
        self.with_bits(simd.add_u32s(exponent, simd.splat_u32s(1.0f32.to_bits())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Formula, each, worst};
    use super::*;

    struct Exp;

    impl Formula for Exp {
        fn of<S: Simd>(&self, x: Lanes<S>) -> Lanes<S> {
            x.exp()
        }
    }

    #[test]
    fn is_within_one_ulp() {
        for found in each(&Exp, &[0.0, -0.0, -1e30, -104.0, 88.8, 1e30, f32::MIN_POSITIVE]) {
            assert_eq!(found, [1.0, 1.0, 0.0, 0.0, f32::INFINITY, f32::INFINITY, 1.0]);
        }
        let values: Vec<f32> = (-103_500..88_700).map(|step| step as f32 * 1e-3).collect();
        let worst = worst(&Exp, &values, f64::exp);
        assert!(worst <= 1.0, "{worst} ulp");
    }
}
