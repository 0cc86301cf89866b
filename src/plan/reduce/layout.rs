//! How values lie that make up a result.

use crate::axis::Axis;
use crate::logits::Shape;
use crate::weights::WeightLayout;

/// Elements from a value to the next along each axis of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Strides {
    /// Along the outer axis.
    pub outer: u64,
    /// Along the inner axis: from run to run, or from row to row of a column.
    pub inner: u64,
    /// Along a run, or from column to column.
    pub step: u64,
}

impl Strides {
    /// Of so many words each.
    pub(crate) const fn times(self, words: u64) -> Self {
        strides(self.outer * words, self.inner * words, self.step * words)
    }
}

const fn strides(outer: u64, inner: u64, step: u64) -> Strides {
    Strides { outer, inner, step }
}

/// Which way values are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Walk {
    /// Along runs of values that lie side by side.
    Runs,
    /// Down columns that lie side by side.
    Columns,
}

/// A reduction as its kernels see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReduceLayout {
    /// Which way.
    pub walk: Walk,
    /// Along the outer axis.
    pub outer: u64,
    /// Runs along the inner axis; rows of a column.
    pub inner: u64,
    /// Values of a run; columns side by side.
    pub length: u64,
    /// Where values are.
    pub values: Strides,
    /// Where their weights are, if there are any.
    pub weights: Strides,
    /// Which result they make up.
    pub result: Strides,
    /// Which result of the forward they belong to, for the gradient with respect to weights.
    pub forward: Strides,
    /// Number of results.
    pub results: u64,
}

impl ReduceLayout {
    /// Whether everything makes up one result.
    pub(crate) fn reduces_all(&self) -> bool {
        self.result == Strides::default()
    }

    /// Whether rows of a single value may be gone through as one row, as those here.
    fn may_be_turned(&self) -> bool {
        self.inner == 1
    }

    /// Whether everything is one run that makes up one result.
    pub(crate) fn is_single_run(&self) -> bool {
        self.reduces_all() && self.outer * self.inner == 1
    }
}

/// A gradient as its kernel sees it: runs of values, and the results they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradientLayout {
    /// Along the outer axis.
    pub outer: u64,
    /// Runs along the inner axis.
    pub inner: u64,
    /// Values of a run.
    pub length: u64,
    /// Where values are.
    pub values: Strides,
    /// Where their weights are.
    pub weights: Strides,
    /// Where the gradient is.
    pub gradient: Strides,
    /// Where the gradient with respect to the weights is, one for each value.
    pub weight_gradient: Strides,
    /// Which result they belong to.
    pub result: Strides,
}

/// Whether rows of a single value lie without gaps, so that they could be one row.
fn may_turn(shape: Shape) -> bool {
    shape.classes == 1 && shape.inner == 1 && shape.row_stride == 1
}

fn turned_shape(shape: Shape) -> Shape {
    Shape::new(1, shape.rows).with_element(shape.element)
}

fn turned_axis(axis: Axis) -> Axis {
    match axis {
        Axis::EachRow => Axis::EachColumn,
        Axis::EachColumn => Axis::EachRow,
        Axis::All => Axis::All,
    }
}

/// The same numbers for values that were turned, unless they have gaps.
fn turned_weights(weights: WeightLayout) -> Option<WeightLayout> {
    match weights {
        WeightLayout::None => Some(WeightLayout::None),
        WeightLayout::PerRow => Some(WeightLayout::PerColumn),
        WeightLayout::PerColumn => Some(WeightLayout::PerRow),
        WeightLayout::PerElement(shape) => {
            may_turn(shape).then(|| WeightLayout::PerElement(turned_shape(shape)))
        }
    }
}

/// Rows of a single value without gaps are one row: the rest of planning is spared them.
fn turned(values: Shape, axis: Axis, weights: WeightLayout) -> (Shape, Axis, WeightLayout) {
    match turned_weights(weights) {
        Some(weights) if may_turn(values) && values.rows > 1 => {
            (turned_shape(values), turned_axis(axis), weights)
        }
        _ => (values, axis, weights),
    }
}

/// Whether values and weights can be gone through as one run.
fn is_one_run(values: Shape, weights: WeightLayout) -> bool {
    values.is_contiguous()
        && match weights {
            WeightLayout::None => true,
            WeightLayout::PerElement(shape) => shape.is_contiguous(),
            WeightLayout::PerColumn => values.rows == 1,
            WeightLayout::PerRow => values.rows == 1,
        }
}

