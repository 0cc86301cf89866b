//! Weights, label smoothing, probabilities and z-loss against the definition, written down in double
//! precision as plainly as it can be; and log-probabilities as input.

use crate::{
    ENGINES, Noise, REDUCTIONS, assert_close, assert_gradient, logits, options, probability_options,
};
use wgpu_loss::{CrossEntropy, Element, Engine, Input, Logits, Mode, Reduction, Targets, Upstream};

/// A batch without special values.
struct Batch {
    classes: usize,
    logits: Vec<f32>,
    targets: Vec<i32>,
    probabilities: Vec<f32>,
    class_weights: Vec<f32>,
    row_weights: Vec<f32>,
}

const ROWS: usize = 7;

fn batch(classes: usize) -> Batch {
    let mut noise = Noise(classes as u64);
    let target = |row: usize| if row == 2 { -100 } else { (row * 5 % classes) as i32 };
    Batch {
        classes,
        logits: noise.floats(ROWS * classes, -4.0, 4.0),
        targets: (0..ROWS).map(target).collect(),
        probabilities: noise.floats(ROWS * classes, 0.0, 1.0),
        class_weights: noise.floats(classes, 0.1, 3.0),
        row_weights: noise.floats(ROWS, 0.1, 2.0),
    }
}

/// What reduction none gives, and what a mean divides by: `[loss, z-loss]` of each.
struct Defined {
    losses: [Vec<f64>; 2],
    denominators: [f64; 2],
    gradients: [Vec<f64>; 2],
}

fn definition(
    batch: &Batch,
    weighted: bool,
    of_probabilities: bool,
    options: &CrossEntropy,
) -> Defined {
    let classes = batch.classes;
    let (eps, z) = (f64::from(options.label_smoothing), f64::from(options.z_loss));
    let (mut losses, mut z_losses, mut gradients) = (vec![], vec![], [vec![], vec![]]);
    let (mut denominator, mut z_denominator) = (0.0, 0.0);
    for row in 0..ROWS {
        let x: Vec<f64> =
            batch.logits[row * classes..][..classes].iter().map(|&x| x.into()).collect();
        let weight =
            |class: usize| if weighted { f64::from(batch.class_weights[class]) } else { 1.0 };
        let v = if weighted { f64::from(batch.row_weights[row]) } else { 1.0 };
        let target = usize::try_from(batch.targets[row]).ok();
        let counts = of_probabilities || target.is_some();
        let share = eps / classes as f64;
        let u = |class: usize| {
            let q = if of_probabilities {
                f64::from(batch.probabilities[row * classes + class])
            } else {
                f64::from(u8::from(target == Some(class)))
            };
            if counts { weight(class) * ((1.0 - eps) * q + share) } else { 0.0 }
        };
        let lse = x.iter().map(|x| x.exp()).sum::<f64>().ln();
        losses.push(v * (0..classes).map(|class| u(class) * (lse - x[class])).sum::<f64>());
        z_losses.push(if counts { v * z * lse * lse } else { 0.0 });
        let sum: f64 = (0..classes).map(u).sum();
        for (class, x) in x.iter().enumerate() {
            let p = (x - lse).exp();
            gradients[0].push(v * (sum * p - u(class)));
            gradients[1].push(if counts { v * 2.0 * z * lse * p } else { 0.0 });
        }
        if counts {
            denominator += if of_probabilities { v } else { v * weight(target.unwrap_or(0)) };
            z_denominator += v;
        }
    }
    Defined { losses: [losses, z_losses], denominators: [denominator, z_denominator], gradients }
}

/// As [`assert_close`], but for the rounding of the definition itself, which cancels.
#[track_caller]
fn assert_as_defined(found: f32, expected: f64) {
    let allowed = 2e-6 * expected.abs() + 1e-14;
    assert!((f64::from(found) - expected).abs() <= allowed, "{found:e}, expected {expected:e}");
}

