//! Reductions of rows; [`across`](super::across): of more than that.

use wgpu_loss::{
    Axis, Denominator, Element, Engine, Error, Gpu, Logits, Mode, Reduce, ReduceOutput, Shape,
    Statistic, Upstream, Values, Weights,
};

use super::compare::{assert_same_columns, assert_same_matrix};
use super::{gpu, in_pieces, of_element, of_pieces, values};

pub(super) const STATISTICS: [Statistic; 7] = [
    Statistic::Sum,
    Statistic::Mean,
    Statistic::SumOfSquares,
    Statistic::MeanAndVariance { correction: 1.0 },
    Statistic::Max,
    Statistic::Min,
    Statistic::LogSumExp,
];

/// Rows of vectors that gaps part, of single values, of several parts; blocks.
pub(super) fn shapes() -> Vec<Shape> {
    vec![
        Shape::new(300, 33),
        Shape::new(300, 36).with_row_stride(37),
        Shape::new(9000, 1),
        Shape::new(5, 9001),
        Shape::with_class_axis(40, 5, 60),
        Shape::with_class_axis(3, 9, 611).with_row_stride(6000),
    ]
}

/// So large a gap, but none beside rows of a single value without gaps, which are then one row.
pub(super) fn gap_of(shape: Shape, gap: usize) -> usize {
    if shape.classes == 1 && shape.row_stride == 1 { 0 } else { gap }
}

/// Weights of which every fifth is 0.
pub(super) fn sparse(count: usize) -> Vec<f32> {
    let weights = values(count).into_iter().enumerate();
    weights.map(|(at, weight)| if at % 5 == 2 { 0.0 } else { weight }).collect()
}

/// As many values as a shape needs, in its type.
pub(super) fn stored(shape: Shape) -> wgpu_loss::OwnedValues {
    of_element(sparse(shape.extent().expect("small")), shape.element)
}

#[track_caller]
pub(super) fn assert_same(found: &ReduceOutput, expected: &ReduceOutput, context: &str) {
    let columns = |out: &ReduceOutput| {
        let values = Some(out.values.clone());
        [
            values,
            out.variance.clone(),
            out.sign.clone(),
            out.denominator.clone(),
            out.weight_gradient.clone(),
        ]
    };
    assert_same_columns(&columns(found), &columns(expected), context);
    assert_same_matrix(&found.gradient, &expected.gradient, context);
}

#[test]
fn reductions_of_rows_have_the_bits_of_the_whole() {
    let mut calls = 0;
    for (index, shape) in shapes().into_iter().enumerate() {
        let shape = shape.with_element(Element::ALL[index % 3]);
        let of_values = stored(shape);
        let of_logits = Logits::from_values(of_values.values(), shape).expect("long enough");
        let of_weights = Shape { row_stride: shape.row_stride + gap_of(shape, 3), ..shape }
            .with_element(Element::ALL[(index + 1) % 3]);
        let weight_values = stored(of_weights);
        let each = Logits::from_values(weight_values.values(), of_weights).expect("long enough");
        let (of_rows, of_columns) = (sparse(shape.rows), sparse(shape.classes));
        let per_row = values(shape.rows);
        let forms = [
            Weights::PerElement(each),
            Weights::PerRow(&of_rows),
            Weights::None,
            Weights::PerColumn(&of_columns),
        ];
        for (number, statistic) in STATISTICS.into_iter().enumerate() {
            let weights = forms[(number + index) % 4];
            let turn = (number / 2 + index) % 2;
            let has_gradient =
                matches!(statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp);
            let options = Reduce {
                mode: [Mode::Strict, Mode::Masked][turn],
                denominator: [Denominator::Weights, Denominator::NonzeroWeights][index % 2],
                gradient_element: [None, Some(Element::F32)][(number + index) % 2],
                weight_gradient: has_gradient
                    && matches!(weights, Weights::PerElement(_) | Weights::PerRow(_)),
                ..Reduce::new(statistic, Axis::EachRow)
            };
            let context = format!("{shape:?} {options:?} {:?}", weights.layout());
            let upstream = [Upstream::Scalar(-0.75), Upstream::PerRow(&per_row)][turn];
            let of = |gpu: &Gpu| {
                let out = match has_gradient {
                    true => gpu.reduce_with_gradient(of_logits, weights, upstream, &options),
                    false => gpu.reduce(of_logits, weights, &options),
                };
                out.expect("a valid call")
            };
            assert_same(&of_pieces(of), &of(gpu()), &context);
            calls += 1;
        }
    }
    assert_eq!(calls, STATISTICS.len() * shapes().len());
}

