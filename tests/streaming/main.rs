//! Batches piece by piece: the bits of the whole, in memory of a bounded size, as long as whoever
//! watches wants it to go on. Needs an adapter.

mod across;
mod compare;
mod elementwise;
#[path = "../common/gpus.rs"]
mod gpus;
mod parts;
mod reductions;
mod segments;
mod side_by_side;
mod softmax_losses;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use compare::{bits, bytes};
use gpus::gpu;
use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{
    ClassIndices, CrossEntropy, CrossEntropyOutput, Element, Engine, Error, Gpu, Input, LogSumExp,
    Logits, Mode, OwnedValues, Progress, Reduction, RowOutputs, Shape, Softmax, Streaming, Targets,
    Upstream, Values,
};

/// Pieces of some 1000 elements, and blocks of one tile of rows.
const TINY: Streaming = Streaming { device_bytes: 1 << 16, submission_bytes: 1 << 12 };

fn in_pieces() -> Gpu {
    gpu().with_streaming(TINY)
}

/// What a call gives that goes over its batch in several pieces, which it must.
#[track_caller]
fn of_pieces<T>(call: impl FnOnce(&Gpu) -> T) -> T {
    let pieces = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pieces);
    let result = call(&in_pieces().with_progress(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    }));
    let pieces = pieces.load(Ordering::Relaxed);
    assert!(pieces > 1, "{pieces} pieces: this compares a call with itself");
    result
}

/// Values in about -4 to 4, that no pattern of rows repeats.
fn values(count: usize) -> Vec<f32> {
    let mut state = 12345u64;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 21) as f32 - 4.0
        })
        .collect()
}

fn of_element(values: Vec<f32>, element: Element) -> OwnedValues {
    OwnedValues::from_f32(values, element)
}

/// Shapes with rows side by side and apart, of one tile and of several.
fn shapes() -> Vec<Shape> {
    vec![
        Shape::new(300, 33),
        Shape::new(300, 33).with_row_stride(40),
        Shape::new(9000, 3),
        Shape::new(5, 2000),
        Shape::new(2, 5000).with_row_stride(5001),
        Shape::with_class_axis(7, 5, 60),
        Shape::with_class_axis(2, 5, 700),
        Shape::with_class_axis(3, 9, 111).with_row_stride(1024),
    ]
}

fn options() -> Vec<CrossEntropy> {
    let usual = CrossEntropy::default();
    vec![
        usual,
        CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs::ALL,
            correct: true,
            z_loss: 0.25,
            ..usual
        },
        CrossEntropy { reduction: Reduction::None, label_smoothing: 0.1, ..usual },
        CrossEntropy { mode: Mode::Masked, softcap: Some(3.0), z_loss: 0.5, ..usual },
        CrossEntropy { reduction: Reduction::BatchMean, z_loss: 0.5, ..usual },
        CrossEntropy { input: Input::LogProbabilities, ..usual },
        CrossEntropy {
            reduction: Reduction::ElementMean,
            gradient_element: Some(Element::Bf16),
            ..usual
        },
    ]
}

/// The same in one piece and in many, with and without a gradient.
fn assert_same(
    logits: Logits<'_>,
    targets: Targets<'_>,
    upstream: Upstream<'_>,
    options: &CrossEntropy,
) {
    let context = format!("{:?} {options:?}", logits.shape());
    let forward = |gpu: &Gpu| gpu.cross_entropy(logits, targets, options).expect("a valid call");
    assert_same_output(&of_pieces(forward), &forward(gpu()), &context);
    let with_gradient = |gpu: &Gpu| {
        gpu.cross_entropy_with_gradient(logits, targets, upstream, options).expect("a valid call")
    };
    assert_same_output(&of_pieces(with_gradient), &with_gradient(gpu()), &context);
}

