//! Vectors of whatever width the processor has, chosen at run time.

use std::any::TypeId;

use pulp::{Arch, Scalar128b, Simd, WithSimd};

use super::exp::{EXP_TAIL, HIDDEN_BELOW, LN_2_HIGH, LN_2_LOW, ROUND, SHIFT_TO_EXPONENT};

/// Vectors that a row is added up in side by side, so that additions do not wait for each other.
pub(super) const UNROLL: usize = 4;

/// More lanes than any vector has.
pub(super) const MOST_LANES: usize = 16;

/// Runs an operation with the widest vectors there are. What it computes may differ in last bits
/// between machines (by the order of sums, and by fused multiplication and addition), never between
/// calls.
#[inline(always)]
pub(super) fn dispatch<Op: WithSimd>(operation: Op) -> Op::Output {
    match Arch::new() {
        // pulp's own fallback has a lane: four become vector instructions almost everywhere.
        Arch::Scalar => operation.with_simd(Scalar128b),
        arch => arch.dispatch(operation),
    }
}

/// `a b + c`, rounded once where that is an instruction.
#[inline(always)]
pub(super) fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if TypeId::of::<S>() == TypeId::of::<Scalar128b>() {
        simd.add_f32s(simd.mul_f32s(a, b), c) // else a library call for each lane
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// [`exp`](super::exp::exp) of each lane.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let round = simd.splat_f32s(ROUND);
    let shifted = mul_add(simd, x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let f = mul_add(simd, n, simd.splat_f32s(-LN_2_HIGH), x);
    let f = mul_add(simd, n, simd.splat_f32s(-LN_2_LOW), f);
    let [a, b, c, d, e] = EXP_TAIL;
    let exp_f = mul_add(simd, simd.splat_f32s(a), f, simd.splat_f32s(b));
    let exp_f = mul_add(simd, exp_f, f, simd.splat_f32s(c));
    let exp_f = mul_add(simd, exp_f, f, simd.splat_f32s(d));
    let exp_f = mul_add(simd, exp_f, f, simd.splat_f32s(e));
    let exp_f = mul_add(simd, exp_f, simd.mul_f32s(f, f), f);
    let exp_f = simd.add_f32s(exp_f, simd.splat_f32s(1.0));
    let exponent = simd.wrapping_dyn_shl_u32s(
        simd.transmute_u32s_f32s(shifted),
        simd.splat_u32s(SHIFT_TO_EXPONENT),
    );
    let two_to_n = simd.add_u32s(exponent, simd.splat_u32s(1.0f32.to_bits()));
    let exp = simd.mul_f32s(exp_f, simd.transmute_f32s_u32s(two_to_n));
    let hidden = simd.less_than_f32s(x, simd.splat_f32s(HIDDEN_BELOW));
    simd.select_f32s(hidden, simd.splat_f32s(0.0), exp)
}

/// Vectors of sums, added up in an order that the width of vectors fixes: in the end halves onto halves.
#[inline(always)]
pub(super) fn add_up<S: Simd>(simd: S, sums: [S::f32s; UNROLL]) -> f32 {
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exps<'a>(&'a mut [f32]);

    impl WithSimd for Exps<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, tail) = S::as_mut_simd_f32s(self.0);
            assert!(tail.is_empty());
            vectors.iter_mut().for_each(|x| *x = exp(simd, *x));
        }
    }

    /// On this machine's vectors, and on the portable ones.
    fn exps(values: &[f32]) -> [Vec<f32>; 2] {
        let mut padded = values.to_vec();
        padded.resize(values.len().next_multiple_of(MOST_LANES), 0.0);
        let mut portable = padded.clone();
        dispatch(Exps(&mut padded));
        Exps(&mut portable).with_simd(Scalar128b);
        [padded, portable].map(|mut exps| {
            exps.truncate(values.len());
            exps
        })
    }

    #[test]
    fn exp_is_within_one_ulp() {
        let special =
            [0.0, -0.0, f32::NEG_INFINITY, -f32::MAX, -87.000_01, -87.0, f32::NAN, -1e-30];
        for exps in exps(&special) {
            assert_eq!(exps[..5], [1.0, 1.0, 0.0, 0.0, 0.0]);
            assert!(exps[5] > 0.0 && exps[6].is_nan() && exps[7] == 1.0);
        }
        let values: Vec<f32> = (-2_000_000..2_000_000).map(|step| step as f32 * 4.35e-5).collect();
        for exps in exps(&values) {
            let mut worst = 0f64;
            for (&x, exp) in values.iter().zip(exps) {
                let exact = f64::from(x).exp();
                let ulp = f64::from((exact as f32).next_up() - exact as f32);
                worst = worst.max((f64::from(exp) - exact).abs() / ulp);
            }
            assert!(worst <= 1.0, "{worst} ulp");
        }
    }
}
