//! Infinities, NaN, ignored rows, zero weights, certainty: literals for the oracle, and every engine
//! against the oracle.

use wgpu_loss::{
    Engine, Logits, Mode, Reduction, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Targets,
    Upstream, cpu,
};

use super::gpu;
use super::problem::close;

const INFINITY: f32 = f32::INFINITY;
const NONE: f32 = f32::NEG_INFINITY;
const NAN: f32 = f32::NAN;

/// Compares everything with the oracle, whose losses of rows are known.
fn check(logits: Logits<'_>, against: SoftmaxAgainst<'_>, options: &SoftmaxLoss, known: &[f64]) {
    let upstream = Upstream::Scalar(-2.0);
    let exact = cpu::Oracle.softmax_loss_f64(logits, against, Some(upstream), options).unwrap();
    let losses = exact.loss_rows.as_ref().unwrap();
    assert_eq!(losses.len(), known.len());
    for (row, (&loss, &expected)) in losses.iter().zip(known).enumerate() {
        let is_close = (loss - expected).abs() <= 1e-6 * expected.abs() + 1e-37;
        let is_same = loss == expected || (loss.is_nan() && expected.is_nan());
        assert!(is_close || is_same, "row {row}: {loss} and not {expected}");
    }
    let engines: [&dyn Engine; 2] = [&cpu::Fast, gpu()];
    for engine in engines {
        let what = format!("{}: {options:?}", engine.name());
        let out = engine.softmax_loss_with_gradient(logits, against, upstream, options).unwrap();
        for (row, (&loss, &expected)) in out.loss_rows.unwrap().iter().zip(losses).enumerate() {
            // Infinite where no single-precision number is so large.
            let expected = f64::from(expected as f32);
            close(loss, expected, 2e-6, 1e-37, &format!("row {row} of {what}"));
        }
        close(out.loss, exact.loss, 2e-6, 1e-37, &what);
        assert_eq!(out.counted, exact.counted, "{what}");
        let gradient = out.gradient.unwrap().into_f32();
        for (at, (found, expected)) in
            gradient.into_iter().zip(exact.gradient.as_ref().unwrap()).enumerate()
        {
            close(found, *expected, 0.0, 1e-5, &format!("gradient {at} of {what}"));
        }
    }
}

fn with_rows(function: SoftmaxFunction, mode: Mode) -> SoftmaxLoss {
    SoftmaxLoss { mode, reduction: Reduction::Sum, rows: true, ..SoftmaxLoss::new(function) }
}

/// Student, teacher, and the divergences of Kullback-Leibler and of Jensen-Shannon.
const PAIRS: [([f32; 3], [f32; 3], f64, f64); 18] = [
    ([1.0, NAN, 0.0], [0.0; 3], f64::NAN, f64::NAN),
    ([0.0; 3], [1.0, NAN, 0.0], f64::NAN, f64::NAN),
    ([INFINITY, 0.0, 0.0], [0.0; 3], f64::NAN, f64::NAN),
    ([0.0; 3], [0.0, INFINITY, 0.0], f64::NAN, f64::NAN),
    ([NONE; 3], [0.0; 3], f64::NAN, f64::NAN),
    ([0.0; 3], [NONE; 3], f64::NAN, f64::NAN),
    // A class that the teacher has not: log(3/2); and of the means 5/12, 5/12, 1/6.
    ([0.0; 3], [0.0, 0.0, NONE], 0.405_465_108_108_164_4, 0.132_304_124_718_898_25),
    // One that the student has not.
    ([0.0, 0.0, NONE], [0.0; 3], f64::INFINITY, 0.132_304_124_718_898_25),
    ([0.0, 0.0, NONE], [0.0, 0.0, NONE], 0.0, 0.0),
    // One that the teacher has, but no number tells.
    ([0.0, 0.0, NONE], [0.0, 0.0, -1e4], f64::INFINITY, 0.0),
    ([0.0, -1000.0, -1000.0], [-1000.0, 0.0, -1000.0], 1000.0, std::f64::consts::LN_2),
    ([3e8, 3e8, 0.0], [-3e8, -3e8, -1e9], 0.0, 0.0),
    // The least number there is, as a mask: of both, and of the student alone.
    ([0.0, 0.0, f32::MIN], [0.0, 0.0, f32::MIN], 0.0, 0.0),
    ([0.0, 0.0, f32::MIN], [0.0; 3], 3.402_823_466_385_288_6e38 / 3.0, 0.132_304_124_718_898_25),
    // Distances that are no single-precision numbers: of a class that the teacher has not, of one
    // that it has, of one that neither has, and of most of what it has.
    ([-3e38, 0.0, 0.0], [3e38, 3.3e38, 3.3e38], 0.0, 0.0),
    ([-3e38, 3e38, 3e38], [0.0; 3], 2.0 * BIG, 0.132_304_124_718_898_25),
    ([3e38, -3e38, -3e38], [3e38, -3e38, -3e38], 0.0, 0.0),
    ([3e38, -3e38, -3e38], [-3e38, 3e38, 3e38], 6.0 * BIG, std::f64::consts::LN_2),
];

