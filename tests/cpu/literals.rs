//! Numbers known from elsewhere, and the oracle's gradients against differences of its losses.

use crate::{ENGINES, assert_close, logits, options};
use wgpu_loss::{CrossEntropy, LogSumExp, Reduction, Upstream, cpu};

#[test]
fn equal_logits_cost_the_logarithm_of_their_number() {
    for engine in ENGINES {
        for classes in [1, 2, 3, 10, 16, 100, 257, 1000, 50257] {
            for value in [0.0, -3.5, 1e4, 16_777_216.0] {
                let row = vec![value; classes];
                let target = [classes as i32 - 1];
                let out = engine
                    .cross_entropy(logits(&row, classes), &target, &CrossEntropy::default())
                    .unwrap();
                assert_close(out.loss, (classes as f64).ln());
            }
        }
    }
}

#[test]
fn log_sum_exp_of_known_rows() {
    let cases: [(&[f32], f64); 7] = [
        (&[1.0, 2.0, 3.0], 3.407_605_964_444_380_6),
        (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 9.458_629_744_426_71),
        (&[-1.0, 0.0, 2.0], 2.169_846_019_556_285_6),
        (&[1000.0, 1000.0], 1_000.693_147_180_559_9),
        (&[-1000.0, -1000.0], -999.306_852_819_440_1),
        (&[42.5], 42.5),
        (&[0.0, f32::NEG_INFINITY], 0.0),
    ];
    for engine in ENGINES {
        for (row, expected) in cases {
            let out = engine.log_sum_exp(logits(row, row.len()), &LogSumExp::default()).unwrap();
            assert_close(out.log_sum_exp[0], expected);
            assert_eq!(out.gradient, None);
        }
    }
}

#[test]
fn gradient_of_log_sum_exp_is_softmax_times_upstream() {
    let softmax = [0.090_030_573_170_380_43, 0.244_728_471_054_797_6, 0.665_240_955_774_821_7];
    for engine in ENGINES {
        let values = [1.0, 2.0, 3.0, -4.0, -3.0, -2.0];
        let out = engine
            .log_sum_exp_with_gradient(
                logits(&values, 3),
                Upstream::PerRow(&[1.0, -2.5]),
                &LogSumExp::default(),
            )
            .unwrap();
        let gradient = out.gradient.unwrap();
        for class in 0..3 {
            assert_close(gradient[class], softmax[class]);
            assert_close(gradient[3 + class], -2.5 * softmax[class]);
        }
    }
}

/// Three rows by hand.
#[test]
fn a_worked_batch() {
    let values = [1.5, -0.5, 0.25, 0.0, 2.0, -1.0, -3.0, 0.5, 0.5];
    let targets = [0, 2, 1];
    let losses = [0.351_951_863_802_801_9, 3.169_846_019_556_285_6, 0.708_133_021_539_818_5];
    let gradient = [
        -0.296_686_023_978_226_1,
        0.095_183_196_149_174_99,
        0.201_502_827_829_050_93,
        0.114_195_199_384_594_48,
        0.843_794_734_481_339_5,
        -0.957_989_933_865_933_9,
        0.014_874_112_078_410_096,
        -0.507_437_056_039_205_2,
        0.492_562_943_960_794_86,
    ];
    for engine in ENGINES {
        for (reduction, loss, divisor) in [
            (Reduction::Mean, 1.409_976_968_299_635_3, 3.0),
            (Reduction::Sum, 4.229_930_904_898_9, 1.0),
        ] {
            let out = engine
                .cross_entropy_with_gradient(
                    logits(&values, 3),
                    &targets,
                    Upstream::Scalar(0.5),
                    &options(reduction),
                )
                .unwrap();
            assert_close(out.loss, loss);
            assert_eq!((out.counted, out.denominator), (3, 3.0));
            assert_eq!(out.argmax, Some(vec![0, 1, 1]));
            for (found, expected) in out.loss_rows.unwrap().into_iter().zip(losses) {
                assert_close(found, expected);
            }
            for (found, expected) in out.gradient.unwrap().into_iter().zip(gradient) {
                assert_close(found, 0.5 * expected / divisor);
            }
        }
    }
}

