//! The exponential, in operations that LLVM turns into vector instructions.

/// `e^x` for `x <= 87` or NaN, to 1 ulp: exactly 1 at 0, exactly 0 below -87, NaN for NaN.
///
/// `x = n ln 2 + f` with `|f| <= ln 2 / 2` (Cody and Waite), `e^x = 2^n e^f`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it leaves the nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts; `n` times the first is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let f = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // Minimax fit of e^f - 1 - f over f^2: relative error of e^f 5e-9 before rounding.
    let tail = 0.001_381_446_7;
    let tail = tail * f + 0.008_368_781;
    let tail = tail * f + 0.041_668_393;
    let tail = tail * f + 0.166_665_2;
    let tail = tail * f + 0.499_999_94;
    let exp_f = (tail * (f * f) + f) + 1.0;
    // n moves from the lowest bits to the exponent; whatever stands above n falls off.
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if x < -87.0 { 0.0 } else { exp_f * two_to_n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_one_ulp() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-f32::MAX), 0.0);
        assert_eq!(exp(-87.000_01), 0.0);
        assert!(exp(-87.0) > 0.0);
        assert!(exp(f32::NAN).is_nan());
        let mut worst = 0f64;
        for step in -2_000_000..2_000_000 {
            let x = step as f32 * 4.35e-5;
            let exact = f64::from(x).exp();
            let ulp = f64::from((exact as f32).next_up() - exact as f32);
            worst = worst.max((f64::from(exp(x)) - exact).abs() / ulp);
        }
        assert!(worst <= 1.0, "{worst} ulp");
    }
}
