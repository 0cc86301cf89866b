//! Focal loss and divergences of logits.

use std::ops::ControlFlow;

use wgpu_loss::{
    ClassIndices, Element, Engine, Error, Gpu, Logits, Mode, Reduction, Shape, SoftmaxAgainst,
    SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput, Targets, Upstream,
};

use super::compare::{assert_same_columns, assert_same_matrix};
use super::{gpu, in_pieces, of_element, of_pieces, values};

const FOCAL: SoftmaxLoss = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 1.5 });
const KL_DIVERGENCE: SoftmaxLoss = SoftmaxLoss::new(SoftmaxFunction::KlDivergence);
const JENSEN_SHANNON: SoftmaxLoss = SoftmaxLoss::new(SoftmaxFunction::JensenShannon);

#[track_caller]
fn assert_same(found: &SoftmaxLossOutput, expected: &SoftmaxLossOutput, context: &str) {
    let columns = |out: &SoftmaxLossOutput| {
        [Some(vec![out.loss]), Some(vec![out.denominator]), out.loss_rows.clone()]
    };
    assert_eq!(found.counted, expected.counted, "{context}");
    assert_same_columns(&columns(found), &columns(expected), context);
    assert_same_matrix(&found.gradient, &expected.gradient, context);
}

/// The same in one piece and in many: with a gradient, and without where asked for.
#[track_caller]
fn check(
    logits: Logits<'_>,
    against: SoftmaxAgainst<'_>,
    upstream: Upstream<'_>,
    options: &SoftmaxLoss,
    forward: bool,
) {
    let context = format!("{:?} {options:?}", logits.shape());
    let of = |gpu: &Gpu| {
        gpu.softmax_loss_with_gradient(logits, against, upstream, options).expect("a valid call")
    };
    assert_same(&of_pieces(of), &of(gpu()), &context);
    if forward {
        let of = |gpu: &Gpu| gpu.softmax_loss(logits, against, options).expect("a valid call");
        assert_same(&of_pieces(of), &of(gpu()), &context);
    }
}

/// Rows side by side and apart, of several blocks, with the classes in the middle.
#[test]
fn softmax_losses_have_the_bits_of_the_whole() {
    let cases = [
        (Shape::new(300, 33), FOCAL),
        (Shape::new(9000, 3), SoftmaxLoss { rows: true, reduction: Reduction::BatchMean, ..FOCAL }),
        (
            Shape::with_class_axis(7, 5, 60),
            SoftmaxLoss { label_smoothing: 0.1, mode: Mode::Masked, ..FOCAL },
        ),
    ];
    for (index, (shape, options)) in cases.into_iter().enumerate() {
        let element = Element::ALL[index];
        let stored = of_element(values(shape.extent().expect("small")), element);
        let logits = Logits::from_values(stored.values(), shape).expect("long enough");
        let (rows, classes) = (shape.rows, shape.classes);
        let ids: Vec<i64> = (0..rows)
            .map(|row| if row % 7 == 3 { -100 } else { (row * 5 % classes) as i64 })
            .collect();
        let weights: Vec<f32> = values(rows).iter().map(|weight| weight.abs()).collect();
        let of_classes = values(classes);
        let targets = Targets::classes(ClassIndices::I64(&ids)).with_row_weights(&weights);
        let targets = if index == 0 { targets.with_class_weights(&of_classes) } else { targets };
        let against = SoftmaxAgainst::Targets(targets);
        check(logits, against, Upstream::Scalar(-0.75), &options, index == 1);
    }
}

#[test]
fn teachers_and_probabilities_come_in_pieces_too() {
    let none = Reduction::None;
    let cases = [
        (Shape::new(300, 33).with_row_stride(40), FOCAL),
        (
            Shape::new(9000, 3),
            SoftmaxLoss { temperature: 2.0, reduction: Reduction::ElementMean, ..KL_DIVERGENCE },
        ),
        (Shape::new(5, 2000), SoftmaxLoss { reduction: none, ..KL_DIVERGENCE }),
        (Shape::with_class_axis(2, 5, 700), JENSEN_SHANNON),
        (Shape::new(300, 33), SoftmaxLoss { reduction: Reduction::Sum, ..JENSEN_SHANNON }),
    ];
    for (index, (shape, options)) in cases.into_iter().enumerate() {
        let options =
            SoftmaxLoss { gradient_element: [None, Some(Element::F32)][index % 2], ..options };
        let of_other = Shape { row_stride: shape.row_stride + 3 * (index % 2), ..shape };
        let stored =
            |shape: Shape, element| of_element(values(shape.extent().expect("small")), element);
        let held = stored(shape, Element::ALL[index % 3]);
        let logits = Logits::from_values(held.values(), shape).expect("long enough");
        let mut other = stored(of_other, Element::F32).into_f32();
        other.iter_mut().for_each(|value| *value = value.abs() / 8.0);
        let other = of_element(other, Element::ALL[(index + 1) % 3]);
        let other = Logits::from_values(other.values(), of_other).expect("long enough");
        let weights: Vec<f32> = values(shape.rows).iter().map(|weight| weight.abs()).collect();
        let against = match options.function.has_teacher() {
            true => SoftmaxAgainst::Teacher { logits: other, row_weights: Some(&weights) },
            false => {
                SoftmaxAgainst::Targets(Targets::probabilities(other).with_row_weights(&weights))
            }
        };
        let upstream = match options.reduction {
            Reduction::None => Upstream::PerRow(&weights),
            _ => Upstream::Scalar(-0.75),
        };
        check(logits, against, upstream, &options, false);
    }
}

#[test]
fn an_invalid_target_of_a_late_piece_is_named() {
    let stored = values(3000 * 33);
    let logits = Logits::new(&stored, 3000, 33).expect("a shape");
    let mut ids = vec![0i32; 3000];
    ids[2900] = 33;
    let wide: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let silent = in_pieces().with_progress(|_| panic!("a piece before the targets are known"));
    for targets in [Targets::classes(&ids), Targets::classes(&wide)] {
        let against = SoftmaxAgainst::Targets(targets);
        let error = silent
            .softmax_loss_with_gradient(logits, against, Upstream::Scalar(1.0), &FOCAL)
            .expect_err("no class");
        let operation = FOCAL.function.name();
        let expected = Error::TargetOutOfRange { operation, row: 2900, value: 33, classes: 33 };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_divergence_can_be_stopped() {
    let stored = values(3000 * 33);
    let logits = Logits::new(&stored, 3000, 33).expect("a shape");
    let against = SoftmaxAgainst::teacher(logits);
    let stopping = in_pieces().with_progress(|progress| match progress.rows_done >= 1000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let of = |gpu: &Gpu| {
        gpu.softmax_loss_with_gradient(logits, against, Upstream::Scalar(1.0), &JENSEN_SHANNON)
    };
    let error = of(&stopping).expect_err("stopped");
    let Error::Cancelled { operation, rows_done: 1000..1100, rows: 3000 } = error else {
        panic!("{error}");
    };
    assert_eq!(operation, JENSEN_SHANNON.function.name());
    // The device goes on; student and teacher are the same.
    assert_eq!(of(&in_pieces()).expect("a call").loss, 0.0);
}
