//! The hyperbolic tangent and its derivative, in operations that LLVM turns into vector
//! instructions.

use super::exp::exp;

/// `tanh(z)` to 2 ulp, and `1 - tanh(z)^2`, which does not cancel where tanh is close to 1.
#[inline(always)]
pub(super) fn tanh_and_slope(z: f32) -> (f32, f32) {
    /// Below it the other formula cancels.
    const SMALL: f32 = 0.625;

    let size = z.abs();
    let exp = exp(-2.0 * size);
    let inverse = 1.0 / (1.0 + exp);
    let large = 1.0 - 2.0 * exp * inverse;
    // Minimax fit of (tanh(z) / z - 1) / z^2 over z^2: relative error of tanh 5e-9.
    let square = z * z;
    let tail = -0.005_717_027;
    let tail = tail * square + 0.020_650_571;
    let tail = tail * square - 0.053_743_493;
    let tail = tail * square + 0.133_314_91;
    let tail = tail * square - 0.333_332_84;
    let small = size + size * square * tail;
    let tanh = if size < SMALL { small } else { large };
    (tanh.copysign(z), 4.0 * exp * inverse * inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_within_two_ulp() {
        for (z, expected) in [(0.0, 0.0), (f32::INFINITY, 1.0), (f32::MAX, 1.0), (1e-30, 1e-30)] {
            assert_eq!(tanh_and_slope(z).0, expected);
            assert_eq!(tanh_and_slope(-z).0, -expected);
        }
        assert_eq!(tanh_and_slope(f32::NEG_INFINITY).1, 0.0);
        assert_eq!(tanh_and_slope(0.0).1, 1.0);
        assert!(tanh_and_slope(f32::NAN).0.is_nan() && tanh_and_slope(f32::NAN).1.is_nan());
        let (mut worst, mut worst_slope) = (0f64, 0f64);
        for step in 1..1_000_000 {
            let z = step as f32 * 1.2e-5;
            let (tanh, slope) = tanh_and_slope(z);
            let exact = f64::from(z).tanh();
            let ulp = f64::from((exact as f32).next_up() - exact as f32);
            worst = worst.max((f64::from(tanh) - exact).abs() / ulp);
            let exact = f64::from(z).cosh().powi(-2);
            worst_slope = worst_slope.max((f64::from(slope) / exact - 1.0).abs());
        }
        assert!(worst <= 2.0, "{worst} ulp");
        assert!(worst_slope <= 6e-7, "{worst_slope}");
    }
}
