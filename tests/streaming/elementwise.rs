//! Element-wise losses that are not put together, or row by row; [`across`](super::across): others.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use wgpu_loss::{
    Axis, Element, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, Error, Gpu, Logits, LossFunction, Mode, Progress, Shape, Weights,
};

use super::compare::{assert_same_columns, assert_same_matrix};
use super::reductions::{gap_of, shapes, sparse, stored};
use super::{gpu, in_pieces, of_pieces, values};

pub(super) const FUNCTIONS: [LossFunction; 4] = [
    LossFunction::BinaryCrossEntropyWithLogits,
    LossFunction::GaussianNll { full: true, epsilon: 1e-3 },
    LossFunction::KlDivergence { log_target: false },
    LossFunction::Entropy,
];

const REDUCTIONS: [ElementwiseReduction; 4] = [
    ElementwiseReduction::None,
    ElementwiseReduction::Sum,
    ElementwiseReduction::Mean,
    ElementwiseReduction::WeightedMean,
];

#[track_caller]
pub(super) fn assert_same(found: &ElementwiseOutput, expected: &ElementwiseOutput, context: &str) {
    let columns = |out: &ElementwiseOutput| [Some(out.values.clone()), out.denominator.clone()];
    assert_eq!(found.counts, expected.counts, "{context}");
    assert_same_columns(&columns(found), &columns(expected), context);
    assert_same_matrix(&found.gradient, &expected.gradient, context);
    assert_same_matrix(&found.variance_gradient, &expected.variance_gradient, context);
}

/// Operands of a shape that a loss may have, each in a form and a layout of its own.
pub(super) struct Held {
    shape: Shape,
    input: wgpu_loss::OwnedValues,
    others: Vec<(Shape, wgpu_loss::OwnedValues)>,
    of_rows: Vec<f32>,
    of_columns: Vec<f32>,
}

impl Held {
    pub(super) fn new(shape: Shape, index: usize) -> Self {
        let shape = shape.with_element(Element::ALL[index % 3]);
        let other = |gap: usize| {
            let row_stride = shape.row_stride + gap_of(shape, gap);
            let shape = Shape { row_stride, ..shape }.with_element(Element::ALL[(index + gap) % 3]);
            (shape, stored(shape))
        };
        Self {
            shape,
            input: stored(shape),
            others: (1..4).map(other).collect(),
            of_rows: sparse(shape.rows),
            of_columns: sparse(shape.classes),
        }
    }

    fn input(&self) -> Logits<'_> {
        Logits::from_values(self.input.values(), self.shape).expect("long enough")
    }

    fn other(&self, index: usize) -> Logits<'_> {
        let (shape, stored) = &self.others[index];
        Logits::from_values(stored.values(), *shape).expect("long enough")
    }

    fn weights(&self, form: usize) -> Weights<'_> {
        match form % 4 {
            0 => Weights::PerRow(&self.of_rows),
            1 => Weights::PerElement(self.other(1)),
            2 => Weights::PerColumn(&self.of_columns),
            _ => Weights::None,
        }
    }

    /// One for each column.
    pub(super) fn columns(&self) -> &[f32] {
        &self.of_columns
    }

    /// What a function takes of these, weights in the form's turn, and options that suit it.
    pub(super) fn call(
        &self,
        function: LossFunction,
        index: usize,
        form: usize,
    ) -> (Elementwise<'_>, ElementwiseLoss) {
        let operands = match function.has_target() {
            true => Elementwise::new(self.input(), self.other(0)),
            false => Elementwise::of_input(self.input()),
        };
        let operands = operands.with_weights(self.weights(form));
        let operands = match function {
            LossFunction::BinaryCrossEntropyWithLogits => {
                operands.with_positive_weights(self.weights(index))
            }
            LossFunction::GaussianNll { .. } => operands.with_variance(self.weights(index / 2 % 3)),
            _ => operands,
        };
        let is_binary = function.is_binary();
        let options = ElementwiseLoss {
            mode: [Mode::Strict, Mode::Masked][form % 2],
            threshold: is_binary.then_some(0.25),
            label_smoothing: if is_binary { 0.1 } else { 0.0 },
            gradient_element: [None, Some(Element::F32)][index % 2],
            ..ElementwiseLoss::new(function)
        };
        (operands, options)
    }

    fn upstream(&self, form: usize, is_unreduced: bool) -> ElementwiseUpstream<'_> {
        match form % if is_unreduced { 4 } else { 2 } {
            0 => ElementwiseUpstream::PerRow(&self.of_rows),
            1 => ElementwiseUpstream::Scalar(-0.75),
            2 => ElementwiseUpstream::PerElement(self.other(2)),
            _ => ElementwiseUpstream::PerColumn(&self.of_columns),
        }
    }
}

