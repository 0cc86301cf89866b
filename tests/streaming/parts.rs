//! Parts of the classes: their states, what the merged states give, and gradients.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::plan::Capabilities;
use wgpu_loss::{
    ClassIndices, CrossEntropy, CrossEntropyOutput, Element, Engine, Error, Gpu, Logits, Mode,
    OwnedValues, Reduction, Result, RowOutputs, Shape, Streaming, Targets, Upstream,
};
use wgpu_loss_verify::check_merged_parts;

use super::compare::assert_same_matrix;
use super::{TINY, assert_same_output, gpu, in_pieces, of_element, of_pieces, values};

/// Columns of a wider matrix, from a class on.
const FIRST: usize = 3;

/// What a call of a part has beside its targets.
#[derive(Clone, Copy)]
struct Part<'a> {
    logits: Logits<'a>,
    classes: ClassRange,
    upstream: Upstream<'a>,
    options: &'a CrossEntropy,
}

impl<'a> Part<'a> {
    /// Rows of five classes of nine.
    fn of_rows(stored: &'a [f32], options: &'a CrossEntropy) -> Self {
        Self {
            logits: Logits::new(stored, stored.len() / 5, 5).expect("a shape"),
            classes: ClassRange { first: FIRST, total: 9 },
            upstream: Upstream::Scalar(-0.75),
            options,
        }
    }

    fn states(&self, gpu: &Gpu, targets: Targets<'_>) -> Result<Vec<PartialState>> {
        gpu.partial_states(self.logits, self.classes, targets, self.options)
    }

    fn output(
        &self,
        gpu: &Gpu,
        states: &[PartialState],
        targets: Targets<'_>,
    ) -> Result<CrossEntropyOutput> {
        gpu.cross_entropy_of_states(states, self.classes.total, targets, self.options)
    }

    fn gradient(
        &self,
        gpu: &Gpu,
        states: &[PartialState],
        targets: Targets<'_>,
    ) -> Result<OwnedValues> {
        let &Self { logits, classes, upstream, options } = self;
        gpu.partial_gradient(logits, classes, states, targets, upstream, options)
    }

    /// Each call gives the same in one piece and in many.
    #[track_caller]
    fn assert_same(&self, targets: Targets<'_>) {
        let Self { logits, upstream, options, .. } = *self;
        let context = format!("{:?} {upstream:?} {options:?}", logits.shape());
        let words = |states: &[PartialState]| bytemuck::cast_slice::<_, [u32; 8]>(states).to_vec();

        let states = self.states(gpu(), targets).expect("a valid call");
        let found = of_pieces(|gpu| self.states(gpu, targets)).expect("a valid call");
        for (row, (found, expected)) in words(&found).iter().zip(words(&states)).enumerate() {
            assert_eq!(*found, expected, "row {row} of {context}");
        }
        assert_eq!(found.len(), states.len(), "{context}");

        // The other classes are where they would be without a part of their own.
        let other = PartialState::from_log_sum_exp(1.25);
        let merged: Vec<_> = states.iter().map(|state| state.merge(other)).collect();
        // 32 bytes a row: of a few rows they are one piece.
        if size_of_val(merged.as_slice()) as u64 > TINY.submission_bytes {
            let expected = self.output(gpu(), &merged, targets).expect("a valid call");
            let found = of_pieces(|gpu| self.output(gpu, &merged, targets)).expect("a valid call");
            assert_same_output(&found, &expected, &context);
        }

        let expected = self.gradient(gpu(), &merged, targets).expect("a valid call");
        let found = of_pieces(|gpu| self.gradient(gpu, &merged, targets)).expect("a valid call");
        assert_same_matrix(&Some(found), &Some(expected), &context);
    }
}

/// A class of all for each row, some ignored.
fn ids(rows: usize, total: usize) -> Vec<i64> {
    (0..rows).map(|row| if row % 7 == 3 { -100 } else { (row * 5 % total) as i64 }).collect()
}