#[test]
fn ignored_rows_leave_the_mean() {
    let values = [1.5, -0.5, 0.25, 9.0, 9.0, 9.0, 0.0, 2.0, -1.0];
    for engine in ENGINES {
        for (ignored, options) in [
            (-100, options(Reduction::Mean)),
            (1, CrossEntropy { ignore_index: Some(1), ..options(Reduction::Mean) }),
            (7, CrossEntropy { ignore_index: Some(7), ..options(Reduction::Mean) }),
        ] {
            let out = engine
                .cross_entropy_with_gradient(
                    logits(&values, 3),
                    &[0, ignored, 2],
                    Upstream::default(),
                    &options,
                )
                .unwrap();
            assert_close(out.loss, (0.351_951_863_802_801_9 + 3.169_846_019_556_285_6) / 2.0);
            assert_eq!((out.counted, out.denominator), (2, 2.0));
            assert_eq!(out.loss_rows.unwrap()[1], 0.0);
            // The other row outputs are about the logits, which are there.
            assert_close(out.log_sum_exp.unwrap()[1], 9.0 + 3f64.ln());
            let gradient = out.gradient.unwrap();
            assert_eq!(gradient[3..6], [0.0; 3]);
            assert_close(gradient[0], -0.296_686_023_978_226_1 / 2.0);
        }
    }
}

/// What `(m + log s) - x_y` in single precision gets wrong.
#[test]
fn small_losses_and_large_offsets_keep_their_digits() {
    let mut lead_of_20 = vec![0.0; 1000];
    lead_of_20[421] = 20.0;
    let offset = 16_777_216.0;
    let shifted = [offset, offset + 2.0, offset - 1.0];
    let cases: [(&[f32], i32, f64); 4] = [
        (&[0.0, 17.0], 1, 4.139_937_633_089_748e-8),
        (&lead_of_20, 421, 2.059_090_348_888_132e-6),
        (&[80.0, 0.0], 0, 1.804_851_387_845_415_3e-35),
        (&shifted, 1, 2.169_846_019_556_285_6 - 2.0),
    ];
    for engine in ENGINES {
        for (row, target, expected) in cases {
            let out = engine
                .cross_entropy_with_gradient(
                    logits(row, row.len()),
                    &[target],
                    Upstream::default(),
                    &options(Reduction::Sum),
                )
                .unwrap();
            assert_close(out.loss, expected);
            // p - 1 = -r / (1 + r) = -(1 - e^-loss)
            assert_close(out.gradient.unwrap()[target as usize], (-expected).exp_m1());
        }
    }
}

/// A row stride: the same rows with something between them.
#[test]
fn gaps_are_not_read() {
    let contiguous = [1.5, -0.5, 0.25, 0.0, 2.0, -1.0];
    let gapped = [1.5, -0.5, 0.25, f32::NAN, f32::INFINITY, 0.0, 2.0, -1.0];
    for engine in ENGINES {
        let all = options(Reduction::Mean);
        let upstream = Upstream::Scalar(3.0);
        let with_gaps = wgpu_loss::Logits::with_row_stride(&gapped, 2, 3, 5).unwrap();
        let expected = engine
            .cross_entropy_with_gradient(logits(&contiguous, 3), &[2, 0], upstream, &all)
            .unwrap();
        let found = engine.cross_entropy_with_gradient(with_gaps, &[2, 0], upstream, &all).unwrap();
        assert_eq!(found, expected);
        let options = LogSumExp::default();
        let expected =
            engine.log_sum_exp_with_gradient(logits(&contiguous, 3), upstream, &options).unwrap();
        let found = engine.log_sum_exp_with_gradient(with_gaps, upstream, &options).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn only_what_is_asked_for_is_there() {
    for engine in ENGINES {
        let defaults = CrossEntropy::default();
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), &[0], &defaults).unwrap();
        assert_eq!((out.loss_rows, out.log_sum_exp, out.argmax, out.gradient), Default::default());
        let none = CrossEntropy { reduction: Reduction::None, ..defaults };
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), &[0], &none).unwrap();
        assert!(out.loss.is_nan());
        assert_eq!(out.loss_rows.map(|rows| rows.len()), Some(1));
    }
}

