//! What is refused, and how: both engines alike.

use super::PARABOLA;
use crate::{ENGINES, logits};
use wgpu_loss::{
    Axis, CustomLoss, Elementwise, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream,
    Logits, LossFunction, Shape, Weights,
};

const VALUES: [f32; 12] = [0.5; 12];

/// Three rows of two columns.
fn six() -> Logits<'static> {
    logits(&VALUES[..6], 2)
}

fn two_operands() -> Elementwise<'static> {
    Elementwise::new(six(), six())
}

#[track_caller]
fn refused(
    operands: &Elementwise<'_>,
    upstream: ElementwiseUpstream<'_>,
    options: &ElementwiseLoss,
    message: &str,
) {
    for engine in ENGINES {
        let result = engine.elementwise_loss_with_gradient(operands, upstream, options);
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

#[track_caller]
fn refused_operands(operands: Elementwise<'_>, function: LossFunction, message: &str) {
    refused(&operands, ElementwiseUpstream::default(), &ElementwiseLoss::new(function), message);
}

#[track_caller]
fn refused_options(options: ElementwiseLoss, message: &str) {
    let operands = match options.function {
        LossFunction::GaussianNll { .. } => {
            two_operands().with_variance(Weights::PerRow(&[1.0; 3]))
        }
        _ => two_operands(),
    };
    refused(&operands, ElementwiseUpstream::default(), &options, message);
}

const SQUARE: LossFunction = LossFunction::SquaredError;
const LOGITS: LossFunction = LossFunction::BinaryCrossEntropyWithLogits;
const GAUSS: LossFunction = LossFunction::GaussianNll { full: false, epsilon: 1e-6 };

#[test]
fn operands_too_many_or_too_few() {
    let (none, entropy) = (Elementwise::of_input(six()), LossFunction::Entropy);
    let message = "squared error: target: expected one for each element, found none";
    refused_operands(none, SQUARE, message);
    refused_operands(two_operands(), entropy, "entropy: target: expected none, found one");
    let some = Weights::PerRow(&VALUES[..3]);
    let message = "squared error: weights of positives: expected none, found some";
    refused_operands(two_operands().with_positive_weights(some), SQUARE, message);
    let message = "squared error: variance: expected none, found some";
    refused_operands(two_operands().with_variance(some), SQUARE, message);
    let message = "Gaussian negative log-likelihood: variance: expected one for each row, column or \
                   element, found none";
    refused_operands(two_operands(), GAUSS, message);
}

#[test]
fn operands_of_another_form() {
    let other = logits(&VALUES[..6], 3);
    let message = "squared error: target: expected (3, 2), found (2, 3)";
    refused_operands(Elementwise::new(six(), other), SQUARE, message);
    let other = Weights::PerElement(other);
    let message = "squared error: weights: expected (3, 2), found (2, 3)";
    refused_operands(two_operands().with_weights(other), SQUARE, message);
    let message =
        "binary cross-entropy with logits: weights of positives: expected (3, 2), found (2, 3)";
    refused_operands(two_operands().with_positive_weights(other), LOGITS, message);
    let message = "Gaussian negative log-likelihood: variance: expected (3, 2), found (2, 3)";
    refused_operands(two_operands().with_variance(other), GAUSS, message);
    let middle = Shape::with_class_axis(1, 2, 3);
    let middle = Logits::from_values((&VALUES[..6]).into(), middle).unwrap();
    let message = "squared error: target: expected (3, 2), found (1, 2, 3)";
    refused_operands(Elementwise::new(six(), middle), SQUARE, message);
}

#[test]
fn operands_of_the_wrong_length() {
    let (two, three) = (&VALUES[..2], &VALUES[..3]);
    let message = "squared error: number of weights: expected 3, one per row, found 2";
    refused_operands(two_operands().with_weights(Weights::PerRow(two)), SQUARE, message);
    let message = "squared error: number of weights: expected 2, one per column, found 3";
    refused_operands(two_operands().with_weights(Weights::PerColumn(three)), SQUARE, message);
    let message = "binary cross-entropy with logits: number of weights of positives: expected 2, one \
                   per column, found 3";
    let operands = two_operands().with_positive_weights(Weights::PerColumn(three));
    refused_operands(operands, LOGITS, message);
    let message = "Gaussian negative log-likelihood: number of variances: expected 3, one per row, \
                   found 2";
    refused_operands(two_operands().with_variance(Weights::PerRow(two)), GAUSS, message);
}

#[test]
fn options_out_of_range() {
    let smoothed = |function, label_smoothing| ElementwiseLoss {
        label_smoothing,
        ..ElementwiseLoss::new(function)
    };
    let message = "binary cross-entropy with logits: label smoothing: expected 0 to 1, found 1.5";
    refused_options(smoothed(LOGITS, 1.5), message);
    let message = "binary cross-entropy with logits: label smoothing: expected 0 to 1, found NaN";
    refused_options(smoothed(LOGITS, f32::NAN), message);
    let message = "squared error: label smoothing: expected none, since the targets are not binary, \
                   found 0.5";
    refused_options(smoothed(SQUARE, 0.5), message);
    let counting = |function, threshold| ElementwiseLoss {
        threshold: Some(threshold),
        ..ElementwiseLoss::new(function)
    };
    let message =
        "squared error: threshold: expected none, since the targets are not binary, found 0";
    refused_options(counting(SQUARE, 0.0), message);
    let message =
        "binary cross-entropy with logits: threshold: expected a finite number, found inf";
    refused_options(counting(LOGITS, f32::INFINITY), message);
    let batch = ElementwiseLoss {
        reduction: ElementwiseReduction::BatchMean,
        axis: Axis::EachRow,
        ..ElementwiseLoss::new(SQUARE)
    };
    let message = "squared error: axis: expected All, since the sum is divided by the number of rows, \
                   found EachRow";
    refused_options(batch, message);
}

#[test]
fn parameters_out_of_range() {
    let refused = |function, message| refused_options(ElementwiseLoss::new(function), message);
    let focal = |alpha, gamma| LossFunction::SigmoidFocal { alpha, gamma };
    let message = "sigmoid focal loss: gamma: expected a finite number, at least 0, found -1";
    refused(focal(None, -1.0), message);
    let message = "sigmoid focal loss: alpha: expected a finite number, found NaN";
    refused(focal(Some(f32::NAN), 2.0), message);
    let message = "Huber loss: delta: expected a finite number above 0, found 0";
    refused(LossFunction::Huber { delta: 0.0 }, message);
    let message = "Poisson negative log-likelihood: epsilon: expected a finite number, at least 0, found -0.5";
    refused(LossFunction::PoissonNll { log_input: false, full: false, epsilon: -0.5 }, message);
    let message =
        "Gaussian negative log-likelihood: epsilon: expected a finite number above 0, found 0";
    refused(LossFunction::GaussianNll { full: true, epsilon: 0.0 }, message);
    let message = "parabola: parameters: expected finite numbers, found inf";
    let parameters = [1.0, f32::INFINITY, 0.0, 0.0];
    refused(LossFunction::Custom(CustomLoss { parameters, ..PARABOLA }), message);
}

#[test]
fn upstream_gradients_of_another_form() {
    use ElementwiseUpstream::{PerColumn, PerElement, PerRow};
    let (two, three) = (&VALUES[..2], &VALUES[..3]);
    let along = |axis| ElementwiseLoss { axis, ..ElementwiseLoss::new(SQUARE) };
    let refused = |upstream, options, message: &str| {
        refused(&two_operands(), upstream, &options, message);
    };
    let message = "squared error: upstream gradient: expected a scalar, since the loss is reduced to \
                   one value, found one value per row";
    refused(PerRow(three), along(Axis::All), message);
    let message = "squared error: upstream gradient: expected a scalar or one value per row, as there \
                   are results, found one value per column";
    refused(PerColumn(two), along(Axis::EachRow), message);
    let message = "squared error: upstream gradient: expected a scalar or one value per column, as \
                   there are results, found one value per element";
    refused(PerElement(six()), along(Axis::EachColumn), message);
    let message = "squared error: upstream gradient: expected 3, one per row, found 2";
    refused(PerRow(two), along(Axis::EachRow), message);
    let message = "squared error: upstream gradient: expected (3, 2), found (2, 3)";
    let unreduced = ElementwiseLoss::unreduced(SQUARE);
    refused(PerElement(logits(&VALUES[..6], 3)), unreduced, message);
}
