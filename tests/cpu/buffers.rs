//! Gradients in the caller's memory and in the place of the logits: the bits of the form that
//! allocates, and nothing written anywhere else.

use crate::{ALL_ROWS, Noise, REDUCTIONS, options};
use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Element, Engine, Error, Float, Input, LogSumExp, Logits,
    Mode, OwnedValues, Reduction, Shape, Targets, Upstream, cpu,
};

/// What lies in gaps, and in results before they are written.
const POISON: f32 = -12_345.0;

fn bytes<T: Float>(values: &[T]) -> Vec<u8> {
    T::values(values).bytes().to_vec()
}

/// As text, since NaN is not equal to itself.
fn text(output: &CrossEntropyOutput) -> String {
    format!("{:?}", CrossEntropyOutput { gradient: None, ..output.clone() })
}

/// Shapes that take every way through the engine: side by side, row by row, in parts; with gaps;
/// with the class axis in the middle.
fn shapes() -> Vec<Shape> {
    vec![
        Shape::new(100, 1),
        Shape::new(333, 10),
        Shape::new(64, 16),
        Shape::new(70, 10).with_row_stride(13),
        Shape::new(40, 17),
        Shape::new(9, 300).with_row_stride(301),
        Shape::new(3, 20_000),
        Shape::new(2, 150_001).with_row_stride(150_010),
        Shape::with_class_axis(3, 5, 7),
        Shape::with_class_axis(2, 9, 33).with_row_stride(300),
        Shape::with_class_axis(1, 12, 100),
        Shape::with_class_axis(1, 40_000, 3),
        Shape::new(0, 3),
    ]
}

/// Logits of a shape, with poison in its gaps; some rows are special.
fn values_of<T: Float>(shape: Shape, noise: &mut Noise) -> Vec<T> {
    let mut values = vec![T::narrow(POISON); shape.extent().unwrap()];
    for row in 0..shape.rows {
        for class in 0..shape.classes {
            let special = match row % 37 {
                30 if class == 0 => Some(f32::NEG_INFINITY),
                31 => Some(f32::NEG_INFINITY),
                32 if class + 1 == shape.classes => Some(f32::NAN),
                33 if class == 0 => Some(f32::INFINITY),
                34 if class == 0 => Some(60.0),
                _ => None,
            };
            let value = special.unwrap_or_else(|| noise.float(-4.0, 4.0));
            values[shape.start_of(row) + class * shape.inner] = T::narrow(value);
        }
    }
    values
}

/// The gradient of each row where the logits are, what lies between as it was.
fn scattered<T: Float>(values: &[T], shape: Shape, gradient: &[T]) -> Vec<T> {
    let mut expected = values.to_vec();
    let contiguous = shape.contiguous();
    for row in 0..shape.rows {
        for class in 0..shape.classes {
            expected[shape.start_of(row) + class * shape.inner] =
                gradient[contiguous.start_of(row) + class * shape.inner];
        }
    }
    expected
}

fn typed<T: Float>(values: OwnedValues) -> Vec<T> {
    assert_eq!(values.element(), T::ELEMENT);
    values.into_f32().into_iter().map(T::narrow).collect()
}

fn check<T: Float>(shape: Shape, options: &CrossEntropy, noise: &mut Noise) {
    let values: Vec<T> = values_of(shape, noise);
    let logits = Logits::from_values(T::values(&values), shape).unwrap();
    let classes: Vec<i32> = (0..shape.rows)
        .map(|row| if row % 11 == 10 { -100 } else { noise.below(shape.classes) as i32 })
        .collect();
    let weights = noise.floats(shape.classes, 0.0, 2.0);
    let plain = Targets::classes(&classes);
    for targets in [plain, plain.with_class_weights(&weights)] {
        let upstream = Upstream::Scalar(0.75);
        let expected =
            cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, options).unwrap();
        let outcome = text(&expected);
        let gradient: Vec<T> = typed(expected.gradient.unwrap());
        let mut into = vec![T::narrow(POISON); shape.rows * shape.classes];
        let out =
            cpu::Fast.cross_entropy_into(logits, targets, upstream, options, &mut into).unwrap();
        assert_eq!((text(&out), out.gradient), (outcome.clone(), None));
        assert!(bytes(&into) == bytes(&gradient), "into, {shape:?}, {options:?}");
        let mut place = values.clone();
        let out = cpu::Fast
            .cross_entropy_in_place(&mut place, shape, targets, upstream, options)
            .unwrap();
        assert_eq!((text(&out), out.gradient), (outcome, None));
        let expected = scattered(&values, shape, &gradient);
        assert!(bytes(&place) == bytes(&expected), "in place, {shape:?}, {options:?}");
    }
}

