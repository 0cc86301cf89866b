//! Reductions: what a mean divides by, and batches over which it is one over nothing.

use crate::{ENGINES, REDUCTIONS, assert_all_nan, assert_all_zero, assert_close, logits, options};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, LogSumExp, LogSumExpOutput, Logits, Mode,
    OwnedValues, Reduction, Targets, Upstream,
};

const MODES: [Mode; 2] = [Mode::Strict, Mode::Masked];

fn run(
    engine: &dyn Engine,
    logits: Logits<'_>,
    targets: Targets<'_>,
    options: &CrossEntropy,
) -> CrossEntropyOutput {
    engine.cross_entropy_with_gradient(logits, targets, Upstream::default(), options).unwrap()
}

/// The loss over nothing: of a mean NaN, in masked mode 0; of a sum 0.
fn nothing(reduction: Reduction, mode: Mode) -> f64 {
    match (reduction, mode) {
        (Reduction::None, _) => f64::NAN,
        (Reduction::Sum, _) | (_, Mode::Masked) => 0.0,
        _ => f64::NAN,
    }
}

/// The same of rows that are all ignored, which are still rows.
fn ignored(reduction: Reduction, mode: Mode) -> f64 {
    match reduction {
        Reduction::BatchMean | Reduction::ElementMean => 0.0,
        _ => nothing(reduction, mode),
    }
}

#[test]
fn all_rows_ignored() {
    for engine in ENGINES {
        for mode in MODES {
            for (reduction, z_loss) in
                REDUCTIONS.into_iter().flat_map(|reduction| [(reduction, 0.0), (reduction, 0.5)])
            {
                let options = CrossEntropy { mode, z_loss, ..options(reduction) };
                let targets = Targets::classes(&[-100, -100]);
                let out = run(engine, logits(&[1.0, 2.0, 3.0, 4.0], 2), targets, &options);
                assert_close(out.loss, ignored(reduction, mode));
                let z_loss = if z_loss == 0.0 { 0.0 } else { ignored(reduction, mode) };
                assert_close(out.z_loss, z_loss);
                let denominator = match reduction {
                    Reduction::BatchMean => 2.0,
                    Reduction::ElementMean => 4.0,
                    _ => 0.0,
                };
                assert_eq!((out.counted, out.denominator), (0, denominator));
                assert_all_zero(&out.loss_rows.unwrap());
                assert_all_zero(&out.gradient.unwrap().into_f32());
            }
        }
    }
}

#[test]
fn empty_batch() {
    for engine in ENGINES {
        let empty = Logits::new::<f32>(&[], 0, 5).unwrap();
        let no_rows = Logits::with_class_axis::<f32>(&[], 3, 5, 0).unwrap();
        for mode in MODES {
            for reduction in REDUCTIONS {
                for logits in [empty, no_rows] {
                    let options = CrossEntropy { mode, ..options(reduction) };
                    let none: &[i32] = &[];
                    let out = run(engine, logits, Targets::classes(none), &options);
                    assert_close(out.loss, nothing(reduction, mode));
                    assert!(out.loss.is_sign_positive() || out.loss.is_nan());
                    assert_eq!(out.loss_rows, Some(vec![]));
                    assert_eq!(out.gradient, Some(OwnedValues::F32(vec![])));
                }
            }
        }
        let upstream = Upstream::PerRow(&[]);
        let out = engine.log_sum_exp_with_gradient(empty, upstream, &LogSumExp::default());
        let gradient = Some(OwnedValues::F32(vec![]));
        assert_eq!(out.unwrap(), LogSumExpOutput { log_sum_exp: vec![], gradient });
        let out = engine.softmax(empty, &Default::default()).unwrap();
        assert_eq!(out, OwnedValues::F32(vec![]));
    }
}

#[test]
fn one_class() {
    for engine in ENGINES {
        let values = [7.5, -3e38, 1e-40];
        let targets = Targets::classes(&[0, 0, 0]);
        let out = run(engine, logits(&values, 1), targets, &options(Reduction::None));
        assert_all_zero(&out.loss_rows.unwrap());
        assert_all_zero(&out.gradient.unwrap().into_f32());
        assert_eq!(out.log_sum_exp, Some(values.to_vec()));
        assert_all_zero(&out.entropy.unwrap());
    }
}