/// Compares a call in pieces, that of a function, an index and a form, with the same at once, which
/// it returns.
#[track_caller]
fn check(
    held: &Held,
    (function, index, form): (LossFunction, usize, usize),
    reduction: ElementwiseReduction,
    has_forward: bool,
) -> ElementwiseOutput {
    let (operands, usual) = held.call(function, index, form);
    let is_unreduced = reduction == ElementwiseReduction::None;
    let axis = if is_unreduced { Axis::All } else { Axis::EachRow };
    let options = ElementwiseLoss { reduction, axis, ..usual };
    let context = format!("{:?} {options:?}", operands.layout());
    let upstream = held.upstream(form, is_unreduced);
    let fused = |gpu: &Gpu| {
        gpu.elementwise_loss_with_gradient(&operands, upstream, &options).expect("a valid call")
    };
    let whole = fused(gpu());
    assert_eq!(whole.counts.is_some(), function.is_binary());
    assert_same(&of_pieces(fused), &whole, &context);
    if has_forward {
        let forward = |gpu: &Gpu| gpu.elementwise_loss(&operands, &options).expect("a valid call");
        assert_same(&of_pieces(forward), &forward(gpu()), &context);
    }
    whole
}

#[test]
fn losses_have_the_bits_of_the_whole() {
    let mut variance_gradients = 0;
    for (index, shape) in shapes().into_iter().enumerate() {
        let held = Held::new(shape, index);
        for (number, function) in FUNCTIONS.into_iter().enumerate() {
            // Each kernel takes its time to compile: every shape has half of the functions.
            if (number + index) % 2 == 1 {
                continue;
            }
            let form = index / 2 + number;
            let reduction = REDUCTIONS[form % 4];
            let whole = check(&held, (function, index, form), reduction, number == index % 4);
            variance_gradients += usize::from(whole.variance_gradient.is_some());
        }
    }
    assert!(variance_gradients > 0, "{variance_gradients}");
}

/// Rows of one block, some at a time: of one part and of several, of vectors and not, and of which
/// only all values together are vectors. Single values with gaps between.
#[test]
fn rows_that_are_walked_as_the_whole_have_its_bits() {
    use ElementwiseReduction::{Mean, None, Sum, WeightedMean};
    let [binary, gaussian, divergence, entropy] = FUNCTIONS;
    let block = |classes, inner| Shape::with_class_axis(1, classes, inner);
    let single = Shape::new(3000, 1).with_row_stride(3);
    for (shape, call, reduction) in [
        (block(4, 702), (divergence, 0, 1), Sum),
        (block(5, 701), (gaussian, 2, 0), WeightedMean),
        (block(300, 700), (binary, 1, 2), Mean),
        (single, (gaussian, 5, 0), WeightedMean),
        (single, (binary, 1, 1), Sum),
        (single, (entropy, 0, 0), None),
    ] {
        check(&Held::new(shape, call.1), call, reduction, false);
    }
}

/// The last piece of a block may be larger than the others, never smaller than a workgroup's columns.
#[test]
fn blocks_around_a_pieces_boundary_have_the_bits_of_the_whole() {
    for inner in [192, 193, 255, 256, 257] {
        let held = Held::new(Shape::with_class_axis(1, 8, inner), 0);
        let call = (LossFunction::SquaredError, 0, 0);
        check(&held, call, ElementwiseReduction::WeightedMean, false);
    }
}

#[test]
fn whoever_watches_a_loss_can_stop_it() {
    let stored = values(3000 * 33);
    let logits = Logits::new(&stored, 3000, 33).expect("a shape");
    let operands = Elementwise::new(logits, logits);
    let options = ElementwiseLoss::of_rows(LossFunction::SquaredError);
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let record = Arc::clone(&seen);
    let watched = in_pieces().with_progress(move |progress| {
        record.lock().expect("no panic").push(progress);
        ControlFlow::Continue(())
    });
    let out = watched.elementwise_loss(&operands, &options).expect("a call");
    assert_eq!(out.values, vec![0.0; 3000]);
    let seen = seen.lock().expect("no panic").clone();
    assert!(seen.len() > 50, "{} pieces", seen.len());
    assert!(seen.is_sorted_by_key(|progress| progress.rows_done));
    assert!(seen.iter().all(|progress| progress.operation == "squared error"));
    assert_eq!(seen.last().map(|last| (last.rows_done, last.rows)), Some((3000, 3000)));

    let stopping = in_pieces().with_progress(|progress| match progress.rows_done >= 1000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let upstream = ElementwiseUpstream::Scalar(1.0);
    let error = stopping
        .elementwise_loss_with_gradient(&operands, upstream, &options)
        .expect_err("stopped");
    let Error::Cancelled { rows_done: 1000..1200, rows: 3000, .. } = error else {
        panic!("{error}");
    };
    let out = in_pieces().elementwise_loss(&operands, &options).expect("the device goes on");
    assert_eq!(out.values, vec![0.0; 3000]);
}

#[test]
fn losses_of_nothing() {
    for (rows, columns) in [(0, 33), (5, 0)] {
        let logits = Logits::new(&[] as &[f32], rows, columns).expect("a shape");
        let operands = Elementwise::new(logits, logits);
        for reduction in REDUCTIONS {
            let options = ElementwiseLoss {
                reduction,
                axis: Axis::EachRow,
                ..ElementwiseLoss::new(LossFunction::SquaredError)
            };
            let of = |gpu: &Gpu| gpu.elementwise_loss(&operands, &options).expect("a valid call");
            let results = if reduction == ElementwiseReduction::None { 0 } else { rows };
            assert_eq!(of(&in_pieces()).values.len(), results);
            assert_same(&of(&in_pieces()), &of(gpu()), "nothing");
        }
    }
}
