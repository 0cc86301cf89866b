//! Random reductions for property tests of any engine: every option, type, layout and grouping.

use proptest::prelude::*;
use wgpu_loss::{Axis, Denominator, Element, Mode, Reduce, Shape, Statistic};
use wgpu_loss_verify::{Call, Operation, OwnedSegments, OwnedTargets, OwnedUpstream};

use super::random_call::{RandomCall, element, logit, matrix, shape, weight};

/// Everything but numbers.
#[derive(Clone, Debug)]
struct Form {
    options: Reduce,
    shape: Shape,
    weights: Layout,
    /// Type and gap of weights for each value.
    other: (Element, usize),
    /// None, for all results, for each.
    pass: usize,
    /// Number of segments, and whether they are ids.
    segments: Option<(usize, bool)>,
    /// Whether there are special values.
    special: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    None,
    PerRow,
    PerColumn,
    PerElement,
}

impl Form {
    /// Without what would be refused.
    fn consistent(mut self) -> Self {
        let options = &mut self.options;
        let has_gradient =
            matches!(options.statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp);
        if self.segments.is_some() {
            options.axis = Axis::EachColumn;
            let Shape { rows, classes, element, .. } = self.shape;
            self.shape = Shape::new(rows, classes).with_element(element);
        }
        if !has_gradient || self.segments.is_some() {
            self.pass = 0;
        }
        options.weight_gradient &= self.weights != Layout::None;
        self
    }

    fn results(&self) -> usize {
        match self.options.axis {
            Axis::EachRow => self.shape.rows,
            Axis::EachColumn => self.shape.classes,
            Axis::All => 1,
        }
    }

    /// Whether nothing is made of the values but exponentials and comparisons: then even the
    /// largest ones overflow nowhere.
    fn is_plain(&self) -> bool {
        matches!(self.options.statistic, Statistic::Max | Statistic::Min | Statistic::LogSumExp)
    }

    fn weight_shape(&self) -> Shape {
        let (element, gap) = self.other;
        let shape = self.shape.contiguous();
        shape.with_row_stride(shape.row_stride + gap).with_element(element)
    }
}

fn options() -> impl Strategy<Value = Reduce> {
    let correction = prop_oneof![2 => Just(0.0f32), 2 => Just(1.0), 1 => (-8i8..8).prop_map(|it| f32::from(it) / 4.0)];
    let statistic = prop_oneof![
        2 => Just(Statistic::Sum),
        3 => Just(Statistic::Mean),
        3 => Just(Statistic::LogSumExp),
        1 => Just(Statistic::SumOfSquares),
        2 => correction.prop_map(|correction| Statistic::MeanAndVariance { correction }),
        1 => Just(Statistic::Max),
        1 => Just(Statistic::Min),
    ];
    let axis = prop_oneof![Just(Axis::EachRow), Just(Axis::EachColumn), Just(Axis::All)];
    let mode = prop_oneof![Just(Mode::Strict), Just(Mode::Masked)];
    let denominator = prop_oneof![Just(Denominator::Weights), Just(Denominator::NonzeroWeights)];
    let gradient = prop_oneof![1 => Just(None), 1 => element().prop_map(Some)];
    (statistic, axis, mode, denominator, gradient, any::<bool>()).prop_map(
        |(statistic, axis, mode, denominator, gradient_element, weight_gradient)| Reduce {
            statistic,
            axis,
            mode,
            denominator,
            gradient_element,
            weight_gradient,
        },
    )
}

/// Few long rows, many short ones, and none.
fn shapes() -> impl Strategy<Value = Shape> {
    let many =
        (0usize..600, 0usize..6, element(), 0usize..3).prop_map(|(rows, columns, element, gap)| {
            Shape::new(rows, columns).with_row_stride(columns + gap).with_element(element)
        });
    prop_oneof![2 => shape(), 1 => many]
}