/// `D = 0` although rows count: because of their classes' weights, their own, or both.
#[test]
fn a_mean_over_weights_of_nothing() {
    let values = [1.0, 2.0, 3.0, 4.0, 0.5, 0.25];
    let cases: [([f32; 2], [f32; 3], bool); 4] = [
        ([0.0, 1.0], [1.0, 1.0, 1.0], false),
        ([1.0, 1.0], [0.0, 0.0, 1.0], false),
        // Rows that add up to nothing contribute all the same.
        ([1.0, 1.0], [1.0, -1.0, 1.0], true),
        ([-1.0, 1.0], [2.0, -2.0, 5.0], true),
    ];
    for engine in ENGINES {
        for (class_weights, row_weights, contributes) in cases {
            let targets = Targets::classes(&[0, 0, -100])
                .with_class_weights(&class_weights)
                .with_row_weights(&row_weights);
            let strict = run(engine, logits(&values, 2), targets, &options(Reduction::Mean));
            assert!(strict.loss.is_nan() && strict.denominator == 0.0);
            let gradient = strict.gradient.unwrap().into_f32();
            assert_all_nan(&gradient[..4]);
            assert_all_zero(&gradient[4..]);
            let options = CrossEntropy { mode: Mode::Masked, ..options(Reduction::Mean) };
            let masked = run(engine, logits(&values, 2), targets, &options);
            let gradient = masked.gradient.unwrap().into_f32();
            let sum: f32 = masked.loss_rows.unwrap().iter().sum();
            if contributes {
                assert!(masked.loss.is_nan() == (sum != 0.0));
                assert_all_nan(&gradient[..4]);
            } else {
                assert_eq!(masked.loss, 0.0);
                assert_all_zero(&gradient[..4]);
            }
            assert_all_zero(&gradient[4..]);
        }
    }
}

/// The z-loss of a mean is divided by the row weights alone.
#[test]
fn the_z_loss_has_its_own_denominator() {
    let values = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 9.0, 9.0];
    let row_weights = [1.0, 0.5, 2.0, 7.0];
    let class_weights = [3.0, 0.25];
    let targets = Targets::classes(&[0, 1, 1, -100])
        .with_class_weights(&class_weights)
        .with_row_weights(&row_weights);
    let ln_2 = std::f64::consts::LN_2;
    let lse = [ln_2, 1.0 + ln_2, 2.0 + ln_2];
    let coefficients = [1.0 * 3.0, 0.5 * 0.25, 2.0 * 0.25];
    let main: f64 = coefficients.iter().map(|coefficient| coefficient * ln_2).sum();
    let denominator: f64 = coefficients.iter().sum();
    let z_rows: Vec<f64> =
        lse.iter().zip(row_weights).map(|(lse, v)| f64::from(v) * 0.125 * lse * lse).collect();
    let z: f64 = z_rows.iter().sum();
    for engine in ENGINES {
        for (reduction, main, z, denominator) in [
            (Reduction::Sum, main, z, denominator),
            (Reduction::Mean, main / denominator, z / 3.5, denominator),
            (Reduction::BatchMean, main / 4.0, z / 4.0, 4.0),
            (Reduction::ElementMean, main / 8.0, z / 8.0, 8.0),
        ] {
            let options = CrossEntropy { z_loss: 0.125, ..options(reduction) };
            let out = run(engine, logits(&values, 2), targets, &options);
            assert_close(out.loss, main + z);
            assert_close(out.z_loss, z);
            assert_close(out.denominator, denominator);
            let found = out.z_loss_rows.unwrap();
            found.iter().zip(&z_rows).for_each(|(&found, &expected)| assert_close(found, expected));
            assert_eq!(found[3], 0.0);
            let losses = out.loss_rows.unwrap();
            assert_close(losses[0], coefficients[0] * ln_2 + z_rows[0]);
        }
        // Class weights of 0 leave the z-loss alone.
        let options =
            CrossEntropy { z_loss: 0.125, mode: Mode::Masked, ..options(Reduction::Mean) };
        let none = targets.with_class_weights(&[0.0, 0.0]);
        assert_close(run(engine, logits(&values, 2), none, &options).loss, z / 3.5);
    }
}

#[test]
fn ignored_rows_leave_the_mean() {
    let values = [1.5, -0.5, 0.25, 9.0, 9.0, 9.0, 0.0, 2.0, -1.0];
    for engine in ENGINES {
        for ignored in [-100, 1, 7, i32::MIN, i32::MAX] {
            let options = CrossEntropy { ignore_index: Some(ignored), ..options(Reduction::Mean) };
            let out = run(engine, logits(&values, 3), Targets::classes(&[0, ignored, 2]), &options);
            assert_close(out.loss, (0.351_951_863_802_801_9 + 3.169_846_019_556_285_6) / 2.0);
            assert_eq!((out.counted, out.denominator), (2, 2.0));
            assert_eq!(out.loss_rows.unwrap()[1], 0.0);
            // The other row outputs are about the logits, which are there.
            assert_close(out.log_sum_exp.unwrap()[1], 9.0 + 3f64.ln());
            let gradient = out.gradient.unwrap().into_f32();
            assert_eq!(gradient[3..6], [0.0; 3]);
            assert_close(gradient[0], -0.296_686_023_978_226_1 / 2.0);
        }
    }
}
