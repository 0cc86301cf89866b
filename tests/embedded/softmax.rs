//! Softmax, log-softmax and their gradients on the caller's buffers.

use wgpu_loss::wgpu::BufferSlice;
use wgpu_loss::{
    Element, Error, GradientPlace, Result, Shape, Softmax, SoftmaxOperands, SoftmaxPass,
};
use wgpu_loss_verify::{Factor, Operation};

use crate::calls::{check, cross_entropy, engines_in_turn};
use crate::device::{USAGE, gpu};
use crate::turns::everything_runs;

/// Rows in a lane, in several lanes, streamed, and side by side.
fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (rows, classes) in [(71, 1), (71, 3), (33, 12), (19, 101), (9, 1000), (5, 4097)] {
        let shape = Shape::new(rows, classes);
        shapes.extend([
            shape,
            shape.with_row_stride(classes + 1),
            shape.with_row_stride(classes + 4),
        ]);
    }
    for (outer, classes, inner) in [(3, 7, 5), (2, 40, 67), (1, 600, 9)] {
        let shape = Shape::with_class_axis(outer, classes, inner);
        shapes.extend([shape, shape.with_row_stride(classes * inner + 3)]);
    }
    shapes
}

/// The one whose turn it is, or all.
fn in_turn<T: Copy>(all: [T; 3], turn: usize) -> Vec<T> {
    if everything_runs() { all.to_vec() } else { vec![all[turn % 3]] }
}

#[test]
fn forward() {
    let gpu = gpu();
    for (turn, shape) in shapes().into_iter().enumerate() {
        for log in [false, true] {
            let at = turn + turn / 3 + usize::from(log);
            for element in in_turn([None, Some(Element::F16), Some(Element::Bf16)], at) {
                let mut case = cross_entropy(shape);
                case.operation = Operation::Softmax(Softmax { log, element });
                case.upstream = Factor::None;
                for engine in engines_in_turn(&gpu, [at]) {
                    check(&case, &engine);
                }
            }
        }
    }
}

#[test]
fn backward() {
    let gpu = gpu();
    for (turn, shape) in shapes().into_iter().enumerate() {
        for log in [false, true] {
            let at = turn + usize::from(log);
            // Upstream gradients' types do not go with the logits', nor either with the stride.
            let gaps = [(Element::F32, 0), (Element::F16, 1), (Element::Bf16, 4)];
            for (element, gap) in in_turn(gaps, at + 2 * (turn / 3)) {
                let mut case = cross_entropy(shape.with_element(Element::ALL[(at + turn / 3) % 3]));
                case.operation = Operation::Softmax(Softmax { log, element: None });
                case.upstream = Factor::Matrix { element, gap };
                for engine in engines_in_turn(&gpu, [at]) {
                    check(&case, &engine);
                }
            }
        }
    }
}

fn message<T>(result: Result<T>) -> String {
    let error = result.map(drop).expect_err("refused");
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn mistakes_are_named() {
    let gpu = gpu();
    let kernels = gpu.kernels();
    let shape = Shape::new(5, 10);
    let buffer = |bytes| {
        gpu.device().create_buffer(&wgpu_loss::wgpu::BufferDescriptor {
            label: Some("mistake"),
            size: bytes,
            usage: USAGE,
            mapped_at_creation: false,
        })
    };
    let (logits, upstream, output) = (buffer(200), buffer(200), buffer(200));
    let in_place = GradientPlace::InPlace;
    let backward = |upstream| SoftmaxPass::Backward { upstream, gradient: in_place };

    let softmax = Softmax::default();
    let wide = softmax.plan(kernels, shape, backward(Shape::new(5, 11)));
    let wide = message(wide);
    assert!(wide.contains("upstream gradient") && wide.contains("(5, 11)"), "{wide}");
    let half = Softmax { element: Some(Element::F16), log: true };
    let half = message(half.plan(kernels, shape, SoftmaxPass::Forward { output: in_place }));
    assert!(half.contains("log-softmax") && half.contains("f16"), "{half}");

    let bind = |pass, upstream: Option<BufferSlice<'_>>, output: Option<BufferSlice<'_>>| {
        let plan = softmax.plan(kernels, shape, pass).expect("a plan");
        plan.bind(&SoftmaxOperands { logits: logits.slice(..), upstream, output }).map(drop)
    };
    let separate = SoftmaxPass::Forward { output: GradientPlace::Separate };
    let forward = SoftmaxPass::Forward { output: in_place };
    for (result, words) in [
        (bind(forward, Some(upstream.slice(..)), None), ["upstream gradient", "forward"]),
        (bind(backward(shape), None, None), ["upstream gradient", "none"]),
        (bind(separate, None, None), ["output", "none"]),
        (bind(forward, None, Some(output.slice(..))), ["output", "a buffer"]),
        (bind(separate, None, Some(output.slice(4..))), ["output", "at least 200 bytes"]),
        (bind(separate, None, Some(logits.slice(..))), ["output", "logits"]),
        (bind(backward(shape), Some(logits.slice(..)), None), ["upstream gradient", "logits"]),
    ] {
        let message = message(result);
        assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
    }
    bind(separate, None, Some(output.slice(..))).expect("nothing is wrong");
    bind(backward(shape), Some(upstream.slice(..)), None).expect("nothing is wrong");
}
