//! `log(1 + x)`, in operations that LLVM turns into vector instructions.

/// `log(1 + x)` for finite `x >= 0`, to 1 ulp; anything for other `x`.
///
/// `1 + x = 2^k (1 + f)` with `1 + f` around 1, after FreeBSD's `log1pf` (K. C. Ng).
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_138_1;
    const LN_2_LOW: f32 = 9.058_001e-6;
    /// Between them and 1: the exponent's bits of `1 + f`, which starts at `sqrt(1/2)`.
    const START: u32 = 0x3f35_04f3;
    const TO_START: u32 = 0x3f80_0000 - START;
    /// 2^23 and the exponent's bias: to turn an exponent's bits into a number without converting.
    const BIASED: f32 = 8_388_608.0 + 127.0;

    let whole = 1.0 + x;
    let rounded_off = if x > 1.0 { 1.0 - (whole - x) } else { x - (whole - 1.0) };
    let bits = whole.to_bits().wrapping_add(TO_START);
    let k = f32::from_bits((bits >> 23) | 8_388_608f32.to_bits()) - BIASED;
    let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(START)) - 1.0;
    let correction = rounded_off / whole;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    // Minimax fit of log((1 + s) / (1 - s)) / s - 2 over z.
    let even = w * (0.400_009_72 + w * 0.242_790_79);
    let odd = z * (0.666_666_6 + w * 0.284_987_87);
    let half_square = 0.5 * f * f;
    s * (half_square + (even + odd)) + (k * LN_2_LOW + correction) - half_square + f + k * LN_2_HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_within_one_ulp() {
        assert_eq!(ln_1p(0.0), 0.0);
        let mut worst = 0f64;
        let small = (0..2_000_000).map(|step| step as f32 * 5e-6);
        let all = (1..0x4f00_0000u32).step_by(997).map(f32::from_bits);
        for x in small.chain(all) {
            let exact = f64::from(x).ln_1p();
            let ulp = f64::from((exact as f32).next_up() - exact as f32);
            worst = worst.max((f64::from(ln_1p(x)) - exact).abs() / ulp);
        }
        assert!(worst <= 1.0, "{worst} ulp");
    }
}