/// By bits.
fn assert_same_output(found: &CrossEntropyOutput, expected: &CrossEntropyOutput, context: &str) {
    let all = |out: &CrossEntropyOutput| {
        let scalars = [out.loss, out.z_loss, out.denominator].map(f32::to_bits);
        let rows = [
            &out.loss_rows,
            &out.log_sum_exp,
            &out.target_log_probability,
            &out.entropy,
            &out.z_loss_rows,
        ];
        (scalars, out.counted, out.correct, rows.map(bits), out.argmax.clone())
    };
    assert_eq!(all(found), all(expected), "{context}");
    assert!(bytes(&found.gradient) == bytes(&expected.gradient), "{context}");
}

#[test]
fn cross_entropy_has_the_bits_of_the_whole() {
    // A quarter of the memory holds the columns of a block, 16 bytes and more a row.
    let tile = 64 * gpu().kernels().tuning().totals_lanes as usize;
    let several = shapes().iter().any(|shape| shape.rows > 2 * tile.max(1 << 10));
    assert!(several, "no batch is of several blocks");
    for (index, shape) in shapes().into_iter().enumerate() {
        let element = Element::ALL[index % 3];
        let stored = of_element(values(shape.extent().expect("small")), element);
        let logits = Logits::from_values(stored.values(), shape).expect("long enough");
        let (rows, classes) = (shape.rows, shape.classes);
        let ids: Vec<i64> = (0..rows)
            .map(|row| if row % 7 == 3 { -100 } else { (row * 5 % classes) as i64 })
            .collect();
        let weights = values(rows.max(classes));
        let per_row = values(rows);
        for options in options().into_iter().cycle().skip(index).take(3) {
            let plain = Targets::classes(ClassIndices::I64(&ids));
            let weighted =
                plain.with_class_weights(&weights[..classes]).with_row_weights(&weights[..rows]);
            assert_same(logits, plain, Upstream::Scalar(-0.75), &options);
            let upstream = match options.reduction {
                Reduction::None => Upstream::PerRow(&per_row),
                _ => Upstream::Scalar(0.5),
            };
            assert_same(logits, weighted, upstream, &options);
        }
    }
}

#[test]
fn probabilities_come_in_pieces_too() {
    for shape in shapes() {
        let stored = values(shape.extent().expect("small"));
        let logits = Logits::from_values(Values::F32(&stored), shape).expect("long enough");
        let of_targets = Shape { row_stride: shape.row_stride + 3, ..shape };
        let targets: Vec<f32> =
            values(of_targets.extent().expect("small")).iter().map(|it| it.abs() / 8.0).collect();
        for element in [Element::F32, Element::F16] {
            let targets = of_element(targets.clone(), element);
            let probabilities =
                Logits::from_values(targets.values(), of_targets).expect("long enough");
            let weights = values(shape.rows);
            let targets = Targets::probabilities(probabilities).with_row_weights(&weights);
            let options = CrossEntropy { label_smoothing: 0.1, ..Default::default() };
            assert_same(logits, targets, Upstream::Scalar(-0.75), &options);
        }
    }
}

#[test]
fn log_sum_exp_and_softmax_have_the_bits_of_the_whole() {
    for (index, shape) in shapes().into_iter().enumerate() {
        let element = Element::ALL[index % 3];
        let stored = of_element(values(shape.extent().expect("small")), element);
        let logits = Logits::from_values(stored.values(), shape).expect("long enough");
        let per_row = values(shape.rows);
        for gradient_element in [None, Some(Element::F32)] {
            for upstream in [Upstream::Scalar(-0.75), Upstream::PerRow(&per_row)] {
                let options = LogSumExp { gradient_element };
                let of = |gpu: &Gpu| {
                    gpu.log_sum_exp_with_gradient(logits, upstream, &options).expect("a call")
                };
                assert_eq!(of_pieces(of), of(gpu()), "{shape:?}");
                let of =
                    |gpu: &Gpu| gpu.log_sum_exp(logits, &LogSumExp::default()).expect("a call");
                assert_eq!(of_pieces(of), of(gpu()), "{shape:?}");
            }
            for log in [false, true] {
                let options = Softmax { log, element: gradient_element };
                let of = |gpu: &Gpu| {
                    let forward = gpu.softmax(logits, &options).expect("a call");
                    (forward, gpu.softmax_gradient(logits, logits, &options).expect("a call"))
                };
                assert_eq!(of_pieces(of), of(gpu()), "{shape:?} {options:?}");
            }
        }
    }
}

