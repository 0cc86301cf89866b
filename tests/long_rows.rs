//! Rows of 2^24 classes, on the GPU, where the results are known in closed form.

#[path = "common/device.rs"]
mod device;

use device::new_gpu;
use wgpu_loss::half::bf16;
use wgpu_loss::{
    CrossEntropy, Engine, LogSumExp, Logits, Reduction, RowOutputs, Targets, Upstream, cpu,
};

const CLASSES: usize = 1 << 24;

#[track_caller]
fn assert_close(found: f32, expected: f64) {
    let error = (f64::from(found) - expected).abs() / expected.abs();
    assert!(error <= 2e-6, "{found:e}, expected {expected:e}: {error:e}");
}

#[test]
fn two_to_the_24_equal_logits() {
    let values = vec![0.75f32; CLASSES];
    let logits = Logits::new(&values, 1, CLASSES).expect("a row");
    let options = CrossEntropy {
        reduction: Reduction::None,
        label_smoothing: 0.25,
        rows: RowOutputs { entropy: true, argmax: true, log_sum_exp: true, ..Default::default() },
        ..CrossEntropy::default()
    };
    let target = [CLASSES as i32 - 1];
    let out = new_gpu()
        .cross_entropy_with_gradient(
            logits,
            Targets::classes(&target),
            Upstream::Scalar(0.5),
            &options,
        )
        .expect("a loss");
    let uniform = (CLASSES as f64).ln();
    assert_close(out.loss_rows.expect("asked for")[0], uniform);
    assert_close(out.entropy.expect("asked for")[0], uniform);
    assert_close(out.log_sum_exp.expect("asked for")[0], uniform + 0.75);
    assert_eq!(out.argmax, Some(vec![0]));
    let gradient = out.gradient.expect("asked for").into_f32();
    // g (p - (1 - eps) [c = y] - eps / C), with p = 1 / C.
    let other = 0.5 * 0.75 / CLASSES as f64;
    assert!(gradient[..CLASSES - 1].iter().all(|&x| (f64::from(x) - other).abs() <= 2e-6 * 0.5));
    assert!((f64::from(gradient[CLASSES - 1]) - (other - 0.375)).abs() <= 2e-6 * 0.5);
}

#[test]
fn two_to_the_24_half_precision_logits_with_one_ahead() {
    let mut values = vec![bf16::from_f32(-2.0); CLASSES];
    values[12_345_677] = bf16::from_f32(14.0);
    let logits = Logits::new(&values, 1, CLASSES).expect("a row");
    let out = new_gpu().log_sum_exp(logits, &LogSumExp::default()).expect("a log-sum-exp");
    let rest = (CLASSES - 1) as f64 * (-16f64).exp();
    assert_close(out.log_sum_exp[0], 14.0 + rest.ln_1p());
}

/// Of labels smoothed over so many classes, the sums of all classes' terms have as many terms.
#[test]
fn smoothing_over_many_classes() {
    let gpu = new_gpu();
    let mut worst = Vec::new();
    for (rows, classes) in [(1, 128_000), (5, 128_256), (9, 128_000), (1, 1_000_003)] {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        // The sum of four is nearly bell-shaped.
        let values: Vec<f32> = (0..rows * classes)
            .map(|_| 3.5 * (random() + random() + random() + random() - 2.0))
            .collect();
        let weights: Vec<f32> = (0..classes).map(|_| 0.5 + random()).collect();
        let labels: Vec<i32> = (0..rows).map(|row| (row * 7919 % classes) as i32).collect();
        let probabilities = vec![1.0 / classes as f32; rows * classes];
        let probabilities = Logits::new(&probabilities, rows, classes).expect("a matrix");
        let logits = Logits::new(&values, rows, classes).expect("a matrix");
        for (name, targets) in [
            ("classes", Targets::classes(&labels)),
            ("weighted", Targets::classes(&labels).with_class_weights(&weights)),
            ("probabilities", Targets::probabilities(probabilities)),
        ] {
            for label_smoothing in [0.1, 1.0] {
                let options = CrossEntropy {
                    reduction: Reduction::None,
                    label_smoothing,
                    rows: RowOutputs { loss: true, ..Default::default() },
                    ..CrossEntropy::default()
                };
                let found = gpu.cross_entropy(logits, targets, &options).expect("a loss");
                let found = found.loss_rows.expect("asked for");
                let exact = cpu::Oracle.cross_entropy_f64(logits, targets, None, &options);
                let exact = exact.expect("a loss").loss_rows.expect("asked for");
                let error = found.into_iter().zip(exact).map(|(x, y)| {
                    let unit = f64::from((y as f32).next_up() - y as f32);
                    ((f64::from(x) - y) / unit).abs()
                });
                let error = error.fold(0.0, f64::max);
                worst.push((error, format!("{rows} x {classes} {name} {label_smoothing}")));
            }
        }
    }
    for (units, what) in worst {
        assert!(units <= 2.0, "{what}: {units} units in the last place");
    }
}