/// Rows of one block, some at a time, of one part and of several; single values with gaps between.
#[test]
fn rows_that_are_walked_as_the_whole_have_its_bits() {
    let single = Shape::new(3000, 1);
    for (shape, statistic) in [
        (Shape::with_class_axis(1, 5, 702), Statistic::LogSumExp),
        (Shape::with_class_axis(1, 300, 700), Statistic::Mean),
        (single.with_row_stride(3), Statistic::LogSumExp),
        (single.with_row_stride(4).with_element(Element::Bf16), Statistic::Mean),
    ] {
        let stored = stored(shape);
        let logits = Logits::from_values(stored.values(), shape).expect("long enough");
        let (per_row, factors) = (sparse(shape.rows), values(shape.rows));
        let weights = Weights::PerRow(&per_row);
        let options = Reduce { weight_gradient: true, ..Reduce::new(statistic, Axis::EachRow) };
        let of = |gpu: &Gpu| {
            gpu.reduce_with_gradient(logits, weights, Upstream::PerRow(&factors), &options)
                .expect("a call")
        };
        assert_same(&of_pieces(of), &of(gpu()), &format!("{shape:?} {options:?}"));
    }
}

#[test]
fn no_rows_and_no_columns() {
    for (rows, columns) in [(0, 33), (5, 0)] {
        let logits = Logits::new(&[] as &[f32], rows, columns).expect("a shape");
        for statistic in STATISTICS {
            let options = Reduce::new(statistic, Axis::EachRow);
            let of = |gpu: &Gpu| gpu.reduce(logits, Weights::None, &options).expect("a valid call");
            assert_eq!(of(&in_pieces()).values.len(), rows);
            assert_same(&of(&in_pieces()), &of(gpu()), "nothing");
        }
    }
}

#[test]
fn a_reduction_larger_than_any_buffer() {
    let small = wgpu_loss::plan::Capabilities {
        max_buffer_bytes: 1 << 16,
        max_binding_bytes: 1 << 16,
        ..*gpu().kernels().capabilities()
    };
    let kernels = gpu().kernels().with_capabilities(small).expect("kernels");
    let small = gpu().with_kernels(kernels);
    let streaming =
        wgpu_loss::Streaming { submission_bytes: 1 << 15, ..wgpu_loss::Streaming::default() };
    // Of the second, results alone would fill several buffers.
    for (rows, columns) in [(5000, 60), (100_000, 2)] {
        let stored = values(rows * columns);
        let logits = Logits::from_values(Values::F32(&stored), Shape::new(rows, columns));
        let logits = logits.expect("long enough");
        let per_row = values(rows);
        let weights = Weights::PerRow(&per_row);
        let options =
            Reduce { weight_gradient: true, ..Reduce::new(Statistic::LogSumExp, Axis::EachRow) };
        let of = |gpu: &Gpu| {
            gpu.reduce_with_gradient(logits, weights, Upstream::PerRow(&per_row), &options)
        };
        assert!(matches!(of(&small), Err(Error::Limit { .. })));
        let in_pieces = of(&small.with_streaming(streaming)).expect("a call");
        assert_same(&in_pieces, &of(gpu()).expect("a call"), "larger than a buffer");
    }
}