/// Numbers of rows just around those of a piece and of a tile, and of several blocks.
#[test]
fn parts_of_any_rows_have_the_bits_of_the_whole() {
    let tile = 64 * gpu().kernels().tuning().totals_lanes as usize;
    let (classes, options) = (5, CrossEntropy::default());
    // 128 states fill a submission; pieces of logits are of 32 rows where classes are few.
    for rows in [129, 160, 161, tile - 1, tile, tile + 1, 2 * tile, 2 * tile + 33] {
        let stored = values(rows * (classes + 4));
        let logits = Logits::with_row_stride(&stored, rows, classes, classes + 4);
        let part = Part {
            logits: logits.expect("a shape"),
            classes: ClassRange { first: FIRST, total: classes + 4 },
            upstream: Upstream::Scalar(-0.75),
            options: &options,
        };
        let ids: Vec<i32> = ids(rows, classes + 4).into_iter().map(|id| id as i32).collect();
        part.assert_same(Targets::classes(&ids));
    }
}

#[test]
fn parts_of_any_options_have_the_bits_of_the_whole() {
    let usual = CrossEntropy::default();
    let of_rows = RowOutputs { target_rank: false, ..RowOutputs::ALL };
    let cases = [
        (
            Shape::new(9000, 3).with_element(Element::F16),
            CrossEntropy { reduction: Reduction::None, rows: of_rows, correct: true, ..usual },
        ),
        (
            Shape::with_class_axis(7, 5, 60).with_row_stride(400).with_element(Element::Bf16),
            CrossEntropy {
                reduction: Reduction::Sum,
                mode: Mode::Masked,
                softcap: Some(3.0),
                z_loss: 0.25,
                gradient_element: Some(Element::F32),
                ..usual
            },
        ),
        (
            Shape::new(5, 2000).with_row_stride(2001),
            CrossEntropy { label_smoothing: 0.1, logit_scale: 0.5, ..usual },
        ),
        (
            Shape::new(9000, 3),
            CrossEntropy { reduction: Reduction::ElementMean, z_loss: 0.25, ..usual },
        ),
    ];
    for (shape, options) in cases {
        let total = shape.classes + 4;
        let stored = of_element(values(shape.extent().expect("small")), shape.element);
        let ids = ids(shape.rows, total);
        let weights = values(shape.rows.max(total));
        let part = Part {
            logits: Logits::from_values(stored.values(), shape).expect("long enough"),
            classes: ClassRange { first: FIRST, total },
            upstream: match options.reduction {
                Reduction::None => Upstream::PerRow(&weights[..shape.rows]),
                _ => Upstream::Scalar(-0.75),
            },
            options: &options,
        };
        let targets = Targets::classes(ClassIndices::I64(&ids));
        let targets = targets.with_row_weights(&weights[..shape.rows]);
        part.assert_same(targets.with_class_weights(&weights[..total]));
    }
}

#[test]
fn probabilities_of_parts_come_in_pieces_too() {
    let options = CrossEntropy { label_smoothing: 0.1, ..Default::default() };
    for (shape, element) in [
        (Shape::new(300, 33).with_row_stride(40), Element::F16),
        (Shape::with_class_axis(3, 4, 111), Element::F32),
    ] {
        let stored = values(shape.extent().expect("small"));
        let of_targets = Shape { row_stride: shape.row_stride + 3, ..shape };
        let likely: Vec<f32> =
            values(of_targets.extent().expect("small")).iter().map(|it| it.abs() / 8.0).collect();
        let likely = of_element(likely, element);
        let probabilities = Logits::from_values(likely.values(), of_targets).expect("long enough");
        let weights = values(shape.rows);
        let part = Part {
            logits: Logits::from_values(wgpu_loss::Values::F32(&stored), shape).expect("enough"),
            classes: ClassRange { first: FIRST, total: shape.classes + 4 },
            upstream: Upstream::Scalar(-0.75),
            options: &options,
        };
        part.assert_same(Targets::probabilities(probabilities).with_row_weights(&weights));
    }
}

/// Three parts of a batch, in pieces, make up what the oracle says of the whole.
#[test]
fn merged_parts_are_the_whole() {
    let (rows, classes) = (150, 45);
    let stored = values(rows * classes);
    let logits = Logits::new(&stored, rows, classes).expect("a shape");
    let ids = ids(rows, classes);
    let targets = Targets::classes(ClassIndices::I64(&ids));
    let upstream = Some(Upstream::Scalar(-0.75));
    let options = CrossEntropy::default();
    let result = of_pieces(|gpu| check_merged_parts(gpu, logits, 3, targets, upstream, &options));
    assert!(result.passed(), "{result:?}");
}