fn form() -> impl Strategy<Value = Form> {
    let weights = prop_oneof![
        Just(Layout::None),
        Just(Layout::PerRow),
        Just(Layout::PerColumn),
        Just(Layout::PerElement)
    ];
    let segments = prop_oneof![3 => Just(None), 1 => (0usize..40, any::<bool>()).prop_map(Some)];
    let other = (element(), 0usize..3);
    (options(), shapes(), weights, other, 0usize..3, segments, any::<bool>()).prop_map(
        |(options, shape, weights, other, pass, segments, special)| {
            let form = Form { options, shape, weights, other, pass, segments, special };
            form.consistent()
        },
    )
}

/// Few of them are not finite.
fn any_weight(special: bool) -> impl Strategy<Value = f32> {
    let rare = prop_oneof![
        2 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(f32::NAN),
        1 => Just(-0.0f32),
    ];
    prop_oneof![
        60 => weight(),
        if special { 1 } else { 0 } => rare,
    ]
}

/// Ascending offsets, or ids of which some are negative, from numbers without order.
fn grouped(segments: usize, are_ids: bool, numbers: &[u32], rows: usize) -> OwnedSegments {
    match are_ids {
        true => {
            let id = |number: &u32| (number % (segments as u32 + 2)) as i32 - 2;
            OwnedSegments::Ids { ids: numbers[..rows].iter().map(id).collect(), segments }
        }
        false => {
            let offset = |number: &u32| number % (rows as u32 + 1);
            let mut offsets: Vec<_> = numbers[..=segments].iter().map(offset).collect();
            offsets.sort_unstable();
            OwnedSegments::Offsets(offsets)
        }
    }
}

fn of_form(form: Form) -> impl Strategy<Value = RandomCall> {
    let Shape { rows, classes, element, .. } = form.shape;
    let elements = rows * classes;
    let values = prop::collection::vec(logit(form.special, form.is_plain(), element), elements);
    let count = match form.weights {
        Layout::None => 0,
        Layout::PerRow => rows,
        Layout::PerColumn => classes,
        Layout::PerElement => elements,
    };
    let weights = prop::collection::vec(any_weight(form.special), count);
    let needed = |is_needed: bool, count: usize| if is_needed { count } else { 0 };
    let factors = prop::collection::vec(-3f32..3.0, needed(form.pass == 2, form.results()));
    let groups = form.segments.map_or(0, |(segments, _)| rows.max(segments + 1));
    let groups = prop::collection::vec(any::<u32>(), groups);
    (values, weights, factors, -3f32..3.0, groups).prop_map(
        move |(values, weights, factors, scalar, groups)| {
            let of = |layout| (form.weights == layout).then(|| weights.clone());
            let options = form.options;
            RandomCall(Call {
                operation: match form.segments {
                    None => Operation::Reduce(options),
                    Some(_) => Operation::ReduceSegments(options),
                },
                logits: matrix(&values, form.shape),
                targets: OwnedTargets::I32(Vec::new()),
                class_weights: of(Layout::PerColumn),
                row_weights: of(Layout::PerRow),
                element_weights: of(Layout::PerElement)
                    .map(|weights| matrix(&weights, form.weight_shape())),
                third: None,
                segments: form
                    .segments
                    .map(|(segments, are_ids)| grouped(segments, are_ids, &groups, rows)),
                upstream: match form.pass {
                    0 => OwnedUpstream::None,
                    1 => OwnedUpstream::Scalar(scalar),
                    _ => OwnedUpstream::PerRow(factors),
                },
            })
        },
    )
}

/// Any reduction, whole or of segments.
pub fn reduction() -> impl Strategy<Value = RandomCall> {
    form().prop_flat_map(of_form)
}

/// Any reduction of each row, with the factors, if any, of each.
pub fn reduction_of_rows() -> impl Strategy<Value = RandomCall> {
    let of_rows = |mut form: Form| {
        form.options.axis = Axis::EachRow;
        form.segments = None;
        form.consistent()
    };
    form().prop_map(of_rows).prop_flat_map(of_form)
}