fn check(
    engine: &dyn Engine,
    batch: &Batch,
    weighted: bool,
    of_probabilities: bool,
    options: &CrossEntropy,
) {
    let probabilities = logits(&batch.probabilities, batch.classes);
    let mut targets = match of_probabilities {
        true => Targets::probabilities(probabilities),
        false => Targets::classes(&batch.targets),
    };
    if weighted {
        targets =
            targets.with_class_weights(&batch.class_weights).with_row_weights(&batch.row_weights);
    }
    let upstream = Upstream::Scalar(-1.5);
    let logits = logits(&batch.logits, batch.classes);
    let out = engine.cross_entropy_with_gradient(logits, targets, upstream, options).unwrap();
    let Defined {
        losses: [losses, z_losses],
        denominators: [denominator, z_denominator],
        gradients,
    } = definition(batch, weighted, of_probabilities, options);
    // Weights stay out of what the size of the batch divides.
    let rows = batch.row_weights.len() as f64;
    let (denominator, z_denominator) = match options.reduction {
        Reduction::BatchMean => (rows, rows),
        Reduction::ElementMean => (rows * batch.classes as f64, rows * batch.classes as f64),
        _ => (denominator, z_denominator),
    };
    let (by, z_by) = match options.reduction {
        Reduction::None | Reduction::Sum => (1.0, 1.0),
        _ => (denominator, z_denominator),
    };
    assert_close(out.denominator, denominator);
    for ((found, loss), z_loss) in out.loss_rows.unwrap().into_iter().zip(&losses).zip(&z_losses) {
        assert_as_defined(found, loss + z_loss);
    }
    if options.reduction != Reduction::None {
        let z_loss = z_losses.iter().sum::<f64>() / z_by;
        assert_as_defined(out.loss, losses.iter().sum::<f64>() / by + z_loss);
        assert_as_defined(out.z_loss, z_loss);
    }
    let [main, of_z] = gradients;
    let gradient: Vec<f64> =
        main.iter().zip(&of_z).map(|(main, of_z)| -1.5 * (main / by + of_z / z_by)).collect();
    let largest = gradient.iter().fold(0f64, |most, value| most.max(value.abs()));
    assert_gradient(&out.gradient.unwrap(), &gradient, largest.max(1.0 / by));
}

#[test]
fn every_option_is_as_defined() {
    for engine in ENGINES {
        for classes in [1, 2, 3, 10, 33, 300] {
            let batch = batch(classes);
            for case in 0..16 {
                let [weighted, of_probabilities, smoothed, z] =
                    [1, 2, 4, 8].map(|bit| case & bit != 0);
                for reduction in REDUCTIONS {
                    for mode in [Mode::Strict, Mode::Masked] {
                        let base = match of_probabilities {
                            true => probability_options(reduction),
                            false => options(reduction),
                        };
                        let options = CrossEntropy {
                            label_smoothing: if smoothed { 0.3 } else { 0.0 },
                            z_loss: if z { 0.01 } else { 0.0 },
                            mode,
                            ..base
                        };
                        check(engine, &batch, weighted, of_probabilities, &options);
                    }
                }
            }
        }
    }
}

/// All of the target's share is spread: the targets no longer matter but for the mean.
#[test]
fn full_label_smoothing() {
    let batch = batch(5);
    for engine in ENGINES {
        let options = CrossEntropy { label_smoothing: 1.0, ..options(Reduction::Sum) };
        check(engine, &batch, true, false, &options);
    }
}

/// One-hot probabilities are a target class.
#[test]
fn one_hot_probabilities_are_classes() {
    let mut batch = batch(6);
    batch.targets[2] = 5;
    batch.probabilities.fill(0.0);
    for (row, &target) in batch.targets.iter().enumerate() {
        batch.probabilities[row * 6 + target as usize] = 1.0;
    }
    let classes = Targets::classes(&batch.targets);
    let probabilities = Targets::probabilities(logits(&batch.probabilities, 6));
    for engine in ENGINES {
        for label_smoothing in [0.0, 0.2] {
            let options = CrossEntropy { label_smoothing, ..probability_options(Reduction::Mean) };
            let upstream = Upstream::default();
            let [of_classes, of_probabilities] = [classes, probabilities].map(|targets| {
                let logits = logits(&batch.logits, 6);
                engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap()
            });
            assert_close(of_probabilities.loss, of_classes.loss.into());
            let expected: Vec<f64> =
                of_classes.gradient.unwrap().into_f32().into_iter().map(f64::from).collect();
            assert_gradient(&of_probabilities.gradient.unwrap(), &expected, 1.0);
        }
    }
}