/// The parts of a batch whose rows would fill no buffer of 64 KiB, nor would their states.
#[test]
fn parts_larger_than_any_buffer() {
    let small = Capabilities {
        max_buffer_bytes: 1 << 16,
        max_binding_bytes: 1 << 16,
        ..*gpu().kernels().capabilities()
    };
    let kernels = gpu().kernels().with_capabilities(small).expect("kernels");
    let at_once = gpu().with_kernels(kernels);
    let streaming = Streaming { submission_bytes: 1 << 15, ..Streaming::default() };
    let small = at_once.clone().with_streaming(streaming);
    let (rows, options) = (5000, CrossEntropy::default());
    let stored = values(5 * rows);
    let part = Part::of_rows(&stored, &options);
    let ids: Vec<i32> = (0..rows as i32).map(|row| row % 9).collect();
    let targets = Targets::classes(&ids);

    let is_limit = |error: &Error| matches!(error, Error::Limit { .. });
    assert!(part.states(&at_once, targets).is_err_and(|error| is_limit(&error)));
    let states = part.states(&small, targets).expect("pieces");
    assert_eq!(states, part.states(gpu(), targets).expect("a call"));
    assert!(part.output(&at_once, &states, targets).is_err_and(|error| is_limit(&error)));
    let found = part.output(&small, &states, targets).expect("pieces");
    let expected = part.output(gpu(), &states, targets).expect("a call");
    assert_same_output(&found, &expected, "larger than a buffer");
    assert!(part.gradient(&at_once, &states, targets).is_err_and(|error| is_limit(&error)));
    let found = part.gradient(&small, &states, targets).expect("pieces");
    assert_eq!(found, part.gradient(gpu(), &states, targets).expect("a call"));
}

/// Of all classes, before any piece, and with the words of the whole.
#[test]
fn an_invalid_target_of_a_part_is_named() {
    let (rows, options) = (3000, CrossEntropy::default());
    let stored = values(5 * rows);
    let part = Part::of_rows(&stored, &options);
    let mut ids = vec![0i32; rows];
    ids[2900] = 9;
    let wide: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let states = vec![PartialState::from_log_sum_exp(0.5); rows];
    let silent = in_pieces().with_progress(|_| panic!("a piece before the targets are known"));
    let expected =
        Error::TargetOutOfRange { operation: "cross-entropy", row: 2900, value: 9, classes: 9 };
    for targets in [Targets::classes(&ids), Targets::classes(&wide)] {
        for gpu in [&silent, gpu()] {
            assert_eq!(part.states(gpu, targets).expect_err("no class"), expected);
            assert_eq!(part.output(gpu, &states, targets).expect_err("no class"), expected);
            assert_eq!(part.gradient(gpu, &states, targets).expect_err("no class"), expected);
        }
    }
}

#[test]
fn whoever_watches_parts_is_told_and_can_stop() {
    let (rows, options) = (3000, CrossEntropy::default());
    let stored = values(5 * rows);
    let part = Part::of_rows(&stored, &options);
    let ids = vec![3i32; rows];
    let targets = Targets::classes(&ids);
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let record = Arc::clone(&seen);
    let watched = in_pieces().with_progress(move |progress| {
        assert_eq!((progress.operation, progress.rows), ("cross-entropy", 3000));
        record.lock().expect("no panic").push(progress.rows_done);
        ControlFlow::Continue(())
    });
    let told = || std::mem::take(&mut *seen.lock().expect("no panic"));
    let assert_told = |seen: Vec<usize>| {
        assert!(seen.len() > 10 && seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.last(), Some(&3000));
    };
    let states = part.states(&watched, targets).expect("a call");
    assert_told(told());
    let output = part.output(&watched, &states, targets).expect("a call");
    assert_told(told());
    part.gradient(&watched, &states, targets).expect("a call");
    assert_told(told());

    let stopping = in_pieces().with_progress(|progress| match progress.rows_done >= 1000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let assert_stopped = |error: Error| {
        let Error::Cancelled { rows_done: 1000..1200, rows: 3000, .. } = error else {
            panic!("{error}");
        };
    };
    assert_stopped(part.states(&stopping, targets).expect_err("stopped"));
    assert_stopped(part.output(&stopping, &states, targets).expect_err("stopped"));
    assert_stopped(part.gradient(&stopping, &states, targets).expect_err("stopped"));
    // The device goes on.
    let again = part.output(&in_pieces(), &states, targets).expect("a call");
    assert_same_output(&again, &output, "after calls that were stopped");
}