#[test]
fn cross_entropy_has_the_same_bits_wherever_its_gradient_goes() {
    let mut noise = Noise(31);
    for shape in shapes() {
        for reduction in REDUCTIONS {
            let plain = CrossEntropy { reduction, ..CrossEntropy::default() };
            check::<f32>(shape, &plain, &mut noise);
        }
        let plain = CrossEntropy::default();
        let smoothed = CrossEntropy { label_smoothing: 0.1, z_loss: 0.01, ..plain };
        let masked = CrossEntropy { mode: Mode::Masked, correct: true, rows: ALL_ROWS, ..plain };
        let capped = CrossEntropy { softcap: Some(2.0), logit_scale: 1.5, ..plain };
        let given = CrossEntropy { input: Input::LogProbabilities, ..plain };
        for options in [smoothed, masked, capped, given] {
            check::<f32>(shape, &options, &mut noise);
        }
        check::<f16>(shape, &plain, &mut noise);
        check::<bf16>(shape, &plain, &mut noise);
        check::<bf16>(shape, &capped, &mut noise);
        check::<f16>(shape, &given, &mut noise);
    }
}

/// Large enough to be written past the caches; starts off any alignment.
#[test]
fn large_gradients_have_the_same_bits() {
    for (rows, classes) in [(1_000_000, 10), (30_000, 333), (1, 9_000_001)] {
        let values = Noise(rows as u64).floats(rows * classes, -5.0, 5.0);
        let targets: Vec<i64> = (0..rows).map(|row| (row * 31 % classes) as i64).collect();
        let (logits, targets) =
            (Logits::new(&values, rows, classes).unwrap(), Targets::classes(&targets));
        let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
        let expected =
            cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
        let mut room = vec![POISON; rows * classes + 2];
        let into = &mut room[1..=rows * classes];
        let out = cpu::Fast.cross_entropy_into(logits, targets, upstream, &options, into).unwrap();
        assert_eq!(out.loss.to_bits(), expected.loss.to_bits());
        assert!(expected.gradient == Some(OwnedValues::F32(into.to_vec())));
        assert_eq!((room[0], room[rows * classes + 1]), (POISON, POISON));
    }
}

#[test]
fn log_sum_exp_has_the_same_bits_wherever_its_gradient_goes() {
    fn check<T: Float>(shape: Shape, noise: &mut Noise) {
        let values: Vec<T> = values_of(shape, noise);
        let logits = Logits::from_values(T::values(&values), shape).unwrap();
        let factors: Vec<f32> = (0..shape.rows).map(|row| row as f32 - 2.5).collect();
        let (upstream, options) = (Upstream::PerRow(&factors), LogSumExp::default());
        let expected = cpu::Fast.log_sum_exp_with_gradient(logits, upstream, &options).unwrap();
        let gradient: Vec<T> = typed(expected.gradient.unwrap());
        let mut into = vec![T::narrow(POISON); gradient.len()];
        let out = cpu::Fast.log_sum_exp_into(logits, upstream, &options, &mut into).unwrap();
        assert_eq!(bytes(&out.log_sum_exp), bytes(&expected.log_sum_exp));
        assert_eq!(bytes(&into), bytes(&gradient));
        let mut place = values.clone();
        let out = cpu::Fast.log_sum_exp_in_place(&mut place, shape, upstream, &options).unwrap();
        assert_eq!(bytes(&out.log_sum_exp), bytes(&expected.log_sum_exp));
        assert!(bytes(&place) == bytes(&scattered(&values, shape, &gradient)), "{shape:?}");
    }
    let mut noise = Noise(32);
    for shape in shapes() {
        check::<f32>(shape, &mut noise);
        check::<f16>(shape, &mut noise);
        check::<bf16>(shape, &mut noise);
    }
}

