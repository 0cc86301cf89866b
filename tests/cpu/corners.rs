//! The corner cases of SEMANTICS, one test a row of its table.

use crate::{ENGINES, assert_all_nan, assert_all_zero, assert_close, logits, options};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Error, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Upstream,
};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const REDUCTIONS: [Reduction; 3] = [Reduction::None, Reduction::Sum, Reduction::Mean];

/// With gradient and every row output; what needs neither has to agree to the bit.
fn run(
    engine: &dyn Engine,
    logits: Logits<'_>,
    targets: &[i32],
    reduction: Reduction,
) -> CrossEntropyOutput {
    let options = options(reduction);
    let upstream = Upstream::default();
    let out = engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
    let few = CrossEntropy { reduction, ..CrossEntropy::default() };
    let alone = engine.cross_entropy(logits, targets, &few).unwrap();
    assert_eq!(alone.loss.to_bits(), out.loss.to_bits());
    out
}

fn log_sum_exp(engine: &dyn Engine, row: &[f32]) -> LogSumExpOutput {
    let logits = Logits::new(row, 1, row.len()).unwrap();
    let options = LogSumExp::default();
    let out = engine.log_sum_exp_with_gradient(logits, Upstream::default(), &options).unwrap();
    let alone = engine.log_sum_exp(logits, &options).unwrap();
    assert_eq!(alone.log_sum_exp[0].to_bits(), out.log_sum_exp[0].to_bits());
    out
}

/// The row first, last and among ordinary ones, so that none of them spoils another.
fn each_row_alone(row: [f32; 3], target: i32, check: impl Fn(f32, &[f32])) {
    for engine in ENGINES {
        for place in 0..3 {
            let mut values = [0.5, -1.0, 2.0].repeat(3);
            values[3 * place..3 * place + 3].copy_from_slice(&row);
            let mut targets = [1; 3];
            targets[place] = target;
            let out = run(engine, logits(&values, 3), &targets, Reduction::None);
            let (losses, gradient) = (out.loss_rows.unwrap(), out.gradient.unwrap());
            for i in 0..3 {
                let gradient = &gradient[3 * i..3 * i + 3];
                if i == place {
                    check(losses[i], gradient);
                } else {
                    assert_close(losses[i], 3.241_305_7);
                    assert!(gradient.iter().all(|x| x.is_finite()));
                }
            }
        }
    }
}

#[test]
fn all_rows_ignored() {
    for engine in ENGINES {
        let values = [1.0, 2.0, 3.0, 4.0];
        for (reduction, loss) in
            [(Reduction::Mean, NAN), (Reduction::Sum, 0.0), (Reduction::None, NAN)]
        {
            let out = run(engine, logits(&values, 2), &[-100, -100], reduction);
            assert!(out.loss == loss || loss.is_nan() && out.loss.is_nan(), "{}", out.loss);
            assert_eq!((out.counted, out.denominator), (0, 0.0));
            assert_all_zero(&out.loss_rows.unwrap());
            assert_all_zero(&out.gradient.unwrap());
        }
    }
}

#[test]
fn empty_batch() {
    for engine in ENGINES {
        let empty = Logits::new(&[], 0, 5).unwrap();
        assert!(run(engine, empty, &[], Reduction::Mean).loss.is_nan());
        let sum = run(engine, empty, &[], Reduction::Sum);
        assert_eq!(sum.loss.to_bits(), 0f32.to_bits());
        let none = run(engine, empty, &[], Reduction::None);
        assert!(none.loss.is_nan());
        assert_eq!(none.loss_rows, Some(vec![]));
        assert_eq!(none.gradient, Some(vec![]));
        let upstream = Upstream::PerRow(&[]);
        let out = engine.log_sum_exp_with_gradient(empty, upstream, &LogSumExp::default());
        let expected = LogSumExpOutput { log_sum_exp: vec![], gradient: Some(vec![]) };
        assert_eq!(out.unwrap(), expected);
    }
}

