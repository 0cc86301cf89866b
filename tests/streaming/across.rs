//! What is put together across rows: everything, or each column.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use wgpu_loss::plan::Capabilities;
use wgpu_loss::{
    Axis, Denominator, Element, Elementwise, ElementwiseLoss, ElementwiseReduction,
    ElementwiseUpstream, Engine, Error, Gpu, Logits, LossFunction, Mode, Reduce, Shape, Statistic,
    Streaming, Upstream, Weights,
};

use super::elementwise::{FUNCTIONS, Held};
use super::reductions::{STATISTICS, gap_of, sparse, stored};
use super::{TINY, elementwise, gpu, reductions, values};

/// A device whose parts are so small that a piece has several, and little memory.
fn of_small_parts() -> Gpu {
    let mut tuning = gpu().kernels().tuning().clone();
    tuning.reduce.part_length = 512;
    tuning.reduce.rows_per_lane = 2;
    gpu().with_tuning(tuning).expect("a tuning")
}

/// Compares a call in pieces, which it must go in, with the same at once.
#[track_caller]
fn check<T>(gpu: &Gpu, call: impl Fn(&Gpu) -> T, compare: impl Fn(&T, &T)) {
    let pieces = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pieces);
    let streaming = Streaming { device_bytes: 1 << 17, submission_bytes: 1 << 13 };
    let in_pieces = gpu.clone().with_streaming(streaming).with_progress(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    let found = call(&in_pieces);
    let pieces = pieces.load(Ordering::Relaxed);
    assert!(pieces > 1, "{pieces} pieces: this compares a call with itself");
    compare(&found, &call(gpu));
}

/// Many rows with vectors that gaps part, of single values, long ones, a single one; blocks.
fn shapes() -> Vec<Shape> {
    vec![
        Shape::new(300, 33),
        Shape::new(301, 36).with_row_stride(37),
        Shape::new(9003, 1),
        Shape::new(9000, 1).with_row_stride(3),
        Shape::new(7, 3001),
        Shape::new(6, 2004).with_row_stride(2008),
        Shape::new(1, 9001),
        Shape::with_class_axis(40, 5, 60),
        Shape::with_class_axis(12, 3, 611).with_row_stride(2000),
    ]
}

/// Whether results of this axis can be put together from pieces: a row alone has columns of its own,
/// and is not cut but for one sum of everything.
fn is_cut(shape: Shape, axis: Axis) -> bool {
    shape.rows > 1 || axis == Axis::All
}

#[test]
fn reductions_have_the_bits_of_the_whole() {
    let gpu = of_small_parts();
    let mut calls = 0;
    for (index, shape) in shapes().into_iter().enumerate() {
        let shape = shape.with_element(Element::ALL[index % 3]);
        let of_values = stored(shape);
        let of_logits = Logits::from_values(of_values.values(), shape).expect("long enough");
        let of_weights =
            Shape { row_stride: shape.row_stride + gap_of(shape, 3 * (index % 2)), ..shape }
                .with_element(Element::ALL[(index + 1) % 3]);
        let weight_values = stored(of_weights);
        let each = Logits::from_values(weight_values.values(), of_weights).expect("long enough");
        let (of_rows, of_columns) = (sparse(shape.rows), sparse(shape.classes));
        let factors = values(shape.classes);
        let forms = [
            Weights::None,
            Weights::PerElement(each),
            Weights::PerRow(&of_rows),
            Weights::PerColumn(&of_columns),
        ];
        for (number, statistic) in STATISTICS.into_iter().enumerate() {
            let weights = forms[(number + index) % 4];
            let turn = (number / 2 + index) % 2;
            let axis = [Axis::All, Axis::EachColumn][(number + index / 2) % 2];
            if !is_cut(shape, axis) {
                continue;
            }
            let has_gradient =
                matches!(statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp);
            let options = Reduce {
                mode: [Mode::Strict, Mode::Masked][turn],
                denominator: [Denominator::Weights, Denominator::NonzeroWeights][index % 2],
                gradient_element: [None, Some(Element::F32)][(number + index) % 2],
                weight_gradient: has_gradient
                    && match weights {
                        Weights::PerElement(_) => true,
                        Weights::PerRow(_) => shape.rows > 1,
                        _ => false,
                    },
                ..Reduce::new(statistic, axis)
            };
            let context = format!("{shape:?} {options:?} {:?}", weights.layout());
            let upstream = match (turn, axis) {
                (1, Axis::EachColumn) => Upstream::PerRow(&factors),
                _ => Upstream::Scalar(-0.75),
            };
            let call = |gpu: &Gpu| {
                let out = match has_gradient {
                    true => gpu.reduce_with_gradient(of_logits, weights, upstream, &options),
                    false => gpu.reduce(of_logits, weights, &options),
                };
                out.expect("a valid call")
            };
            check(&gpu, call, |found, expected| {
                reductions::assert_same(found, expected, &context);
            });
            calls += 1;
        }
    }
    assert!(calls >= 55, "{calls}");
}

