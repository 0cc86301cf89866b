//! The exponential, in operations that LLVM turns into vector instructions.

/// 1.5 * 2^23: adding it leaves the nearest integer in the lowest bits.
pub(super) const ROUND: f32 = 12_582_912.0;

/// ln 2 in two parts; `n` times the first is exact.
pub(super) const LN_2_HIGH: f32 = 355.0 / 512.0;
pub(super) const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Minimax fit of `(e^f - 1 - f) / f^2`, the highest power first: relative error of `e^f` 5e-9 before
/// rounding.
pub(super) const EXP_TAIL: [f32; 5] =
    [0.001_381_446_7, 0.008_368_781, 0.041_668_393, 0.166_665_2, 0.499_999_94];

/// From the lowest bits to a float's exponent.
pub(super) const SHIFT_TO_EXPONENT: u32 = 23;

/// Where the exponential counts as 0.
pub(super) const HIDDEN_BELOW: f32 = -87.0;

/// `e^x` for `x <= 87` or NaN, to 1 ulp: exactly 1 at 0, exactly 0 below -87, NaN for NaN.
///
/// `x = n ln 2 + f` with `|f| <= ln 2 / 2` (Cody and Waite), `e^x = 2^n e^f`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let f = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let [first, others @ ..] = EXP_TAIL;
    let mut tail = first;
    for coefficient in others {
        tail = tail * f + coefficient;
    }
    let exp_f = (tail * (f * f) + f) + 1.0;
    // n moves from the lowest bits to the exponent; whatever stands above n falls off.
    let exponent = shifted.to_bits() << SHIFT_TO_EXPONENT;
    let two_to_n = f32::from_bits(exponent.wrapping_add(1.0f32.to_bits()));
    if x < HIDDEN_BELOW { 0.0 } else { exp_f * two_to_n }
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