#[test]
fn one_class() {
    for engine in ENGINES {
        let out = run(engine, logits(&[7.5, -3e38, 1e-40], 1), &[0, 0, 0], Reduction::None);
        assert_all_zero(&out.loss_rows.unwrap());
        assert_all_zero(&out.gradient.unwrap());
        assert_eq!(out.log_sum_exp, Some(vec![7.5, -3e38, 1e-40]));
    }
}

#[test]
fn no_classes() {
    for engine in ENGINES {
        let none = Logits::new(&[], 2, 0).unwrap();
        let error = engine.cross_entropy(none, &[0, 0], &CrossEntropy::default()).unwrap_err();
        assert!(matches!(error, Error::Invalid { what: "number of classes", .. }), "{error}");
        let upstream = Upstream::default();
        let out = engine.log_sum_exp_with_gradient(none, upstream, &LogSumExp::default()).unwrap();
        assert_eq!(out.log_sum_exp, [-INF, -INF]);
        assert_eq!(out.gradient, Some(vec![]));
        // Rows without classes hold no memory, so any number of them is a legal view.
        let endless = Logits::new(&[], usize::MAX, 0).unwrap();
        assert!(engine.log_sum_exp(endless, &LogSumExp::default()).is_err());
    }
}

#[test]
fn minus_infinity_beside_the_target() {
    each_row_alone([1.0, -INF, 1.0], 0, |loss, gradient| {
        assert_close(loss, 2f64.ln());
        assert_eq!(gradient[1], 0.0);
        assert_close(gradient[0], -0.5);
        assert_close(gradient[2], 0.5);
    });
    // Only the target is left.
    each_row_alone([-INF, -INF, 1.0], 2, |loss, gradient| {
        assert_eq!(loss, 0.0);
        assert_all_zero(gradient);
    });
}

