//! The oracle's gradients against differences of its losses, with every option.

use crate::{Noise, logits, options};
use wgpu_loss::{CrossEntropy, Logits, Reduction, Shape, Softmax, Targets, Upstream, cpu};

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
    let h = 1.0 / 1024.0;
    (4.0 * difference(h) - difference(2.0 * h)) / 3.0
}

/// Grid points of both signs, of little order.
fn grid(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + 11) % 97) as f32 / 16.0 - 3.0).collect()
}

#[track_caller]
fn assert_derivative(values: &[f32], gradient: &[f64], f: &dyn Fn(&[f32]) -> f64) {
    assert_eq!(gradient.len(), values.len());
    for (at, &found) in gradient.iter().enumerate() {
        let expected = derivative(values, at, f);
        let allowed = 2e-10 * (1.0 + expected.abs());
        assert!((found - expected).abs() < allowed, "{at}: {found}, expected {expected}");
    }
}

const ROWS: usize = 4;

/// Every option that changes the loss: of each combination, the gradient.
fn check(targets: Targets<'_>, classes: usize) {
    let values = grid(ROWS * classes);
    for case in 0..16 {
        let [smoothed, z, scaled, capped] = [1, 2, 4, 8].map(|bit| case & bit != 0);
        for reduction in [Reduction::Sum, Reduction::Mean] {
            let options = CrossEntropy {
                reduction,
                label_smoothing: if smoothed { 0.25 } else { 0.0 },
                z_loss: if z { 0.1 } else { 0.0 },
                logit_scale: if scaled { -1.5 } else { 1.0 },
                softcap: capped.then_some(2.5),
                ..CrossEntropy::default()
            };
            let loss = |values: &[f32]| {
                let logits = logits(values, classes);
                -2.5 * cpu::Oracle.cross_entropy_f64(logits, targets, None, &options).unwrap().loss
            };
            let upstream = Some(Upstream::Scalar(-2.5));
            let out = cpu::Oracle.cross_entropy_f64(
                logits(&values, classes),
                targets,
                upstream,
                &options,
            );
            assert_derivative(&values, &out.unwrap().gradient.unwrap(), &loss);
        }
    }
}

#[test]
fn of_class_targets() {
    let targets = Targets::classes(&[3, -100, 0, 4]);
    for classes in [5, 12] {
        let mut noise = Noise(5);
        let class_weights = noise.floats(classes, -0.5, 3.0);
        let row_weights = noise.floats(ROWS, 0.5, 3.0);
        check(targets, classes);
        check(targets.with_class_weights(&class_weights).with_row_weights(&row_weights), classes);
    }
}

#[test]
fn of_probabilities() {
    let classes = 6;
    let mut noise = Noise(6);
    // Any sign, any sum.
    let probabilities = noise.floats(ROWS * classes, -0.5, 1.0);
    let class_weights = noise.floats(classes, 0.1, 3.0);
    let row_weights = noise.floats(ROWS, 0.5, 3.0);
    let targets = Targets::probabilities(logits(&probabilities, classes));
    check(targets, classes);
    check(targets.with_class_weights(&class_weights).with_row_weights(&row_weights), classes);
}

#[test]
fn of_each_row_with_its_factor() {
    let targets = Targets::classes(&[3, -100, 0, 4]);
    let factors = [0.5, 3.0, -1.25, 0.0];
    let values = grid(ROWS * 7);
    let options = CrossEntropy { z_loss: 0.2, ..options(Reduction::None) };
    let weighted = |values: &[f32]| {
        let out = cpu::Oracle.cross_entropy_f64(logits(values, 7), targets, None, &options);
        let rows = out.unwrap().loss_rows.unwrap();
        rows.iter().zip(factors).map(|(loss, factor)| loss * f64::from(factor)).sum()
    };
    let upstream = Some(Upstream::PerRow(&factors));
    let out = cpu::Oracle.cross_entropy_f64(logits(&values, 7), targets, upstream, &options);
    assert_derivative(&values, &out.unwrap().gradient.unwrap(), &weighted);
}

/// The gradient has the logits' layout.
#[test]
fn with_a_class_axis_in_the_middle() {
    let values = grid(2 * 5 * 3);
    let shape = Shape::with_class_axis(2, 5, 3);
    let targets = Targets::classes(&[3, -100, 0, 4, 1, 1]);
    let options = CrossEntropy { softcap: Some(4.0), ..CrossEntropy::default() };
    let loss = |values: &[f32]| {
        let logits = Logits::from_values(values.into(), shape).unwrap();
        cpu::Oracle.cross_entropy_f64(logits, targets, None, &options).unwrap().loss
    };
    let logits = Logits::from_values(values.as_slice().into(), shape).unwrap();
    let upstream = Some(Upstream::default());
    let out = cpu::Oracle.cross_entropy_f64(logits, targets, upstream, &options).unwrap();
    assert_derivative(&values, &out.gradient.unwrap(), &loss);
}

#[test]
fn of_log_sum_exp() {
    let factors = [0.5, -1.25];
    let values = grid(2 * 9);
    let weighted = |values: &[f32]| {
        let rows = cpu::Oracle.log_sum_exp_f64(logits(values, 9), None).unwrap().log_sum_exp;
        rows.iter().zip(factors).map(|(lse, factor)| lse * f64::from(factor)).sum()
    };
    let upstream = Some(Upstream::PerRow(&factors));
    let out = cpu::Oracle.log_sum_exp_f64(logits(&values, 9), upstream).unwrap();
    assert_derivative(&values, &out.gradient.unwrap(), &weighted);
}

#[test]
fn of_softmax_and_its_logarithm() {
    let values = grid(2 * 6);
    let factors = Noise(7).floats(2 * 6, -1.0, 1.0);
    for log in [false, true] {
        let options = Softmax { log, element: None };
        let weighted = |values: &[f32]| {
            let results = cpu::Oracle.softmax_f64(logits(values, 6), None, &options).unwrap();
            results.iter().zip(&factors).map(|(result, &factor)| result * f64::from(factor)).sum()
        };
        let upstream = Some(logits(&factors, 6));
        let gradient = cpu::Oracle.softmax_f64(logits(&values, 6), upstream, &options).unwrap();
        assert_derivative(&values, &gradient, &weighted);
    }
}