/// The weights of runs that are rows, or of `(outer, middle, inner)` of runs along inner.
fn run_weights(values: Shape, weights: WeightLayout) -> Strides {
    let inner = values.inner as u64;
    match (weights, values.inner) {
        (WeightLayout::None, _) => Strides::default(),
        (WeightLayout::PerRow, 0 | 1) => strides(0, 1, 0),
        (WeightLayout::PerColumn, 0 | 1) => strides(0, 0, 1),
        (WeightLayout::PerElement(shape), 0 | 1) => strides(0, shape.row_stride as u64, 1),
        (WeightLayout::PerRow, _) => strides(inner, 0, 1),
        (WeightLayout::PerColumn, _) => strides(0, 1, 0),
        (WeightLayout::PerElement(shape), _) => strides(shape.row_stride as u64, inner, 1),
    }
}

/// The result that a value of `(rows, columns)`, or of `(outer, middle, inner)`, belongs to.
fn result_strides(values: Shape, axis: Axis) -> Strides {
    match (axis, values.inner > 1) {
        (Axis::All, _) => Strides::default(),
        (Axis::EachRow, false) => strides(0, 1, 0),
        (Axis::EachColumn, false) => strides(0, 0, 1),
        (Axis::EachRow, true) => strides(values.inner as u64, 0, 1),
        (Axis::EachColumn, true) => strides(0, 1, 0),
    }
}

/// The layout of a reduction of values of this shape along an axis. `forward`: the axis along which
/// they were reduced before, where that is asked for. `whole`: of a piece, how the whole is gone
/// through, which may have gaps that the piece has not.
pub fn reduce_layout(
    values: Shape,
    axis: Axis,
    weights: WeightLayout,
    forward: Axis,
    whole: Option<&ReduceLayout>,
) -> ReduceLayout {
    let is_same = axis == forward;
    let (values, axis, forward, weights) = match whole.is_none_or(ReduceLayout::may_be_turned) {
        true => {
            let (of_forward, forward, _) = turned(values, forward, weights);
            let (values, axis, weights) = turned(values, axis, weights);
            debug_assert_eq!(values, of_forward);
            (values, axis, forward, weights)
        }
        false => (values, axis, forward, weights),
    };
    let is_one_run =
        is_same && whole.is_none_or(ReduceLayout::is_single_run) && is_one_run(values, weights);
    walk(values, axis, weights, forward, is_one_run)
}

/// The walk through values that are not turned any more. `is_one_run`: there are no gaps anywhere.
fn walk(
    values: Shape,
    axis: Axis,
    weights: WeightLayout,
    forward: Axis,
    is_one_run: bool,
) -> ReduceLayout {
    let Shape { rows, classes, row_stride, .. } = values;
    let (rows, classes, stride) = (rows as u64, classes as u64, row_stride as u64);
    let (outer, inner) = (values.outer() as u64, values.inner as u64);
    let of_runs = run_weights(values, weights);
    let as_rows = ReduceLayout {
        walk: Walk::Runs,
        outer: 1,
        inner: rows,
        length: classes,
        values: strides(0, stride, 1),
        weights: of_runs,
        result: result_strides(values, axis),
        forward: result_strides(values, forward),
        results: axis.results(values) as u64,
    };
    // Blocks of (middle, inner), the runs of each along inner.
    let as_blocks = ReduceLayout {
        outer,
        inner: classes,
        length: inner,
        values: strides(stride, inner, 1),
        ..as_rows
    };
    match (axis, values.inner > 1) {
        (Axis::All, _) if is_one_run => ReduceLayout {
            inner: 1,
            length: rows * classes,
            // Of one row, the weights of columns are those of values.
            weights: strides(0, 0, of_runs.step),
            ..as_rows
        },
        (Axis::EachRow | Axis::All, false) => as_rows,
        (Axis::EachColumn, false) => ReduceLayout { walk: Walk::Columns, ..as_rows },
        (Axis::EachRow, true) => ReduceLayout { walk: Walk::Columns, ..as_blocks },
        (Axis::EachColumn | Axis::All, true) => as_blocks,
    }
}

/// Operands of an element-wise loss beside input and weights.
pub const LOSS_OPERANDS: usize = 6;