#[test]
fn minus_infinity_at_the_target() {
    each_row_alone([1.0, -INF, 1.0], 1, |loss, gradient| {
        assert_eq!(loss, INF);
        assert_eq!(gradient[1], -1.0);
        assert_close(gradient[0], 0.5);
    });
    for engine in ENGINES {
        for reduction in [Reduction::Sum, Reduction::Mean] {
            let values = [1.0, -INF, 1.0, 1.0];
            let out = run(engine, logits(&values, 2), &[1, 0], reduction);
            assert_eq!(out.loss, INF);
            assert!(out.gradient.unwrap().iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn undefined_softmax() {
    for row in [
        [-INF, -INF, -INF],
        [INF, 1.0, 2.0],
        [1.0, INF, 2.0],
        [INF, INF, INF],
        [-INF, 1.0, INF],
        [NAN, 1.0, 2.0],
        [1.0, 2.0, -NAN],
        [NAN, NAN, NAN],
        [NAN, INF, -INF],
        [-INF, -INF, NAN],
    ] {
        for target in 0..3 {
            each_row_alone(row, target, |loss, gradient| {
                assert!(loss.is_nan());
                assert_all_nan(gradient);
            });
        }
        // An ignored row: no loss, yet a gradient of 0 * NaN.
        each_row_alone(row, -100, |loss, gradient| {
            assert_eq!(loss, 0.0);
            assert_all_nan(gradient);
        });
        for engine in ENGINES {
            for reduction in REDUCTIONS {
                let values = [row, [0.5, -1.0, 2.0]].concat();
                let out = run(engine, logits(&values, 3), &[-100, 1], reduction);
                if reduction != Reduction::None {
                    assert_close(out.loss, 3.241_305_7);
                }
                let counted = run(engine, logits(&values, 3), &[0, 1], reduction);
                assert!(counted.loss.is_nan());
            }
        }
    }
}

#[test]
fn log_sum_exp_of_special_values() {
    for engine in ENGINES {
        for (row, expected) in [
            (vec![-INF; 3], -INF),
            (vec![-INF; 40], -INF),
            (vec![1.0, INF, 2.0], INF),
            (vec![INF, INF, -INF], INF),
            (vec![1.0, NAN, 2.0], NAN),
            (vec![INF, NAN, -INF], NAN),
            (vec![-INF, -INF, -NAN], NAN),
            (vec![NAN; 40], NAN),
        ] {
            let out = log_sum_exp(engine, &row);
            let found = out.log_sum_exp[0];
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{row:?}: {found}");
            assert_all_nan(&out.gradient.unwrap());
        }
        let out = log_sum_exp(engine, &[f32::MIN, -INF]);
        assert_eq!(out.log_sum_exp, [f32::MIN]);
        assert_eq!(out.gradient, Some(vec![1.0, 0.0]));
        let out = log_sum_exp(engine, &[f32::MAX, f32::MIN, f32::MAX]);
        assert_eq!(out.log_sum_exp, [f32::MAX]);
        assert_eq!(out.gradient, Some(vec![0.5, 0.0, 0.5]));
    }
}

#[test]
fn argmax_as_torch() {
    for engine in ENGINES {
        // Long rows meet the vectorised part, and the last places its remainder.
        for before in [0, 1, 15, 16, 300] {
            for (tail, expected) in [
                ([1.0, 3.0, 3.0], 1),
                ([-0.0, 0.0, -1.0], 0),
                ([0.0, -0.0, 0.0], 0),
                ([1.0, NAN, 3.0], 1),
                ([-NAN, NAN, INF], 0),
                ([1.0, INF, INF], 1),
                ([-INF, f32::MIN, -INF], 1),
            ] {
                let row = [vec![-INF; before], tail.to_vec()].concat();
                let out = run(engine, logits(&row, row.len()), &[-100], Reduction::Sum);
                assert_eq!(out.argmax, Some(vec![(before + expected) as u32]), "{tail:?}");
            }
            let row = vec![-INF; before + 1];
            let out = run(engine, logits(&row, row.len()), &[-100], Reduction::Sum);
            assert_eq!(out.argmax, Some(vec![0]));
        }
    }
}

#[test]
fn target_out_of_range() {
    for engine in ENGINES {
        let values = [0.0; 8];
        let defaults = CrossEntropy::default();
        let strict = CrossEntropy { ignore_index: None, ..defaults };
        for (targets, options, row, value) in [
            ([0, 1, 2, 5], defaults, 2, 2),
            ([0, -100, -1, 1], defaults, 2, -1),
            ([i32::MIN, 0, 0, i32::MAX], defaults, 0, i32::MIN),
            ([0, 0, 0, i32::MAX], defaults, 3, i32::MAX),
            ([0, -100, 0, 0], strict, 1, -100),
        ] {
            let expected = Error::TargetOutOfRange { row, value, classes: 2 };
            let found = engine.cross_entropy(logits(&values, 2), &targets, &options);
            assert_eq!(found, Err(expected.clone()));
            let upstream = Upstream::default();
            let found = engine.cross_entropy_with_gradient(
                logits(&values, 2),
                &targets,
                upstream,
                &options,
            );
            assert_eq!(found, Err(expected));
        }
    }
}

#[test]
fn wrong_lengths() {
    for engine in ENGINES {
        let values = [0.0; 6];
        let logits = logits(&values, 2);
        let invalid = |result: Result<CrossEntropyOutput, Error>, name: &str| {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Invalid { what, .. } if what == name), "{error}");
        };
        for targets in [&[0, 0][..], &[0; 4], &[]] {
            let result = engine.cross_entropy(logits, targets, &CrossEntropy::default());
            invalid(result, "number of targets");
        }
        for (factors, reduction) in [
            (&[1.0; 2][..], Reduction::None),
            (&[1.0; 4], Reduction::None),
            (&[1.0; 3], Reduction::Sum),
            (&[1.0; 3], Reduction::Mean),
        ] {
            let upstream = Upstream::PerRow(factors);
            let options = options(reduction);
            let result = engine.cross_entropy_with_gradient(logits, &[0, 0, 0], upstream, &options);
            invalid(result, "upstream gradient");
        }
        let upstream = Upstream::PerRow(&[1.0; 2]);
        let result = engine.log_sum_exp_with_gradient(logits, upstream, &LogSumExp::default());
        assert!(matches!(result, Err(Error::Invalid { what: "upstream gradient", .. })));
    }
}