const REDUCTIONS: [ElementwiseReduction; 4] = [
    ElementwiseReduction::Mean,
    ElementwiseReduction::WeightedMean,
    ElementwiseReduction::Sum,
    ElementwiseReduction::BatchMean,
];

#[test]
fn losses_have_the_bits_of_the_whole() {
    let gpu = of_small_parts();
    let mut calls = 0;
    for (index, shape) in shapes().into_iter().enumerate() {
        let held = Held::new(shape, index);
        for (number, function) in FUNCTIONS.into_iter().enumerate() {
            // Each kernel takes its time to compile: every shape has half of the functions.
            if (number + index) % 2 == 1 {
                continue;
            }
            let reduction = REDUCTIONS[(index / 2 + number) % 4];
            let is_of_columns = (number / 2 + index) % 2 == 1 && shape.rows > 1;
            let axis = match is_of_columns && reduction != ElementwiseReduction::BatchMean {
                true => Axis::EachColumn,
                false => Axis::All,
            };
            let form = index / 2 + number;
            let (operands, usual) = held.call(function, index, form);
            let options = ElementwiseLoss { reduction, axis, ..usual };
            let context = format!("{:?} {options:?}", operands.layout());
            let upstream = match axis {
                Axis::EachColumn if form % 2 == 0 => ElementwiseUpstream::PerColumn(held.columns()),
                _ => ElementwiseUpstream::Scalar(-0.75),
            };
            let fused = |gpu: &Gpu| {
                gpu.elementwise_loss_with_gradient(&operands, upstream, &options)
                    .expect("a valid call")
            };
            check(&gpu, fused, |found, expected| {
                elementwise::assert_same(found, expected, &context);
            });
            if number == index % 4 {
                let forward =
                    |gpu: &Gpu| gpu.elementwise_loss(&operands, &options).expect("a valid call");
                check(&gpu, forward, |found, expected| {
                    elementwise::assert_same(found, expected, &context);
                });
            }
            calls += 1;
        }
    }
    assert_eq!(calls, 2 * shapes().len());
}

/// Gradients that are divided by sums of weights, which come first.
#[test]
fn weighted_means_have_the_bits_of_the_whole() {
    let gpu = of_small_parts();
    for (index, shape) in
        [Shape::new(300, 33), Shape::new(9217, 1), Shape::with_class_axis(7, 5, 60)]
            .into_iter()
            .enumerate()
    {
        let held = Held::new(shape, 3 * index);
        for form in 0..3 {
            for axis in [Axis::All, Axis::EachColumn] {
                let (operands, usual) = held.call(LossFunction::SquaredError, 1, form);
                let reduction = ElementwiseReduction::WeightedMean;
                let options = ElementwiseLoss { reduction, axis, ..usual };
                let upstream = ElementwiseUpstream::Scalar(-0.75);
                let fused = |gpu: &Gpu| {
                    gpu.elementwise_loss_with_gradient(&operands, upstream, &options)
                        .expect("a valid call")
                };
                let context = format!("{:?} {axis:?}", operands.layout());
                check(&gpu, fused, |found, expected| {
                    elementwise::assert_same(found, expected, &context);
                });
            }
        }
    }
}

/// Without gaps everything is one run, which is cut between any two parts of it.
#[test]
fn one_run_of_any_rows_has_the_bits_of_the_whole() {
    let gpu = of_small_parts();
    let options = ElementwiseLoss::new(LossFunction::SquaredError);
    let upstream = ElementwiseUpstream::Scalar(0.5);
    for elements in [9216, 9217, 9219, 9220, 9223, 9727, 9728] {
        for classes in [1, elements, 31] {
            let rows = elements / classes;
            let (inputs, targets) = (values(rows * classes), sparse(rows * classes));
            let logits = |values| Logits::new(values, rows, classes).expect("a shape");
            let operands = Elementwise::new(logits(&inputs), logits(&targets));
            let call = |gpu: &Gpu| {
                gpu.elementwise_loss_with_gradient(&operands, upstream, &options).expect("a call")
            };
            let context = format!("{rows} x {classes}");
            check(&gpu, call, |found, expected| {
                elementwise::assert_same(found, expected, &context);
            });
        }
    }
}