#[test]
fn gradients_go_to_the_callers_memory() {
    let stored = values(300 * 33);
    let logits = Logits::new(&stored, 300, 33).expect("a shape");
    let ids: Vec<i32> = (0..300).map(|row| row % 33).collect();
    let (targets, options) = (Targets::classes(&ids), CrossEntropy::default());
    let upstream = Upstream::Scalar(-0.75);
    let expected =
        gpu().cross_entropy_with_gradient(logits, targets, upstream, &options).expect("a call");
    let in_halves = LogSumExp { gradient_element: Some(Element::Bf16) };
    let of_log_sum_exp =
        gpu().log_sum_exp_with_gradient(logits, upstream, &in_halves).expect("a call");
    let in_halves = Softmax { element: Some(Element::F16), ..Default::default() };
    let of_softmax = gpu().softmax(logits, &in_halves).expect("a call");
    // In one piece and in many.
    for gpu in [gpu(), &in_pieces()] {
        let mut gradient = vec![f32::NAN; stored.len()];
        let out = gpu
            .cross_entropy_into(logits, targets, upstream, &options, &mut gradient)
            .expect("a call");
        assert_eq!(out.loss.to_bits(), expected.loss.to_bits());
        assert_eq!(Some(OwnedValues::F32(gradient)), expected.gradient);
        let mut halves = vec![bf16::NAN; stored.len()];
        let options = LogSumExp::default();
        let out = gpu.log_sum_exp_into(logits, upstream, &options, &mut halves).expect("a call");
        assert_eq!(out.log_sum_exp, of_log_sum_exp.log_sum_exp);
        assert_eq!(Some(OwnedValues::Bf16(halves)), of_log_sum_exp.gradient);
        let mut halves = vec![f16::NAN; stored.len()];
        gpu.softmax_into(logits, None, &Softmax::default(), &mut halves).expect("a call");
        assert_eq!(OwnedValues::F16(halves), of_softmax);
    }
}

#[test]
fn mistakes_are_named_before_anything_is_written() {
    let stored = values(300 * 33);
    let logits = Logits::new(&stored, 300, 33).expect("a shape");
    let mut ids = vec![0i32; 300];
    ids[257] = 33;
    let (options, upstream) = (CrossEntropy::default(), Upstream::Scalar(1.0));
    let gpu = in_pieces();
    let mut gradient = vec![7.0f32; stored.len()];
    let targets = Targets::classes(&ids);
    let error = gpu
        .cross_entropy_into(logits, targets, upstream, &options, &mut gradient)
        .expect_err("no class");
    assert_eq!(
        error,
        Error::TargetOutOfRange { operation: "cross-entropy", row: 257, value: 33, classes: 33 }
    );
    assert!(gradient.iter().all(|&value| value == 7.0));
    let ids = vec![0i32; 300];
    let targets = Targets::classes(&ids);
    let error = gpu
        .cross_entropy_into(logits, targets, upstream, &options, &mut gradient[1..])
        .expect_err("too short");
    assert!(matches!(error, Error::Invalid { what: "length of the gradient", .. }), "{error}");
    let options = CrossEntropy { gradient_element: Some(Element::F16), ..options };
    let error = gpu
        .cross_entropy_into(logits, targets, upstream, &options, &mut gradient)
        .expect_err("another type");
    assert!(error.to_string().contains("expected f32, found f16"), "{error}");
    assert!(gradient.iter().all(|&value| value == 7.0));
}

