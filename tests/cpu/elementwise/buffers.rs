//! Gradients in the caller's memory: the bits of the form that allocates.

use super::call::Call;
use super::every_function;
use crate::{Noise, logits};
use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{
    Element, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, Float, LossFunction, Shape, cpu,
};

fn same<T: Float>(call: &mut Call) {
    call.options.gradient_element = None;
    let mut gradient = vec![T::narrow(-12_345.0); call.form.rows * call.form.classes];
    let (operands, upstream) = (call.operands(), call.upstream());
    let found =
        cpu::Fast.elementwise_loss_into(&operands, upstream, &call.options, &mut gradient).unwrap();
    let options = ElementwiseLoss { gradient_element: Some(T::ELEMENT), ..call.options };
    let expected = cpu::Fast.elementwise_loss_with_gradient(&operands, upstream, &options).unwrap();
    let of_gradient = expected.gradient.clone().unwrap();
    assert_eq!(T::values(&gradient).bytes(), of_gradient.values().bytes());
    assert_eq!(found.variance_gradient.is_some(), expected.variance_gradient.is_some());
    assert_eq!(found, ElementwiseOutput { gradient: None, ..expected });
}

#[test]
fn hold_the_gradient() {
    let mut noise = Noise(8);
    for function in every_function() {
        let options = ElementwiseLoss::new(function);
        for form in [Shape::new(33, 70), Shape::with_class_axis(2, 3, 50)] {
            let elements = [Element::F32; 2];
            let mut call = Call::new(options, form, [3, 3, 0], (4, elements), &mut noise);
            same::<f32>(&mut call);
            same::<f16>(&mut call);
            same::<bf16>(&mut call);
        }
    }
}

/// So much that it passes the caches by.
#[test]
fn hold_a_large_gradient() {
    let count = (1 << 23) + 5;
    let (x, t) = (vec![1.5; count], vec![1.0; count]);
    let operands = Elementwise::new(logits(&x, count), logits(&t, count));
    let options = ElementwiseLoss {
        reduction: ElementwiseReduction::Sum,
        ..ElementwiseLoss::new(LossFunction::SquaredError)
    };
    let (mut gradient, upstream) = (vec![7.0f32; count], ElementwiseUpstream::Scalar(3.0));
    let out = cpu::Fast.elementwise_loss_into(&operands, upstream, &options, &mut gradient);
    assert_eq!(out.unwrap().values, [0.25 * count as f32]);
    assert!(gradient.iter().all(|&value| value == 3.0));
}

#[test]
fn of_the_wrong_length_or_type_are_refused() {
    let mut noise = Noise(10);
    let options = ElementwiseLoss::new(LossFunction::SquaredError);
    let elements = [Element::F32; 2];
    let mut call = Call::new(options, Shape::new(2, 3), [0; 3], (0, elements), &mut noise);
    let run = |call: &Call, gradient: &mut [f32]| {
        let (operands, upstream) = (call.operands(), call.upstream());
        cpu::Fast.elementwise_loss_into(&operands, upstream, &call.options, gradient)
    };
    let error = run(&call, &mut [1.0; 5]).unwrap_err().to_string();
    let expected = "squared error: length of the gradient: expected 6 elements for 2 rows of 3 classes, found 5";
    assert_eq!(error, expected);
    call.options.gradient_element = Some(Element::F16);
    let mut gradient = [1.0; 6];
    let error = run(&call, &mut gradient).unwrap_err().to_string();
    assert_eq!(error, "squared error: gradient's element type: expected f32, found f16");
    assert_eq!(gradient, [1.0; 6]);
}