/// The layout of element-wise losses that are put together along an axis. `others`: whatever else
/// has a number for each element, row or column; their strides follow in that order. `result`: the
/// axis along which results are numbered. `whole`: as of [`reduce_layout`].
pub fn loss_layout(
    input: Shape,
    axis: Axis,
    result: Axis,
    weights: WeightLayout,
    others: [WeightLayout; LOSS_OPERANDS],
    whole: Option<&ReduceLayout>,
) -> (ReduceLayout, [Strides; LOSS_OPERANDS]) {
    let turned = others.map(turned_weights);
    let may_turn = may_turn(input)
        && input.rows > 1
        && turned.iter().all(Option::is_some)
        && whole.is_none_or(ReduceLayout::may_be_turned);
    let (input, axis, result, weights, others) = match turned_weights(weights) {
        Some(weights) if may_turn => (
            turned_shape(input),
            turned_axis(axis),
            turned_axis(result),
            weights,
            turned.map(Option::unwrap_or_default),
        ),
        _ => (input, axis, result, weights, others),
    };
    let is_one_run = axis == Axis::All
        && (result == Axis::All || input.rows == 1)
        && whole.is_none_or(|whole| whole.outer * whole.inner == 1)
        && others.iter().chain([&weights]).all(|&layout| is_one_run(input, layout));
    let layout = walk(input, axis, weights, result, is_one_run);
    let of = |layout| match is_one_run {
        true => strides(0, 0, run_weights(input, layout).step),
        false => run_weights(input, layout),
    };
    (layout, others.map(of))
}

/// The layout of `(rows, columns)` that are reduced column by column, some of the rows at a time.
pub fn column_layout(values: Shape, weights: WeightLayout) -> ReduceLayout {
    ReduceLayout {
        walk: Walk::Columns,
        outer: 1,
        inner: values.rows as u64,
        length: values.classes as u64,
        values: strides(0, values.row_stride as u64, 1),
        weights: run_weights(values, weights),
        result: strides(0, 0, 1),
        forward: Strides::default(),
        results: values.classes as u64,
    }
}