#[test]
fn log_probabilities_are_taken_as_they_are() {
    const INF: f32 = f32::INFINITY;
    // Only the second of each three is looked at.
    let values = [
        [f32::NAN, -0.5, INF],
        [-1.0, -INF, -2.0],
        [-1.0, f32::NAN, -2.0],
        [f32::NAN, -3.0, -1.0],
        [-0.25, 0.0, -1.0],
    ];
    let values = values.concat();
    let targets = [1, 1, 1, -100, 1];
    let row_weights = [2.0, 1.0, 1.0, 1.0, 0.5];
    let class_weights = [9.0, 4.0, 9.0];
    let targets = Targets::classes(&targets)
        .with_class_weights(&class_weights)
        .with_row_weights(&row_weights);
    let losses = [4.0, f64::INFINITY, f64::NAN, 0.0, 0.0];
    for engine in ENGINES {
        for element in Element::ALL {
            let options = CrossEntropy {
                reduction: Reduction::None,
                input: Input::LogProbabilities,
                gradient_element: Some(element),
                rows: wgpu_loss::RowOutputs {
                    loss: true,
                    target_log_probability: true,
                    ..Default::default()
                },
                ..CrossEntropy::default()
            };
            let logits = logits(&values, 3);
            let upstream = Upstream::Scalar(0.5);
            let out =
                engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
            for (found, expected) in out.loss_rows.unwrap().into_iter().zip(losses) {
                assert_close(found, expected);
            }
            let log_probabilities = out.target_log_probability.unwrap();
            assert_eq!(log_probabilities[..2], [-0.5, -INF]);
            assert!(log_probabilities[2].is_nan() && log_probabilities[3] == 0.0);
            let gradient = out.gradient.unwrap();
            assert_eq!(gradient.element(), element);
            let mut expected = [0.0; 15];
            for (row, value) in [(0, -4.0), (1, -2.0), (2, -2.0), (4, -1.0)] {
                expected[3 * row + 1] = value;
            }
            assert_eq!(gradient.into_f32(), expected);
            assert_eq!((out.counted, out.denominator), (4, 18.0));
        }
    }
}

/// `0 * inf`, and a mean over nothing.
#[test]
fn log_probabilities_in_both_modes() {
    let values = [f32::NEG_INFINITY, -1.0];
    for engine in ENGINES {
        for (class_weights, row_weights) in [([0.0, 1.0], [1.0]), ([1.0, 1.0], [0.0])] {
            for (mode, loss) in [(Mode::Strict, f64::NAN), (Mode::Masked, 0.0)] {
                let targets = Targets::classes(&[0])
                    .with_class_weights(&class_weights)
                    .with_row_weights(&row_weights);
                for reduction in REDUCTIONS {
                    let options = CrossEntropy {
                        reduction,
                        mode,
                        input: Input::LogProbabilities,
                        ..CrossEntropy::default()
                    };
                    let logits = Logits::new(&values, 1, 2).unwrap();
                    let upstream = Upstream::default();
                    let out = engine
                        .cross_entropy_with_gradient(logits, targets, upstream, &options)
                        .unwrap();
                    let found = out.loss_rows.map_or(out.loss, |rows| rows[0]);
                    assert_close(found, loss);
                    let gradient = out.gradient.unwrap().into_f32();
                    let is_nan = reduction == Reduction::Mean && mode == Mode::Strict;
                    assert!(gradient[0] == 0.0 || (is_nan && gradient[0].is_nan()));
                    assert_eq!(gradient[1], 0.0);
                }
            }
        }
    }
}