/// A gradient of another type than the logits.
#[test]
fn a_buffer_has_its_own_element_type() {
    let values = Noise(5).floats(60, -3.0, 3.0);
    let logits = Logits::new(&values, 6, 10).unwrap();
    let targets = Targets::classes(&[0, 1, 2, 3, 4, 5]);
    let element = Some(Element::Bf16);
    let options = CrossEntropy { gradient_element: element, ..CrossEntropy::default() };
    let upstream = Upstream::default();
    let expected =
        cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
    let mut gradient = vec![bf16::from_f32(POISON); 60];
    for options in [options, CrossEntropy { gradient_element: None, ..options }] {
        gradient.fill(bf16::from_f32(POISON));
        cpu::Fast.cross_entropy_into(logits, targets, upstream, &options, &mut gradient).unwrap();
        assert_eq!(expected.gradient, Some(OwnedValues::Bf16(gradient.clone())));
    }
}

/// Nothing is written before a call is refused.
#[test]
fn refusals_name_what_was_expected_and_leave_the_buffers_alone() {
    let values = [1.0, 2.0, 3.0, 4.0];
    let logits = Logits::new(&values, 2, 2).unwrap();
    let (targets, upstream) = (Targets::classes(&[0, 1]), Upstream::default());
    let plain = options(Reduction::Mean);
    for length in [0, 3, 5] {
        let mut gradient = vec![POISON; length];
        let refused =
            cpu::Fast.cross_entropy_into(logits, targets, upstream, &plain, &mut gradient);
        let text = refused.unwrap_err().to_string();
        let expected = "cross-entropy: length of the gradient: expected 4 elements for 2 rows of 2 \
                        classes, found ";
        assert_eq!(text, format!("{expected}{length}"));
        let options = LogSumExp::default();
        let refused = cpu::Fast.log_sum_exp_into(logits, upstream, &options, &mut gradient);
        assert!(refused.unwrap_err().to_string().starts_with("log-sum-exp: length of the grad"));
        assert!(gradient.iter().all(|&value| value == POISON));
    }
    let mut gradient = [POISON; 4];
    let other = CrossEntropy { gradient_element: Some(Element::F16), ..plain };
    let refused = cpu::Fast.cross_entropy_into(logits, targets, upstream, &other, &mut gradient);
    let text = refused.unwrap_err().to_string();
    assert_eq!(text, "cross-entropy: gradient's element type: expected f32, found f16");
    let wrong = Targets::classes(&[0, 2]);
    let refused = cpu::Fast.cross_entropy_into(logits, wrong, upstream, &plain, &mut gradient);
    assert_eq!(
        refused,
        Err(Error::TargetOutOfRange { operation: "cross-entropy", row: 1, value: 2, classes: 2 })
    );
    assert_eq!(gradient, [POISON; 4]);

    let mut place = values;
    let shape = Shape::new(2, 2);
    let short = &mut place[..3];
    assert!(cpu::Fast.cross_entropy_in_place(short, shape, targets, upstream, &plain).is_err());
    let overlapping = shape.with_row_stride(1);
    let refused =
        cpu::Fast.cross_entropy_in_place(&mut place, overlapping, targets, upstream, &plain);
    assert!(refused.unwrap_err().to_string().contains("row stride: expected at least"));
    assert!(
        cpu::Fast.cross_entropy_in_place(&mut place, shape, targets, upstream, &other).is_err()
    );
    assert!(cpu::Fast.cross_entropy_in_place(&mut place, shape, wrong, upstream, &plain).is_err());
    let factors = Upstream::PerRow(&[1.0]);
    let options = LogSumExp::default();
    assert!(cpu::Fast.log_sum_exp_in_place(&mut place, shape, factors, &options).is_err());
    assert_eq!(place, values);
}