/// The layout of gradients with respect to values of this shape, which are written to the shape
/// `gradient`; those with respect to weights of each value are without gaps. `whole`: as of
/// [`reduce_layout`].
pub fn gradient_layout(
    values: Shape,
    gradient: Shape,
    axis: Axis,
    weights: WeightLayout,
    whole: Option<&ReduceLayout>,
) -> GradientLayout {
    let turns = (gradient.row_stride == 1 || gradient.rows <= 1)
        && whole.is_none_or(ReduceLayout::may_be_turned);
    let (values, axis, weights) = match turns {
        true => turned(values, axis, weights),
        false => (values, axis, weights),
    };
    let gradient_stride = match turns && values.rows == 1 {
        true => values.classes,
        false => gradient.row_stride,
    } as u64;
    let (classes, inner) = (values.classes as u64, values.inner as u64);
    let stride = values.row_stride as u64;
    let of_runs = run_weights(values, weights);
    let is_flat = axis == Axis::All
        && whole.is_none_or(ReduceLayout::is_single_run)
        && is_one_run(values, weights)
        && (gradient.is_contiguous() || gradient_stride == classes * inner.max(1));
    if is_flat {
        let one = strides(0, 0, 1);
        return GradientLayout {
            outer: 1,
            inner: 1,
            length: values.rows as u64 * classes,
            values: one,
            weights: strides(0, 0, of_runs.step),
            gradient: one,
            weight_gradient: one,
            result: Strides::default(),
        };
    }
    if values.inner > 1 {
        return GradientLayout {
            outer: values.outer() as u64,
            inner: classes,
            length: inner,
            values: strides(stride, inner, 1),
            weights: of_runs,
            gradient: strides(gradient_stride, inner, 1),
            weight_gradient: strides(classes * inner, inner, 1),
            result: result_strides(values, axis),
        };
    }
    GradientLayout {
        outer: 1,
        inner: values.rows as u64,
        length: classes,
        values: strides(0, stride, 1),
        weights: of_runs,
        gradient: strides(0, gradient_stride, 1),
        weight_gradient: strides(0, classes, 1),
        result: result_strides(values, axis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result that each value belongs to, and its weight, by going through a layout.
    fn walked(layout: &ReduceLayout) -> Vec<(u64, u64, u64)> {
        let at = |strides: Strides, [o, i, l]: [u64; 3]| {
            o * strides.outer + i * strides.inner + l * strides.step
        };
        let mut found = Vec::new();
        for o in 0..layout.outer {
            for i in 0..layout.inner {
                for l in 0..layout.length {
                    let place = [o, i, l];
                    found.push((
                        at(layout.values, place),
                        at(layout.weights, place),
                        at(layout.result, place),
                    ));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn every_value_is_met_once_with_its_weight_and_result() {
        let shapes = [
            Shape::new(5, 7),
            Shape::new(5, 7).with_row_stride(9),
            Shape::new(6, 1),
            Shape::new(6, 1).with_row_stride(3),
            Shape::new(1, 8),
            Shape::new(1, 1),
            Shape::with_class_axis(3, 4, 5),
            Shape::with_class_axis(3, 4, 5).with_row_stride(23),
            Shape::with_class_axis(2, 1, 3),
        ];
        for shape in shapes {
            let weight_shape = Shape { row_stride: shape.row_stride + 2, ..shape };
            let layouts = [
                WeightLayout::None,
                WeightLayout::PerRow,
                WeightLayout::PerColumn,
                WeightLayout::PerElement(shape.contiguous()),
                WeightLayout::PerElement(weight_shape),
            ];
            for weights in layouts {
                for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
                    let mut expected = Vec::new();
                    for row in 0..shape.rows {
                        for class in 0..shape.classes {
                            let element =
                                |shape: Shape| (shape.start_of(row) + class * shape.inner) as u64;
                            let weight = match weights {
                                WeightLayout::None => 0,
                                WeightLayout::PerRow => row as u64,
                                WeightLayout::PerColumn => class as u64,
                                WeightLayout::PerElement(shape) => element(shape),
                            };
                            let result = match axis {
                                Axis::EachRow => row as u64,
                                Axis::EachColumn => class as u64,
                                Axis::All => 0,
                            };
                            expected.push((element(shape), weight, result));
                        }
                    }
                    expected.sort();
                    let layout = reduce_layout(shape, axis, weights, axis, None);
                    assert_eq!(walked(&layout), expected, "{shape:?} {axis:?} {weights:?}");
                    assert_eq!(layout.results, axis.results(shape) as u64);

                    let gradient = gradient_layout(shape, shape.contiguous(), axis, weights, None);
                    let as_reduced = ReduceLayout {
                        outer: gradient.outer,
                        inner: gradient.inner,
                        length: gradient.length,
                        values: gradient.values,
                        weights: gradient.weights,
                        result: gradient.result,
                        ..layout
                    };
                    assert_eq!(
                        walked(&as_reduced),
                        expected,
                        "gradient {shape:?} {axis:?} {weights:?}"
                    );
                    let mut places =
                        walked(&ReduceLayout { values: gradient.gradient, ..as_reduced });
                    places.dedup_by_key(|place| place.0);
                    assert_eq!(places.len(), expected.len(), "gradient places {shape:?}");
                    assert_eq!(places.last().map(|place| place.0), Some(expected.len() as u64 - 1));
                }
            }
        }
    }

    #[test]
    fn pieces_without_gaps_are_gone_through_as_a_whole_with_gaps() {
        let (gaps, piece) = (Shape::new(9, 1).with_row_stride(2), Shape::new(6, 1));
        for (axis, walk) in [(Axis::EachRow, Walk::Runs), (Axis::EachColumn, Walk::Columns)] {
            let of = |shape, whole: Option<&ReduceLayout>| {
                reduce_layout(shape, axis, WeightLayout::PerRow, axis, whole)
            };
            let whole = of(gaps, None);
            let of_piece = of(piece, Some(&whole));
            assert_eq!((of_piece.walk, of_piece.inner, of_piece.length), (walk, 6, 1));
            assert_eq!(of_piece.weights, whole.weights);
            let gradient = gradient_layout(piece, piece, axis, WeightLayout::PerRow, Some(&whole));
            assert_eq!((gradient.inner, gradient.length), (6, 1));
            // On its own the piece is a row.
            assert_eq!(of(piece, None).length, 6);
        }
    }

    #[test]
    fn values_without_gaps_are_one_run() {
        let all = |shape, weights| reduce_layout(shape, Axis::All, weights, Axis::All, None);
        let layout = all(Shape::new(1000, 10), WeightLayout::None);
        assert_eq!((layout.inner, layout.length), (1, 10_000));
        let layout = all(Shape::new(1 << 20, 1), WeightLayout::PerRow);
        assert_eq!((layout.inner, layout.length, layout.weights.step), (1, 1 << 20, 1));
        let rows = reduce_layout(
            Shape::new(1 << 20, 1),
            Axis::EachRow,
            WeightLayout::None,
            Axis::EachRow,
            None,
        );
        assert_eq!((rows.walk, rows.inner, rows.length), (Walk::Columns, 1, 1 << 20));
    }
}
