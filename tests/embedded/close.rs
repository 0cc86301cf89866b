//! How far a kernel may be off.

use crate::problem::Problem;

/// Relative error of losses and log-sum-exps; error of a gradient over its upstream factor.
const TOLERANCE: f64 = 2e-6;

/// Fails unless each value is within 2e-6 of what it should be, relative to `scale`.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f64], scale: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        // Not `>`: a NaN must fail.
        let close = difference <= TOLERANCE * scale(index).abs();
        assert!(close, "{what}[{index}] is {found:e}, expected {expected:e}");
    }
}

/// Losses: relative to themselves.
#[track_caller]
pub fn assert_losses(found: &[f32], expected: &[f64]) {
    assert_close("loss", found, expected, |row| expected[row]);
}

/// Log-sum-exps: `m + log1p(r)` may cancel, so relative to the larger of the sum and its terms,
/// which the logits bound by 4.
#[track_caller]
pub fn assert_log_sum_exps(found: &[f32], expected: &[f64], problem: &Problem) {
    let view = problem.view();
    assert_close("log-sum-exp", found, expected, |row| {
        let largest = view.row(row).iter().copied().fold(f32::NEG_INFINITY, f32::max);
        expected[row].abs().max(f64::from(largest).abs())
    });
}

/// Gradients: relative to each row's factor.
#[track_caller]
pub fn assert_gradient(found: &[f32], expected: &[f64], factors: &[f64]) {
    let classes = expected.len() / factors.len();
    assert_close("gradient", found, expected, |index| factors[index / classes]);
}