/// `f'(x)` from differences over 2h and h, with Richardson's extrapolation: the error is of order
/// h^4. The logits are on a grid that holds x + h exactly.
fn derivative(values: &[f32], at: usize, f: &dyn Fn(&[f32]) -> f64) -> f64 {
    let difference = |h: f32| {
        let moved = |by: f32| {
            let mut values = values.to_vec();
            values[at] += by;
            f(&values)
        };
        (moved(h) - moved(-h)) / f64::from(2.0 * h)
    };
    let h = 1.0 / 512.0;
    (4.0 * difference(h) - difference(2.0 * h)) / 3.0
}

/// Grid points of both signs, of little order.
fn grid(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + 11) % 97) as f32 / 16.0 - 3.0).collect()
}

#[test]
fn oracle_cross_entropy_gradient_is_the_derivative_of_its_loss() {
    let targets = [3, -100, 0, 4];
    for classes in [5, 12] {
        let values = grid(4 * classes);
        for reduction in [Reduction::Sum, Reduction::Mean] {
            let options = options(reduction);
            let loss = |values: &[f32]| {
                let logits = logits(values, classes);
                cpu::Oracle.cross_entropy_f64(logits, &targets, None, &options).unwrap().loss
            };
            let upstream = Some(Upstream::Scalar(-2.5));
            let gradient = cpu::Oracle
                .cross_entropy_f64(logits(&values, classes), &targets, upstream, &options)
                .unwrap()
                .gradient
                .unwrap();
            for (at, found) in gradient.into_iter().enumerate() {
                let expected = -2.5 * derivative(&values, at, &loss);
                assert!((found - expected).abs() < 1e-10, "{at}: {found}, expected {expected}");
            }
        }
    }
}

#[test]
fn oracle_per_row_gradient_is_the_derivative_of_the_weighted_losses() {
    let targets = [3, -100, 0, 4];
    let factors = [0.5, 3.0, -1.25, 0.0];
    let values = grid(4 * 7);
    let options = options(Reduction::None);
    let weighted = |values: &[f32]| {
        let out = cpu::Oracle.cross_entropy_f64(logits(values, 7), &targets, None, &options);
        let rows = out.unwrap().loss_rows.unwrap();
        rows.iter().zip(factors).map(|(loss, factor)| loss * f64::from(factor)).sum()
    };
    let upstream = Some(Upstream::PerRow(&factors));
    let out = cpu::Oracle.cross_entropy_f64(logits(&values, 7), &targets, upstream, &options);
    for (at, found) in out.unwrap().gradient.unwrap().into_iter().enumerate() {
        let expected = derivative(&values, at, &weighted);
        assert!((found - expected).abs() < 1e-10, "{at}: {found}, expected {expected}");
    }
}

#[test]
fn oracle_log_sum_exp_gradient_is_its_derivative() {
    let factors = [0.5, -1.25];
    let values = grid(2 * 9);
    let weighted = |values: &[f32]| {
        let rows = cpu::Oracle.log_sum_exp_f64(logits(values, 9), None).unwrap().log_sum_exp;
        rows.iter().zip(factors).map(|(lse, factor)| lse * f64::from(factor)).sum()
    };
    let upstream = Some(Upstream::PerRow(&factors));
    let out = cpu::Oracle.log_sum_exp_f64(logits(&values, 9), upstream).unwrap();
    for (at, found) in out.gradient.unwrap().into_iter().enumerate() {
        let expected = derivative(&values, at, &weighted);
        assert!((found - expected).abs() < 1e-10, "{at}: {found}, expected {expected}");
    }
}
