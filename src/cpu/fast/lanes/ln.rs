//! Logarithms and powers.

use pulp::Simd;

use super::Lanes;
use crate::cpu::fast::exp::{LN_2_HIGH, LN_2_LOW};

/// Where the range of `1 + f` starts: the bits of `sqrt(1/2)`.
const START: u32 = 0x3f35_04f3;
const TO_START: u32 = 0x3f80_0000 - START;

/// 2^23 and the exponent's bias: to turn an exponent's bits into a number without converting.
const BIASED: f32 = 8_388_608.0 + 127.0;

/// Minimax fit of `(atanh(s) / s - 1) / s^2` over `s^2` up to 1/9, the highest power first: relative
/// error of atanh 1e-9.
const ATANH_TAIL: [f32; 5] =
    [0.116_121_65, 0.108_532_876, 0.142_961_79, 0.199_998_53, 0.333_333_34];

/// A power of any size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu::fast) struct Power {
    /// The leading bits: times `n` times [`LN_2_HIGH`] nothing is rounded.
    high: f32,
    low: f32,
}

impl Power {
    pub(in crate::cpu::fast) fn new(power: f32) -> Self {
        let high = f32::from_bits(power.to_bits() & 0xfffe_0000);
        Self { high, low: power - high }
    }
}

/// A logarithm: `n` [`LN_2_HIGH`] and what there is beside.
#[derive(Clone, Copy)]
struct Parts<S: Simd> {
    n: Lanes<S>,
    rest: Lanes<S>,
}

impl<S: Simd> Lanes<S> {
    /// `log x` to 1 ulp for finite `x >= 0`, subnormal ones among them: `-inf` of 0; NaN below.
    #[inline(always)]
    pub(in crate::cpu::fast) fn ln(self) -> Self {
        self.ln_with(self.all(0.0))
    }

    /// `log(x + correction)` for a correction within the rounding of `x`, given as a part of `x`.
    #[inline(always)]
    pub(in crate::cpu::fast) fn ln_with(self, correction: Self) -> Self {
        let Parts { n, rest } = self.ln_parts(correction);
        let ln = n.mul_add(self.all(LN_2_HIGH), rest);
        let zero = self.all(0.0);
        let ln = self.is(0.0).select(self.all(f32::NEG_INFINITY), ln);
        self.is_below(zero).select(self.all(f32::NAN), ln)
    }

