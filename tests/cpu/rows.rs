//! Row outputs: log-sum-exp, argmax, entropy, target log-probability, z-loss, correct rows.

use crate::{ALL_ROWS, ENGINES, assert_all_nan, assert_close, logits, logits_of, options, stored};
use wgpu_loss::{
    CrossEntropy, Element, Engine, LogSumExp, LogSumExpOutput, Logits, Mode, Reduction, Targets,
    Upstream,
};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

fn log_sum_exp(engine: &dyn Engine, logits: Logits<'_>) -> LogSumExpOutput {
    let options = LogSumExp::default();
    let out = engine.log_sum_exp_with_gradient(logits, Upstream::default(), &options).unwrap();
    let alone = engine.log_sum_exp(logits, &options).unwrap();
    assert_eq!(alone.log_sum_exp[0].to_bits(), out.log_sum_exp[0].to_bits());
    out
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
            for element in Element::ALL {
                let row = stored(&row, element);
                let out = log_sum_exp(engine, logits_of(&row, row.len()));
                assert_close(out.log_sum_exp[0], expected.into());
                let gradient = out.gradient.unwrap().into_f32();
                // exp(x - lse) beside a +inf, as PyTorch's: NaN there and 0 elsewhere.
                for (x, slope) in row.clone().into_f32().into_iter().zip(gradient) {
                    match expected == INF && x < INF {
                        true => assert_eq!(slope, 0.0),
                        false => assert!(slope.is_nan()),
                    }
                }
            }
        }
        let out = log_sum_exp(engine, logits(&[f32::MIN, -INF], 2));
        assert_eq!(out.log_sum_exp, [f32::MIN]);
        assert_eq!(out.gradient.unwrap().into_f32(), [1.0, 0.0]);
        let out = log_sum_exp(engine, logits(&[f32::MAX, f32::MIN, f32::MAX], 3));
        assert_eq!(out.log_sum_exp, [f32::MAX]);
        assert_eq!(out.gradient.unwrap().into_f32(), [0.5, 0.0, 0.5]);
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
                let targets = Targets::classes(&[-100]);
                let options = options(Reduction::Sum);
                let out = engine.cross_entropy(logits(&row, row.len()), targets, &options).unwrap();
                assert_eq!(out.argmax, Some(vec![(before + expected) as u32]), "{tail:?}");
            }
            let row = vec![-INF; before + 1];
            let targets = Targets::classes(&[-100]);
            let options = options(Reduction::Sum);
            let out = engine.cross_entropy(logits(&row, row.len()), targets, &options).unwrap();
            assert_eq!(out.argmax, Some(vec![0]));
        }
    }
}

/// The places of the targets when classes are sorted, and so many of them among the first `k`.
#[test]
fn target_rank_as_topk() {
    for engine in ENGINES {
        for before in [0, 1, 15, 16, 300] {
            for tail in [
                [1.0, 3.0, 3.0, 2.0],
                [-0.0, 0.0, -1.0, 1e-40],
                [1.0, NAN, 3.0, -NAN],
                [1.0, INF, INF, -INF],
                [-INF, f32::MIN, -INF, 0.0],
            ] {
                let row = [vec![-INF; before], tail.to_vec()].concat();
                let mut sorted: Vec<usize> = (0..row.len()).collect();
                // Stable: equal logits keep their order.
                sorted.sort_by(|&a, &b| match (row[a].is_nan(), row[b].is_nan()) {
                    (false, false) => row[b].partial_cmp(&row[a]).unwrap(),
                    (a, b) => b.cmp(&a),
                });
                let rank = |class: usize| sorted.iter().position(|&other| other == class).unwrap();
                let mut targets: Vec<i32> = (0..row.len() as i32).collect();
                targets.push(-100);
                let rows = row.repeat(targets.len());
                let mut expected: Vec<_> = (0..row.len()).map(|class| rank(class) as u32).collect();
                expected.push(row.len() as u32);
                for (top_k, logit_scale) in [(1, 1.0), (2, 0.5), (row.len() as u32, 1.0)] {
                    let options = CrossEntropy { top_k, logit_scale, ..options(Reduction::Sum) };
                    let targets = Targets::classes(&targets);
                    let out =
                        engine.cross_entropy(logits(&rows, row.len()), targets, &options).unwrap();
                    assert_eq!(out.target_rank, Some(expected.clone()), "{tail:?} {logit_scale}");
                    assert_eq!(out.correct, Some(top_k as usize));
                }
            }
        }
    }
}

