//! The oracle's derivatives against differences of its values.

use super::every_function;
use crate::logits;
use wgpu_loss::{Elementwise, ElementwiseLoss, ElementwiseUpstream, LossFunction, Weights, cpu};

/// Points that single precision holds, as are those around them; none where a loss has a kink.
const POINTS: [(f32, f32, f32); 7] = [
    (0.25, 0.75, 0.5),
    (0.5, 1.0, 2.0),
    (0.4375, 0.0, 1.5),
    (0.75, 0.125, 1.25),
    (0.625, 0.25, 3.0),
    (0.3125, 0.8125, 0.75),
    (0.875, 0.5, 1.0),
];

const STEP: f32 = 1.0 / 1024.0;

/// Value, derivative and derivative with respect to the variance of one element.
fn at(function: LossFunction, x: f32, t: f32, third: f32) -> [f64; 3] {
    let (x, t, third) = ([x], [t], [third]);
    let operands = match function.has_target() {
        true => Elementwise::new(logits(&x, 1), logits(&t, 1)),
        false => Elementwise::of_input(logits(&x, 1)),
    };
    let third = Weights::PerElement(logits(&third, 1));
    let operands = match function {
        LossFunction::GaussianNll { .. } => operands.with_variance(third),
        LossFunction::BinaryCrossEntropyWithLogits => operands.with_positive_weights(third),
        _ => operands,
    };
    let upstream = Some(ElementwiseUpstream::Scalar(1.0));
    let options = ElementwiseLoss::unreduced(function);
    let output = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &options).unwrap();
    let of_variance = output.variance_gradient.map_or(0.0, |gradient| gradient[0]);
    [output.values[0], output.gradient.unwrap()[0], of_variance]
}

/// From four values around, to the fourth power of the step.
fn difference(value: impl Fn(f32) -> f64) -> f64 {
    let step = f64::from(STEP);
    let near = (value(STEP) - value(-STEP)) / (2.0 * step);
    let far = (value(2.0 * STEP) - value(-2.0 * STEP)) / (4.0 * step);
    (4.0 * near - far) / 3.0
}

#[test]
fn are_those_of_the_values() {
    for function in every_function() {
        for (x, t, third) in POINTS {
            let x = if matches!(function, LossFunction::KlDivergence { .. }) { -x } else { x };
            let [_, derivative, of_variance] = at(function, x, t, third);
            let expected = difference(|step| at(function, x + step, t, third)[0]);
            let allowed = 1e-7 * (1.0 + expected.abs());
            assert!(
                (derivative - expected).abs() <= allowed,
                "{function:?} at {x}, {t}: {derivative}, expected {expected}"
            );
            if matches!(function, LossFunction::GaussianNll { .. }) {
                let expected = difference(|step| at(function, x, t, third + step)[0]);
                assert!((of_variance - expected).abs() <= 1e-7 * (1.0 + expected.abs()));
            }
        }
    }
}
