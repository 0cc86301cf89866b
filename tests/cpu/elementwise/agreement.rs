//! `cpu::Fast` against the oracle.

use super::call::{Call, FORMS};
use super::every_function;
use crate::Noise;
use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, LossFunction, Mode, Shape};

const REDUCTIONS: [ElementwiseReduction; 5] = [
    ElementwiseReduction::None,
    ElementwiseReduction::Sum,
    ElementwiseReduction::Mean,
    ElementwiseReduction::WeightedMean,
    ElementwiseReduction::BatchMean,
];

const AXES: [Axis; 3] = [Axis::EachRow, Axis::EachColumn, Axis::All];

const SINGLE: [Element; 2] = [Element::F32; 2];

/// Every way to reduce.
fn reductions() -> impl Iterator<Item = (ElementwiseReduction, Axis)> {
    let all = REDUCTIONS.into_iter().flat_map(|reduction| AXES.map(|axis| (reduction, axis)));
    all.filter(|&(reduction, axis)| {
        reduction != ElementwiseReduction::BatchMean || axis == Axis::All
    })
}

#[test]
fn every_function_reduction_axis_and_form_of_weights() {
    let mut noise = Noise(1);
    let forms = [Shape::new(7, 5), Shape::with_class_axis(3, 4, 6), Shape::new(3, 40)];
    for function in every_function() {
        for (reduction, axis) in reductions() {
            for weights in 0..FORMS {
                let options = ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function) };
                let form = forms[noise.below(forms.len())];
                let (third, upstream, gap) = (noise.below(4), noise.below(4), noise.below(3) * 3);
                let layout = (gap, SINGLE);
                Call::new(options, form, [weights, third, upstream], layout, &mut noise).check();
            }
        }
    }
}

#[test]
fn every_element_type() {
    let mut noise = Noise(2);
    for function in every_function() {
        for of_input in Element::ALL {
            for of_target in Element::ALL {
                let gradient_element = Element::ALL[noise.below(3)];
                let reduction = REDUCTIONS[noise.below(4)];
                let options = ElementwiseLoss {
                    reduction,
                    gradient_element: Some(gradient_element).filter(|_| noise.below(2) == 0),
                    ..ElementwiseLoss::new(function)
                };
                let forms = [noise.below(4), noise.below(4), noise.below(4)];
                let layout = (noise.below(2) * 5, [of_input, of_target]);
                Call::new(options, Shape::new(9, 19), forms, layout, &mut noise).check();
            }
        }
    }
}

/// Around the widths of vectors and blocks, in one row, in one column and in many.
#[test]
fn every_size() {
    let mut noise = Noise(3);
    let sizes = [0, 1, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1023, 1025, 4095, 4096, 4097];
    for size in sizes {
        for form in
            [Shape::new(1, size), Shape::new(size, 1), Shape::with_class_axis(1, 1, size.max(1))]
        {
            for axis in AXES {
                let reduction = REDUCTIONS[noise.below(4)];
                let function = every_function()[noise.below(22)];
                let options = ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function) };
                let forms = [noise.below(4), noise.below(4), noise.below(4)];
                Call::new(options, form, forms, (0, SINGLE), &mut noise).check();
            }
        }
    }
}

/// Over several parts: long lines, many short ones, few long ones, with gaps and rows side by side.
#[test]
fn every_way_to_part_elements() {
    let mut noise = Noise(4);
    let forms = [
        Shape::new(1, 70_000),
        Shape::new(40_000, 1),
        Shape::new(2, 17_500),
        Shape::new(5000, 7),
        Shape::new(70, 1000),
        Shape::with_class_axis(1, 2, 17_000),
        Shape::with_class_axis(20, 30, 40),
        Shape::with_class_axis(2, 6000, 2),
    ];
    let functions = [
        LossFunction::SquaredError,
        LossFunction::BinaryCrossEntropyWithLogits,
        LossFunction::GaussianNll { full: false, epsilon: 1e-3 },
    ];
    for form in forms {
        for axis in AXES {
            let (reduction, function) = (REDUCTIONS[noise.below(4)], functions[noise.below(3)]);
            let options = ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function) };
            let forms = [noise.below(4), noise.below(4), noise.below(4)];
            let gap = noise.below(2) * 3;
            Call::new(options, form, forms, (gap, SINGLE), &mut noise).check();
        }
    }
}

#[test]
fn smoothed_targets_and_thresholds() {
    let mut noise = Noise(5);
    for function in every_function().into_iter().filter(LossFunction::is_binary) {
        for label_smoothing in [0.01, 0.1, 0.5, 1.0] {
            for mode in [Mode::Strict, Mode::Masked] {
                let threshold = match function {
                    LossFunction::BinaryCrossEntropy => 0.5,
                    _ => 0.0,
                };
                let options = ElementwiseLoss {
                    reduction: REDUCTIONS[noise.below(5)],
                    label_smoothing,
                    mode,
                    threshold: Some(threshold).filter(|_| noise.below(4) > 0),
                    ..ElementwiseLoss::new(function)
                };
                let forms = [noise.below(4), noise.below(4), noise.below(4)];
                Call::new(options, Shape::new(37, 41), forms, (2, SINGLE), &mut noise).check();
            }
        }
    }
}

/// Logits so far out that one side vanishes, and numbers of every magnitude.
#[test]
fn every_magnitude() {
    let mut noise = Noise(6);
    for function in every_function() {
        let options = ElementwiseLoss::unreduced(function);
        let mut call = Call::new(options, Shape::new(40, 100), [0, 3, 0], (0, SINGLE), &mut noise);
        let logits = matches!(
            function,
            LossFunction::BinaryCrossEntropyWithLogits | LossFunction::SigmoidFocal { .. }
        );
        let spread = |x: f32, noise: &mut Noise| match logits {
            true => x * 5.0,
            false => x * 2f32.powi(noise.below(60) as i32 - 59),
        };
        let values: Vec<f32> = call.input.values.iter().map(|&x| spread(x, &mut noise)).collect();
        call.input = super::call::Matrix::new(values, call.form, 0, Element::F32);
        call.check();
    }
}