/// What the transformation rounds alike is told apart by the stored logits.
#[test]
fn argmax_is_that_of_the_stored_logits() {
    let saturated = [1e4, 2e4, 3e4, 2.5e4];
    for engine in ENGINES {
        for (row, logit_scale, softcap, expected) in [
            (saturated, 1.0, Some(1.0), 2),
            (saturated, -1.0, Some(1.0), 0),
            (saturated, 1e-45, None, 2),
            (saturated, -1e-45, None, 0),
            (saturated, 0.0, None, 0),
            (saturated, 0.0, Some(2.0), 0),
            ([1.0, -INF, 3e38, INF], 2.0, Some(5.0), 3),
            ([1.0, -INF, 3e38, INF], -2.0, Some(5.0), 1),
            ([1.0, -INF, 3e38, INF], 2.0, None, 3),
            ([1.0, 2e38, 3e38, 0.0], 2.0, None, 2),
            ([1.0, 2e38, NAN, NAN], -2.0, Some(3.0), 2),
            ([1.0, 2.0, -INF, INF], 0.0, Some(3.0), 2),
        ] {
            let options = CrossEntropy { logit_scale, softcap, ..options(Reduction::Sum) };
            let target = [expected];
            let targets = Targets::classes(&target);
            let out = engine.cross_entropy(logits(&row, 4), targets, &options).unwrap();
            assert_eq!(
                out.argmax,
                Some(vec![expected as u32]),
                "{row:?} {logit_scale} {softcap:?}"
            );
            assert_eq!((out.correct, out.target_rank), (Some(1), Some(vec![0])));
        }
    }
}

#[test]
fn correct_rows_are_counted_ones() {
    let values = [1.0, 2.0, 0.0, 3.0, 1.0, 1.0, 0.0, NAN, 5.0, 1.0];
    for engine in ENGINES {
        let out = engine.cross_entropy(
            logits(&values, 2),
            Targets::classes(&[1, 0, 0, -100, 0]),
            &options(Reduction::Sum),
        );
        let out = out.unwrap();
        assert_eq!((out.correct, out.counted), (Some(3), 4));
        let few = CrossEntropy { correct: true, ..CrossEntropy::default() };
        let out =
            engine.cross_entropy(logits(&values, 2), Targets::classes(&[1, 0, 0, 1, 0]), &few);
        let out = out.unwrap();
        assert_eq!((out.correct, out.argmax), (Some(4), None));
    }
}

/// log 4 where all four are alike; what is left of it where one leads.
#[test]
fn entropy_and_target_log_probability() {
    let lead = (-20f64).exp();
    let rest = 3.0 * lead;
    let rows: [([f32; 4], f64, f64); 5] = [
        ([7.5; 4], 4f64.ln(), -(4f64.ln())),
        ([0.0, 0.0, -INF, -INF], 2f64.ln(), -(2f64.ln())),
        ([20.0, 0.0, 0.0, 0.0], rest.ln_1p() + 20.0 * rest / (1.0 + rest), -rest.ln_1p()),
        ([-INF, 3.0, -INF, -INF], 0.0, f64::NEG_INFINITY),
        ([-300.0, f32::MIN, f32::MIN, -INF], 0.0, 0.0),
    ];
    for engine in ENGINES {
        for (row, entropy, log_probability) in rows {
            let options = options(Reduction::Sum);
            let out =
                engine.cross_entropy(logits(&row, 4), Targets::classes(&[0]), &options).unwrap();
            assert_close(out.entropy.unwrap()[0], entropy);
            assert_close(out.target_log_probability.unwrap()[0], log_probability);
        }
        // Far runners-up, where only double precision keeps the digits.
        for lead in [31.0f32, 45.3, 77.7, 86.9] {
            let row = [lead, 0.1, 0.0, -0.1];
            let exps = row[1..].iter().map(|&x| {
                let distance = f64::from(lead) - f64::from(x);
                ((-distance).exp(), distance)
            });
            let (rest, spread) =
                exps.fold((0.0, 0.0), |(rest, spread), (e, d)| (rest + e, spread + e * d));
            let options = options(Reduction::Sum);
            let out =
                engine.cross_entropy(logits(&row, 4), Targets::classes(&[0]), &options).unwrap();
            assert_close(out.entropy.unwrap()[0], rest.ln_1p() + spread / (1.0 + rest));
        }
    }
}