/// Gradients with respect to weights that rows share are sums over all pieces.
#[test]
fn gradients_of_weights_that_rows_share_have_the_bits_of_the_whole() {
    let gpu = of_small_parts();
    let calls = [
        (Shape::new(701, 33), Axis::EachRow, Statistic::Mean),
        (Shape::new(301, 36).with_row_stride(37), Axis::All, Statistic::LogSumExp),
        (Shape::new(701, 33), Axis::EachColumn, Statistic::Sum),
        (Shape::new(9003, 1), Axis::EachRow, Statistic::LogSumExp),
        (Shape::new(1, 9001), Axis::All, Statistic::Mean),
        (Shape::with_class_axis(40, 5, 60), Axis::EachRow, Statistic::Sum),
    ];
    for (index, (shape, axis, statistic)) in calls.into_iter().enumerate() {
        let shape = shape.with_element([Element::F32, Element::Bf16][index % 2]);
        let of_values = stored(shape);
        let logits = Logits::from_values(of_values.values(), shape).expect("long enough");
        let of_columns = sparse(shape.classes);
        // Of a single row everything shares a weight.
        let weights = match shape.rows {
            1 => Weights::PerRow(&of_columns[..1]),
            _ => Weights::PerColumn(&of_columns),
        };
        let mode = [Mode::Strict, Mode::Masked][index / 2 % 2];
        let options = Reduce { weight_gradient: true, mode, ..Reduce::new(statistic, axis) };
        let factors = values(shape.rows);
        let upstream = match axis {
            Axis::EachRow => Upstream::PerRow(&factors),
            Axis::EachColumn | Axis::All => Upstream::Scalar(-0.75),
        };
        let call = |gpu: &Gpu| {
            gpu.reduce_with_gradient(logits, weights, upstream, &options).expect("a call")
        };
        let context = format!("{shape:?} {options:?}");
        check(&gpu, call, |found, expected| {
            reductions::assert_same(found, expected, &context);
        });
    }
}

#[test]
fn a_mean_larger_than_any_buffer() {
    let small = Capabilities {
        max_buffer_bytes: 1 << 18,
        max_binding_bytes: 1 << 18,
        ..*gpu().kernels().capabilities()
    };
    let kernels = gpu().kernels().with_capabilities(small).expect("kernels");
    let small = gpu().with_kernels(kernels);
    let streaming = Streaming { submission_bytes: 1 << 17, ..Streaming::default() };
    for (rows, columns) in [(5000, 60), (1, 300_001), (150_001, 2)] {
        let (inputs, targets) = (values(rows * columns), sparse(rows * columns));
        let logits = |values| Logits::new(values, rows, columns).expect("a shape");
        let operands = Elementwise::new(logits(&inputs), logits(&targets));
        let options = ElementwiseLoss::new(LossFunction::BinaryCrossEntropyWithLogits);
        let upstream = ElementwiseUpstream::Scalar(2.0);
        let call = |gpu: &Gpu| gpu.elementwise_loss_with_gradient(&operands, upstream, &options);
        let whole = Streaming { submission_bytes: 1 << 30, ..streaming };
        let refused = call(&small.clone().with_streaming(whole)).expect_err("a buffer too large");
        assert!(matches!(refused, Error::Limit { .. }), "{refused}");
        let in_pieces = call(&small.clone().with_streaming(streaming)).expect("a call");
        elementwise::assert_same(&in_pieces, &call(gpu()).expect("a call"), "larger than a buffer");
        let columns = ElementwiseLoss { axis: Axis::EachColumn, ..options };
        if rows > 1 {
            let of = |gpu: &Gpu| gpu.elementwise_loss(&operands, &columns).expect("a call");
            let in_pieces = of(&small.clone().with_streaming(streaming));
            elementwise::assert_same(&in_pieces, &of(gpu()), "columns");
        }
    }
}

#[test]
fn whoever_watches_a_mean_knows_its_rows_and_can_stop_it() {
    let (inputs, weights) = (values(3000 * 33), sparse(3000 * 33));
    let logits = Logits::new(&inputs, 3000, 33).expect("a shape");
    let of_each = Logits::new(&weights, 3000, 33).expect("a shape");
    let operands = Elementwise::new(logits, logits).with_weights(Weights::PerElement(of_each));
    let options = ElementwiseLoss {
        reduction: ElementwiseReduction::WeightedMean,
        ..ElementwiseLoss::new(LossFunction::SquaredError)
    };
    let upstream = ElementwiseUpstream::Scalar(1.0);
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let record = Arc::clone(&seen);
    let watched = of_small_parts().with_streaming(TINY).with_progress(move |progress| {
        assert_eq!(progress.rows, 3000);
        record.lock().expect("no panic").push(progress.rows_done);
        ControlFlow::Continue(())
    });
    watched.elementwise_loss_with_gradient(&operands, upstream, &options).expect("a call");
    let seen = seen.lock().expect("no panic").clone();
    assert!(seen.len() > 50 && seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&3000));
    assert!(seen.contains(&1500), "{seen:?}");

    // In the second pass over the batch.
    let stopping = of_small_parts().with_streaming(TINY).with_progress(|progress| {
        match progress.rows_done >= 2000 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let error = stopping
        .elementwise_loss_with_gradient(&operands, upstream, &options)
        .expect_err("stopped");
    let Error::Cancelled { rows_done: 2000..2200, rows: 3000, .. } = error else {
        panic!("{error}");
    };
}
