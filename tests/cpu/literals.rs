//! Numbers known from elsewhere.

use crate::{ENGINES, assert_close, logits, options};
use wgpu_loss::{CrossEntropy, LogSumExp, Reduction, Targets, Upstream};

#[test]
fn equal_logits_cost_the_logarithm_of_their_number() {
    for engine in ENGINES {
        for classes in [1, 2, 3, 10, 16, 100, 257, 1000, 50257] {
            for value in [0.0, -3.5, 1e4, 16_777_216.0] {
                let row = vec![value; classes];
                let target = [classes as i32 - 1];
                let out = engine
                    .cross_entropy(
                        logits(&row, classes),
                        Targets::classes(&target),
                        &CrossEntropy::default(),
                    )
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
        let gradient = out.gradient.unwrap().into_f32();
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
                    Targets::classes(&targets),
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
            for (found, expected) in out.gradient.unwrap().into_f32().into_iter().zip(gradient) {
                assert_close(found, 0.5 * expected / divisor);
            }
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
                    Targets::classes(&[target]),
                    Upstream::default(),
                    &options(Reduction::Sum),
                )
                .unwrap();
            assert_close(out.loss, expected);
            // p - 1 = -r / (1 + r) = -(1 - e^-loss)
            assert_close(out.gradient.unwrap().into_f32()[target as usize], (-expected).exp_m1());
        }
    }
}
