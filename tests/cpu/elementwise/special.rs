//! Operands that are not finite, or of which single precision holds no loss.

use super::call::{Call, Extra, Matrix};
use super::every_function;
use crate::Noise;
use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, LossFunction, Mode, Shape};

const INFINITY: f32 = f32::INFINITY;

const INPUTS: [f32; 15] = [
    0.0,
    -0.0,
    1.0,
    0.5,
    -1.0,
    100.0,
    -100.0,
    1e-45,
    1e-38,
    3e38,
    -3e38,
    INFINITY,
    -INFINITY,
    f32::NAN,
    -90.0,
];

const TARGETS: [f32; 11] =
    [0.0, -0.0, 1.0, 0.5, 1e-38, INFINITY, -INFINITY, f32::NAN, -1.0, 100.0, 3e38];

/// Those that are between negative and positive come first.
fn targets(function: &LossFunction) -> &'static [f32] {
    if function.is_binary() { &TARGETS[..8] } else { &TARGETS }
}

const OTHERS: [f32; 6] = [1.0, 0.0, 2.5, INFINITY, f32::NAN, -1.5];

/// Each input with each target: an input for each column, a target for each row.
fn call(options: ElementwiseLoss, which: usize, noise: &mut Noise) -> Call {
    let targets = targets(&options.function);
    let (rows, columns) = (targets.len(), INPUTS.len());
    let form = Shape::new(rows, columns);
    let element = Element::F32;
    let of_target = targets.iter().flat_map(|&target| [target; INPUTS.len()]).collect();
    let others = |noise: &mut Noise| {
        let values = (0..rows * columns).map(|_| OTHERS[noise.below(OTHERS.len())]);
        Extra::PerElement(Matrix::new(values.collect(), form, 0, element))
    };
    let has_third = match options.function {
        LossFunction::GaussianNll { .. } => true,
        LossFunction::BinaryCrossEntropyWithLogits => which > 1,
        _ => false,
    };
    let is_unreduced = options.reduction == ElementwiseReduction::None;
    Call {
        form,
        input: Matrix::new(INPUTS.repeat(rows), form, 0, element),
        target: options.function.has_target().then(|| Matrix::new(of_target, form, 0, element)),
        weights: if which > 0 { others(noise) } else { Extra::None },
        third: if has_third { others(noise) } else { Extra::None },
        upstream: if which > 1 && is_unreduced { others(noise) } else { Extra::None },
        scale: if which == 1 { 0.0 } else { -1.5 },
        options,
    }
}

#[test]
fn operands() {
    let mut noise = Noise(11);
    for function in every_function() {
        for mode in [Mode::Strict, Mode::Masked] {
            for which in 0..6 {
                let options = ElementwiseLoss { mode, ..ElementwiseLoss::unreduced(function) };
                call(options, which, &mut noise).check();
            }
        }
    }
}

#[test]
fn operands_of_reduced_losses() {
    use ElementwiseReduction::{Mean, Sum, WeightedMean};
    let mut noise = Noise(12);
    for function in every_function() {
        for mode in [Mode::Strict, Mode::Masked] {
            for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
                for reduction in [Sum, Mean, WeightedMean] {
                    let options =
                        ElementwiseLoss { mode, axis, reduction, ..ElementwiseLoss::new(function) };
                    call(options, noise.below(3), &mut noise).check();
                }
            }
        }
    }
}

/// One such element among many others leaves these as they are.
#[test]
fn a_single_element() {
    let mut noise = Noise(13);
    for function in every_function() {
        for special in [INFINITY, -INFINITY, f32::NAN] {
            let options = ElementwiseLoss::of_rows(function);
            let (form, layout) = (Shape::new(40, 60), (0, [Element::F32; 2]));
            let mut call = Call::new(options, form, [0, 1, 0], layout, &mut noise);
            let mut values = call.input.values.clone();
            values[777] = special;
            call.input = Matrix::new(values, form, 0, Element::F32);
            call.check();
        }
    }
}

/// A mean over nothing, and over weights whose sum is 0.
#[test]
fn means_over_nothing() {
    let mut noise = Noise(14);
    for mode in [Mode::Strict, Mode::Masked] {
        for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
            for reduction in [ElementwiseReduction::Mean, ElementwiseReduction::WeightedMean] {
                for form in [Shape::new(0, 3), Shape::new(3, 0), Shape::new(4, 3)] {
                    let function = LossFunction::SquaredError;
                    let options =
                        ElementwiseLoss { mode, axis, reduction, ..ElementwiseLoss::new(function) };
                    let layout = (0, [Element::F32; 2]);
                    let mut call = Call::new(options, form, [0; 3], layout, &mut noise);
                    call.check();
                    call.weights = Extra::PerRow(vec![0.0; form.rows]);
                    call.check();
                }
            }
        }
    }
}

/// Sums that single precision would overflow on the way.
#[test]
fn losses_beyond_single_precision() {
    let mut noise = Noise(15);
    let function = LossFunction::SquaredError;
    for reduction in [ElementwiseReduction::Sum, ElementwiseReduction::Mean] {
        let options = ElementwiseLoss { reduction, ..ElementwiseLoss::new(function) };
        let form = Shape::new(100, 30);
        let mut call = Call::new(options, form, [0; 3], (0, [Element::F32; 2]), &mut noise);
        let mut values = vec![0.0; 3000];
        values[1234] = 2e19;
        call.input = Matrix::new(values, form, 0, Element::F32);
        call.check();
    }
}