    /// `x = 2^n (1 + f)` with `1 + f` around 1, after FreeBSD's `logf` (K. C. Ng).
    #[inline(always)]
    fn ln_parts(self, correction: Self) -> Parts<S> {
        let simd = self.simd;
        let is_subnormal = self.is_below(self.all(f32::MIN_POSITIVE));
        let normal = is_subnormal.select(self * 8_388_608.0, self);
        let bias = is_subnormal.select(self.all(BIASED + 23.0), self.all(BIASED));
        let bits = simd.add_u32s(normal.bits(), simd.splat_u32s(TO_START));
        let exponent = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(23));
        let n = simd.or_u32s(exponent, simd.splat_u32s(8_388_608f32.to_bits()));
        let n = self.with_bits(n) - bias;
        let fraction = simd.and_u32s(bits, simd.splat_u32s(0x007f_ffff));
        let f = self.with_bits(simd.add_u32s(fraction, simd.splat_u32s(START))) - 1.0;
        let s = f / (f + 2.0);
        let z = s * s;
        // Minimax fit of log((1 + s) / (1 - s)) / s - 2 over z.
        let tail = z * z.polynomial([0.242_790_79, 0.284_987_87, 0.400_009_72, 0.666_666_6]);
        let half_square = f * f * 0.5;
        let small = s.mul_add(half_square + tail, n.mul_add(self.all(LN_2_LOW), correction));
        Parts { n, rest: f - (half_square - small) }
    }

    /// `log(1 + x)` for `x` in -1 to 0 to 2 ulp; `-inf` of -1, NaN below.
    #[inline(always)]
    pub(in crate::cpu::fast) fn ln_1p_of_negative(self) -> Self {
        let whole = self + 1.0;
        let rounded_off = self - (whole - 1.0); // 0 where the sum is below 1/2
        // Times 2 - whole in place of over whole, which differs by the square of a small number.
        whole.ln_with(rounded_off * (self.all(1.0) - self))
    }

    /// `log(1 + x)` for `x` in 0 to 1, and `1 / (1 + x)`, to 2 ulp each.
    #[inline(always)]
    pub(in crate::cpu::fast) fn ln_1p_and_inverse(self) -> (Self, Self) {
        let s = self / (self + 2.0);
        let z = s * s;
        let twice = s + s;
        let ln_1p = (z * z.polynomial(ATANH_TAIL)).mul_add(twice, twice);
        (ln_1p, self.all(1.0) / (self + 1.0))
    }

    /// `log(x / y)` of numbers above 0: its error is relative to it even where they are close.
    /// Infinity where the ratio overflows.
    #[inline(always)]
    pub(in crate::cpu::fast) fn ln_of_ratio(self, y: Self) -> Self {
        let ratio = self / y;
        let difference = (self - y) / y;
        let whole = difference + 1.0;
        let is_close = difference.size().is_below(self.all(0.5));
        let rounded_off = difference - (whole - 1.0);
        let correction = is_close.select(rounded_off / whole, self.all(0.0));
        let ln = is_close.select(whole, ratio).ln_with(correction);
        ratio.is(f32::INFINITY).select(ratio, ln)
    }

    /// `x^power` of finite `x >= 0` for a power above 0; NaN of `x` below 0.
    #[inline(always)]
    pub(in crate::cpu::fast) fn power(self, power: Power) -> Self {
        let Parts { n, rest } = self.ln_parts(self.all(0.0));
        let n = n * LN_2_HIGH;
        let low = n.mul_add(self.all(power.low), rest * (power.high + power.low));
        let result = (n * power.high).exp_with(low);
        let zero = self.all(0.0);
        let result = self.is(0.0).select(zero, result);
        self.is_below(zero).select(self.all(f32::NAN), result)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Formula, each, worst};
    use super::*;

    macro_rules! formula {
        ($name:ident, $x:ident => $formula:expr) => {
            struct $name;

            impl Formula for $name {
                fn of<S: Simd>(&self, $x: Lanes<S>) -> Lanes<S> {
                    $formula
                }
            }
        };
    }

    formula!(Ln, x => x.ln());
    formula!(Ln1pOfNegative, x => x.negative().ln_1p_of_negative());
    formula!(Ln1p, x => x.ln_1p_and_inverse().0);
    formula!(Inverse, x => x.ln_1p_and_inverse().1);
    formula!(RatioTo, x => x.ln_of_ratio(x.all(0.7)));

    struct To(Power);

    impl Formula for To {
        fn of<S: Simd>(&self, x: Lanes<S>) -> Lanes<S> {
            x.power(self.0)
        }
    }

    /// All sizes of numbers, and many in 0 to 1 and around 1.
    fn positive() -> Vec<f32> {
        let all = (1..0x7f80_0000u32).step_by(7919).map(f32::from_bits);
        all.chain((1..100_000).map(|step| step as f32 * 3e-5)).collect()
    }

    fn fractions() -> Vec<f32> {
        positive().into_iter().filter(|&x| x < 1.0).collect()
    }

    #[test]
    fn ln_is_within_one_ulp() {
        for found in each(&Ln, &[1.0, 0.0, -0.0, -1.0, 1e-45]) {
            assert_eq!(found[..3], [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
            assert!(found[3].is_nan() && found[4] == -103.278_93);
        }
        let worst = worst(&Ln, &positive(), f64::ln);
        assert!(worst <= 1.0, "{worst} ulp");
    }

    #[test]
    fn ln_1p_is_within_some_ulp() {
        for found in each(&Ln1pOfNegative, &[0.0, 1.0, 1.5]) {
            assert_eq!(found[..2], [0.0, f32::NEG_INFINITY]);
            assert!(found[2].is_nan());
        }
        let off = worst(&Ln1pOfNegative, &fractions(), |x| (-x).ln_1p());
        assert!(off <= 2.0, "{off} ulp");
        let off = worst(&Ln1p, &fractions(), f64::ln_1p);
        assert!(off <= 2.0, "{off} ulp");
        let off = worst(&Inverse, &fractions(), |x| 1.0 / (1.0 + x));
        assert!(off <= 1.5, "{off} ulp");
    }

    #[test]
    fn ln_of_ratio_is_within_some_ulp() {
        let values: Vec<f32> = positive().into_iter().filter(|&x| x > 1e-30 && x < 2e38).collect();
        let off = worst(&RatioTo, &values, |x| (x / f64::from(0.7f32)).ln());
        assert!(off <= 3.0, "{off} ulp");
    }

    #[test]
    fn powers_are_within_some_ulp() {
        for power in [0.01, 0.3, 1.5, 2.5, 7.3, 31.0] {
            let to = To(Power::new(power));
            for found in each(&to, &[0.0, 1.0, -1.0]) {
                assert!(found[0] == 0.0 && found[1] == 1.0 && found[2].is_nan());
            }
            let worst = worst(&to, &fractions(), |x| x.powf(f64::from(power)));
            assert!(worst <= 1.0 + f64::from(power), "{power}: {worst} ulp");
        }
    }
}