/// Ignored rows have no loss; what is about the logits alone is there.
#[test]
fn row_outputs_of_ignored_and_special_rows() {
    let values = [1.0, 1.0, NAN, 1.0, INF, 1.0, -INF, -INF, 1.0, 1.0];
    for engine in ENGINES {
        for mode in [Mode::Strict, Mode::Masked] {
            for counted in [false, true] {
                let target = if counted { 0 } else { -100 };
                let targets = [target; 5];
                let options = CrossEntropy { z_loss: 0.5, mode, ..options(Reduction::None) };
                let out = engine
                    .cross_entropy(logits(&values, 2), Targets::classes(&targets), &options)
                    .unwrap();
                let ln_2 = std::f64::consts::LN_2;
                let lse = out.log_sum_exp.unwrap();
                let expected = [1.0 + ln_2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0 + ln_2];
                lse.iter().zip(expected).for_each(|(&lse, expected)| assert_close(lse, expected));
                let entropy = out.entropy.unwrap();
                assert_close(entropy[0], ln_2);
                assert_all_nan(&entropy[1..4]);
                let log_probability = out.target_log_probability.unwrap();
                let z_loss = out.z_loss_rows.unwrap();
                if counted {
                    assert_close(log_probability[0], -ln_2);
                    assert_all_nan(&log_probability[1..4]);
                    assert_close(z_loss[0], 0.5 * (1.0 + ln_2).powi(2));
                    assert!(z_loss[1].is_nan() && z_loss[2] == INF && z_loss[3] == INF);
                } else {
                    assert_eq!(log_probability, [0.0; 5]);
                    assert_eq!(z_loss, [0.0; 5]);
                }
                assert_eq!(out.argmax, Some(vec![0; 5]));
            }
        }
    }
}

#[test]
fn only_what_is_asked_for_is_there() {
    for engine in ENGINES {
        let defaults = CrossEntropy::default();
        let targets = Targets::classes(&[0]);
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), targets, &defaults).unwrap();
        assert_eq!((out.loss_rows, out.log_sum_exp, out.argmax, out.gradient), Default::default());
        assert_eq!((out.entropy, out.target_log_probability, out.z_loss_rows), Default::default());
        assert_eq!((out.correct, out.z_loss, out.target_rank), (None, 0.0, None));
        let none = CrossEntropy { reduction: Reduction::None, ..defaults };
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), targets, &none).unwrap();
        assert!(out.loss.is_nan());
        assert_eq!(out.z_loss, 0.0);
        assert_eq!(out.loss_rows.map(|rows| rows.len()), Some(1));
        let z = CrossEntropy { z_loss: 1.0, ..none };
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), targets, &z).unwrap();
        assert!(out.z_loss.is_nan() && out.z_loss_rows.is_none());
        // Asked for where there is none: zeros.
        let rows = CrossEntropy { rows: ALL_ROWS, ..defaults };
        let out = engine.cross_entropy(logits(&[1.0, 2.0], 2), targets, &rows).unwrap();
        assert_eq!(out.z_loss_rows, Some(vec![0.0]));
    }
}