/// A third of 3e38 as logits have it.
const BIG: f64 = 3e38_f32 as f64 / 3.0;

#[test]
fn divergences() {
    for function in [SoftmaxFunction::KlDivergence, SoftmaxFunction::JensenShannon] {
        for temperature in [1.0, 2.0] {
            let student: Vec<f32> = PAIRS.iter().flat_map(|pair| pair.0).collect();
            let teacher: Vec<f32> = PAIRS.iter().flat_map(|pair| pair.1).collect();
            let known: Vec<f64> = PAIRS
                .iter()
                .map(|pair| match function {
                    SoftmaxFunction::KlDivergence => pair.2,
                    _ => pair.3,
                })
                // T^2, but for distances, which are divided by T once.
                .map(|loss| match loss > 100.0 {
                    true => loss * f64::from(temperature),
                    false => loss * f64::from(temperature).powi(2),
                })
                .collect();
            let logits = Logits::new(&student, PAIRS.len(), 3).unwrap();
            let against = SoftmaxAgainst::teacher(Logits::new(&teacher, PAIRS.len(), 3).unwrap());
            let options = SoftmaxLoss { temperature, ..with_rows(function, Mode::Strict) };
            check(logits, against, &options, &known);
        }
    }
}

#[test]
fn weights_of_rows_that_are_0() {
    let student = [0.0, 0.0, NONE, 0.0, NAN, 0.0, 1.0, 2.0, 3.0];
    let teacher = [0.0; 9];
    let logits = Logits::new(&student, 3, 3).unwrap();
    let weights = [0.0; 3];
    let teacher = Logits::new(&teacher, 3, 3).unwrap();
    let against = SoftmaxAgainst::Teacher { logits: teacher, row_weights: Some(&weights) };
    let kl = SoftmaxFunction::KlDivergence;
    check(logits, against, &with_rows(kl, Mode::Strict), &[f64::NAN, f64::NAN, 0.0]);
    check(logits, against, &with_rows(kl, Mode::Masked), &[0.0; 3]);
    for mode in [Mode::Strict, Mode::Masked] {
        let options = SoftmaxLoss { reduction: Reduction::Mean, ..with_rows(kl, mode) };
        let known = if mode == Mode::Strict { [f64::NAN, f64::NAN, 0.0] } else { [0.0; 3] };
        check(logits, against, &options, &known);
    }
}

