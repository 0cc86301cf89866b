//! The CPU engines and `verify`, which judges every other engine by them.

mod corners;
mod fast;
mod literals;
#[path = "../common/random_call.rs"]
mod random_call;
mod teeth;

use wgpu_loss::{CrossEntropy, Engine, Logits, Reduction, RowOutputs, cpu};

/// Both engines; what holds for one has to hold for the other.
const ENGINES: [&dyn Engine; 2] = [&cpu::Oracle, &cpu::Fast];

/// Contiguous logits of so many classes.
fn logits(values: &[f32], classes: usize) -> Logits<'_> {
    Logits::new(values, values.len() / classes, classes).expect("whole rows")
}

/// The reduction, and every row output.
fn options(reduction: Reduction) -> CrossEntropy {
    let rows = RowOutputs { loss: true, log_sum_exp: true, argmax: true };
    CrossEntropy { reduction, rows, ..CrossEntropy::default() }
}

#[track_caller]
fn assert_close(found: f32, expected: f64) {
    let allowed = 2e-6 * expected.abs();
    assert!((f64::from(found) - expected).abs() <= allowed, "{found:e}, expected {expected:e}");
}

#[track_caller]
fn assert_all_nan(values: &[f32]) {
    assert!(!values.is_empty() && values.iter().all(|x| x.is_nan()), "{values:?}");
}

#[track_caller]
fn assert_all_zero(values: &[f32]) {
    assert!(!values.is_empty() && values.iter().all(|&x| x == 0.0), "{values:?}");
}
