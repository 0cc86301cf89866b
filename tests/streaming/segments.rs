//! Reductions of segments.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use wgpu_loss::plan::Capabilities;
use wgpu_loss::{
    Axis, Denominator, Element, Engine, Error, Gpu, Logits, Mode, Progress, Reduce, Segments,
    Shape, Statistic, Streaming, Weights,
};

use super::reductions::{STATISTICS, assert_same, sparse, stored};
use super::{gpu, in_pieces, of_pieces, values};

/// Five times as many as after which segments are cut, and some.
const ROWS: usize = 21_480;

/// Segments without rows, that end where they are cut, longer than pieces, and many short ones; rows
/// of none before and behind them.
fn offsets() -> Vec<u32> {
    let mut offsets = vec![5, 5, 8, 8, 4091, 4096, 4096, 13_096, 13_097, 16_384, 16_384];
    for segment in 0..900 {
        offsets.push(16_384 + 2 * segment + segment % 3);
    }
    offsets.extend([20_480, 21_000, 21_000]);
    assert!(offsets.is_sorted() && offsets.iter().all(|&offset| (offset as usize) < ROWS));
    offsets
}

/// Unsorted ones of 700 segments, some of which have no rows and one a third of all; some of none.
fn ids() -> Vec<i32> {
    (0..ROWS as i32)
        .map(|row| match row {
            _ if row % 11 == 3 => -100,
            _ if row % 3 == 0 => 5,
            _ => (row * 7919) % 613,
        })
        .collect()
}

#[test]
fn segments_have_the_bits_of_the_whole() {
    let (offsets, ids) = (offsets(), ids());
    let by_ids = Segments::Ids { ids: &ids, segments: 700 };
    let per_row = sparse(ROWS);
    for (index, statistic) in STATISTICS.into_iter().enumerate() {
        // Of these, columns do not all go at once.
        let columns = if statistic == Statistic::Max { 70 } else { 3 };
        let shape = Shape::new(ROWS, columns)
            .with_element(Element::ALL[index % 3])
            .with_row_stride(columns + index % 2);
        let of_weights = shape
            .with_element(Element::ALL[(index + 1) % 3])
            .with_row_stride(columns + (index + 1) % 2);
        let (of_values, of_each) = (stored(shape), stored(of_weights));
        let logits = Logits::from_values(of_values.values(), shape).expect("long enough");
        let each = Logits::from_values(of_each.values(), of_weights).expect("long enough");
        let per_column = sparse(columns);
        let weights = [
            Weights::PerElement(each),
            Weights::PerRow(&per_row),
            Weights::None,
            Weights::PerColumn(&per_column),
        ][(index + index / 4) % 4];
        let segments = [by_ids, Segments::Offsets(&offsets)][index % 2];
        let options = Reduce {
            mode: [Mode::Strict, Mode::Masked][index / 2 % 2],
            denominator: [Denominator::Weights, Denominator::NonzeroWeights][index / 4 % 2],
            ..Reduce::new(statistic, Axis::EachColumn)
        };
        let of =
            |gpu: &Gpu| gpu.reduce_segments(logits, segments, weights, &options).expect("a call");
        let context = format!("{shape:?} {options:?} {:?}", weights.layout());
        assert_same(&of_pieces(of), &of(gpu()), &context);
    }
}

#[test]
fn segments_of_no_rows_at_all() {
    let of_values = values(ROWS);
    let logits = Logits::new(&of_values, ROWS, 1).expect("a shape");
    let nowhere = vec![-1; ROWS];
    let by_ids = Segments::Ids { ids: &nowhere, segments: 2 };
    let options = Reduce::new(Statistic::LogSumExp, Axis::EachColumn);
    for segments in [by_ids, Segments::Offsets(&[7, 7, 7])] {
        let of = |gpu: &Gpu| gpu.reduce_segments(logits, segments, Weights::None, &options);
        let out = of(&in_pieces()).expect("a call");
        assert_eq!(out.values, [f32::NEG_INFINITY; 2]);
        assert_same(&out, &of(gpu()).expect("a call"), "nothing");
    }
}

/// What a submission takes, but no binding.
#[test]
fn segments_larger_than_a_binding() {
    let small = Capabilities {
        max_buffer_bytes: 1 << 18,
        max_binding_bytes: 1 << 16,
        ..*gpu().kernels().capabilities()
    };
    let kernels = gpu().kernels().with_capabilities(small).expect("kernels");
    let small = gpu().with_kernels(kernels);
    assert!(small.streaming() == Streaming::default());
    let (of_values, ids) = (values(ROWS * 3), ids());
    let logits = Logits::new(&of_values, ROWS, 3).expect("a shape");
    let segments = Segments::Ids { ids: &ids, segments: 700 };
    let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
    let of = |gpu: &Gpu| gpu.reduce_segments(logits, segments, Weights::None, &options);
    let last: Arc<Mutex<Option<Progress>>> = Arc::default();
    let record = Arc::clone(&last);
    let watched = small.with_progress(move |progress| {
        *record.lock().expect("no panic") = Some(progress);
        ControlFlow::Continue(())
    });
    let in_pieces = of(&watched).expect("a call");
    assert_same(&in_pieces, &of(gpu()).expect("a call"), "larger than a binding");
    let last = last.lock().expect("no panic").map(|last| (last.rows_done, last.rows));
    assert_eq!(last, Some((ROWS, ROWS)));

    // A mistake is named as ever.
    let beyond = Segments::Ids { ids: &ids, segments: 600 };
    let error = super::in_pieces().reduce_segments(logits, beyond, Weights::None, &options);
    assert!(matches!(error, Err(Error::Invalid { what: "segment id", .. })), "{error:?}");
}