#[test]
fn focal_losses_of_classes() {
    let ln_2 = std::f64::consts::LN_2;
    // Logits, target, and the losses with gamma 1 / 2 in strict and in masked mode.
    let rows: [([f32; 3], i32, f64, f64); 12] = [
        ([0.0, 0.0, NONE], 0, 0.5f64.sqrt() * ln_2, 0.5f64.sqrt() * ln_2),
        ([0.0, 0.0, NONE], 2, f64::INFINITY, f64::INFINITY),
        ([0.0, NONE, 0.0], 1, f64::NAN, 0.0), // weight 0
        ([0.0, NAN, 0.0], 0, f64::NAN, f64::NAN),
        ([0.0, NAN, 0.0], 1, f64::NAN, 0.0),
        ([INFINITY, 0.0, 0.0], 0, f64::NAN, f64::NAN),
        ([NONE; 3], 0, f64::NAN, f64::NAN),
        ([NAN, 0.0, 0.0], -100, 0.0, 0.0),
        ([1.0, 0.0, 0.0], -100, 0.0, 0.0),
        ([200.0, 0.0, 0.0], 0, 0.0, 0.0),
        ([200.0, 0.0, 0.0], 2, 200.0, 200.0),
        ([0.0, NONE, NONE], 0, 0.0, 0.0),
    ];
    let values: Vec<f32> = rows.iter().flat_map(|row| row.0).collect();
    let targets: Vec<i32> = rows.iter().map(|row| row.1).collect();
    let logits = Logits::new(&values, 12, 3).unwrap();
    let weights = [1.0, 0.0, 1.0];
    let targets = Targets::classes(&targets).with_class_weights(&weights);
    let against = SoftmaxAgainst::Targets(targets);
    for mode in [Mode::Strict, Mode::Masked] {
        let known = rows.map(|row| if mode == Mode::Strict { row.2 } else { row.3 });
        check(logits, against, &with_rows(SoftmaxFunction::Focal { gamma: 0.5 }, mode), &known);
    }
}

#[test]
fn focal_losses_of_every_class() {
    // With gamma 0: cross-entropy.
    let focal = SoftmaxFunction::Focal { gamma: 0.0 };
    let values = [0.0, 0.0, NONE, 0.0, 0.0, NONE, NAN, 0.0, 0.0, NONE, NONE, NONE];
    let probabilities = [0.5, 0.5, 0.0, 0.25, 0.25, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0];
    let logits = Logits::new(&values, 4, 3).unwrap();
    let targets = Targets::probabilities(Logits::new(&probabilities, 4, 3).unwrap());
    let against = SoftmaxAgainst::Targets(targets);
    let (ln_2, nan) = (std::f64::consts::LN_2, f64::NAN);
    let infinity = f64::INFINITY;
    check(logits, against, &with_rows(focal, Mode::Strict), &[nan, infinity, nan, nan]);
    check(logits, against, &with_rows(focal, Mode::Masked), &[ln_2, infinity, nan, 0.0]);

    let against = SoftmaxAgainst::Targets(Targets::classes(&[0, 2, -100, -100]));
    let options = SoftmaxLoss { label_smoothing: 0.1, ..with_rows(focal, Mode::Strict) };
    check(logits, against, &options, &[infinity, infinity, 0.0, 0.0]);
}

#[test]
fn nothing_to_reduce() {
    let focal = SoftmaxFunction::Focal { gamma: 2.0 };
    let values = [0.0, 1.0];
    for mode in [Mode::Strict, Mode::Masked] {
        let options = SoftmaxLoss { reduction: Reduction::Mean, ..with_rows(focal, mode) };
        let logits = Logits::new(&values, 1, 2).unwrap();
        let ignored = SoftmaxAgainst::Targets(Targets::classes(&[-100]));
        check(logits, ignored, &options, &[0.0]);
        let none: [i32; 0] = [];
        let empty = Logits::new(&values[..0], 0, 2).unwrap();
        check(empty, SoftmaxAgainst::Targets(Targets::classes(&none)), &options, &[]);
        let options = SoftmaxLoss {
            reduction: Reduction::Mean,
            ..with_rows(SoftmaxFunction::KlDivergence, mode)
        };
        check(empty, SoftmaxAgainst::teacher(empty), &options, &[]);
    }
}