#[test]
fn whoever_watches_is_told_and_can_stop() {
    let stored = values(3000 * 33);
    let logits = Logits::new(&stored, 3000, 33).expect("a shape");
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let record = Arc::clone(&seen);
    let gpu = in_pieces().with_progress(move |progress| {
        record.lock().expect("no panic").push(progress);
        ControlFlow::Continue(())
    });
    gpu.log_sum_exp(logits, &LogSumExp::default()).expect("a call");
    let seen = seen.lock().expect("no panic").clone();
    assert!(seen.len() > 50, "{} pieces", seen.len());
    assert!(seen.is_sorted_by_key(|progress| progress.rows_done));
    assert_eq!(seen.last().map(|last| (last.rows_done, last.rows)), Some((3000, 3000)));

    let stopping = in_pieces().with_progress(|progress| match progress.rows_done >= 1000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let error = stopping.log_sum_exp(logits, &LogSumExp::default()).expect_err("stopped");
    let Error::Cancelled { rows_done: 1000..1100, rows: 3000, .. } = error else {
        panic!("{error}");
    };
    // The device goes on.
    gpu.log_sum_exp(logits, &LogSumExp::default()).expect("a call");
}

#[test]
fn batches_of_nothing() {
    let (options, upstream) = (CrossEntropy::default(), Upstream::Scalar(1.0));
    for gpu in [gpu(), &in_pieces()] {
        let logits = Logits::new(&[] as &[f32], 0, 33).expect("a shape");
        let targets = Targets::classes(&[] as &[i32]);
        let out = gpu
            .cross_entropy_into(logits, targets, upstream, &options, &mut [] as &mut [f32])
            .expect("no rows");
        assert!(out.loss.is_nan() && out.counted == 0, "a mean over nothing: {out:?}");
        // Rows without classes have a log-sum-exp, and no gradient.
        let logits = Logits::new(&[] as &[f32], 5, 0).expect("a shape");
        let out = gpu
            .log_sum_exp_into(logits, upstream, &LogSumExp::default(), &mut [] as &mut [f32])
            .expect("no classes");
        assert_eq!(out.log_sum_exp, [f32::NEG_INFINITY; 5]);
        gpu.softmax_into(logits, None, &Softmax::default(), &mut [] as &mut [f32])
            .expect("no classes");
    }
}

/// The largest buffer that a call makes is of a piece, whatever the batch.
#[test]
fn a_batch_larger_than_any_buffer() {
    let small = wgpu_loss::plan::Capabilities {
        max_buffer_bytes: 1 << 16,
        max_binding_bytes: 1 << 16,
        ..*gpu().kernels().capabilities()
    };
    let kernels = gpu().kernels().with_capabilities(small).expect("kernels");
    let (rows, classes) = (5000, 60); // 1.2 MB, eighteen times what a buffer holds
    let stored = values(rows * classes);
    let logits = Logits::new(&stored, rows, classes).expect("a shape");
    let ids: Vec<i32> = (0..rows as i32).map(|row| row % classes as i32).collect();
    let (targets, options) = (Targets::classes(&ids), CrossEntropy::default());
    let upstream = Upstream::Scalar(-0.75);
    let of = |gpu: &Gpu| gpu.cross_entropy_with_gradient(logits, targets, upstream, &options);
    let whole = of(gpu()).expect("a call");
    let one_piece = gpu().with_kernels(kernels);
    assert!(matches!(of(&one_piece), Err(Error::Limit { .. })));
    let streaming = Streaming { submission_bytes: 1 << 15, ..Streaming::default() };
    let in_pieces = of(&one_piece.with_streaming(streaming)).expect("a call");
    assert_same_output(&in_pieces, &whole, "larger than a buffer");
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let stored = values(3000 * 33);
    let logits = Logits::new(&stored, 3000, 33).expect("a shape");
    let gpu = in_pieces();
    let expected = gpu.log_sum_exp(logits, &LogSumExp::default()).expect("a call");
    for polls in [1, 2, 5, 20] {
        let options = LogSumExp::default();
        let mut future = Box::pin(gpu.log_sum_exp_async(logits, None, &options));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // Where the device is quicker than this, the call is over: that is no fault.
        for _ in 0..polls {
            if future.as_mut().poll(&mut context).is_ready() {
                break;
            }
        }
        drop(future);
        assert_eq!(
            gpu.log_sum_exp(logits, &LogSumExp::default()).expect("a call"),
            expected,
            "after {polls} polls"
        );
    }
}
