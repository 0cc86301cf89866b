//! The same few values and weights, reduced in every way there is.

use wgpu_loss::{
    Axis, Element, Engine, Logits, OwnedValues, Reduce, ReduceOutput, Segments, Shape, Weights,
};

/// One result, and what comes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct One {
    pub value: f32,
    pub variance: Option<f32>,
    pub sign: Option<f32>,
    pub denominator: Option<f32>,
}

impl One {
    pub fn of(output: &ReduceOutput, index: usize) -> Self {
        let at = |values: &Option<Vec<f32>>| values.as_ref().map(|values| values[index]);
        Self {
            value: output.values[index],
            variance: at(&output.variance),
            sign: at(&output.sign),
            denominator: at(&output.denominator),
        }
    }
}

/// What surrounds the values where they are not alone.
const OTHER: f32 = 2.5;

/// `(outer, classes, inner)` of [`OTHER`] with the values as one of the rows, NaN in the gaps.
fn among_rows(x: &[f32], outer: usize, inner: usize, row: usize, gap: usize) -> (Vec<f32>, Shape) {
    let shape = Shape::with_class_axis(outer, x.len(), inner);
    let shape = shape.with_row_stride(shape.row_stride + gap);
    let mut values = vec![f32::NAN; shape.extent().unwrap()];
    for other in 0..shape.rows {
        for (class, &x) in x.iter().enumerate() {
            let value = if other == row { x } else { OTHER };
            values[shape.start_of(other) + class * inner] = value;
        }
    }
    (values, shape)
}

/// The values as one of the columns.
fn among_columns(x: &[f32], columns: usize, column: usize) -> Vec<f32> {
    let mut values = vec![OTHER; x.len() * columns];
    x.iter().enumerate().for_each(|(row, &x)| values[row * columns + column] = x);
    values
}

/// Before and after, values of weight 0: they change no result.
fn padded(x: &[f32], w: Option<&[f32]>, before: usize, after: usize) -> (Vec<f32>, Vec<f32>) {
    let ones = vec![1.0; x.len()];
    let pad = |of: &[f32], with: f32| [vec![with; before], of.to_vec(), vec![with; after]].concat();
    (pad(x, OTHER), pad(w.unwrap_or(&ones), 0.0))
}

fn view<'a>(values: &'a OwnedValues, shape: Shape) -> Logits<'a> {
    Logits::from_values(values.values(), shape).unwrap()
}

/// Calls with the way's name and the result of the values, in every way.
pub fn every_way(
    engine: &dyn Engine,
    x: &[f32],
    w: Option<&[f32]>,
    options: &Reduce,
    mut check: impl FnMut(String, One),
) {
    let name = engine.name();
    let mut way = |what: &str, index: usize, output: wgpu_loss::Result<ReduceOutput>| {
        let output = output.unwrap_or_else(|error| panic!("{name}, {what}: {error}"));
        check(format!("{name}, {what}"), One::of(&output, index));
    };
    let along = |axis| Reduce { axis, ..*options };
    let count = x.len();
    let per_column = w.map_or(Weights::None, Weights::PerColumn);
    let per_row = w.map_or(Weights::None, Weights::PerRow);

    for element in Element::ALL {
        let stored = OwnedValues::from_f32(x.to_vec(), element);
        let widened = stored.clone().into_f32();
        if widened.iter().zip(x).any(|(found, x)| found.to_bits() != x.to_bits() && !x.is_nan()) {
            continue;
        }
        let row = view(&stored, Shape::new(1, count));
        let column = view(&stored, Shape::new(count, 1));
        let side_by_side = view(&stored, Shape::with_class_axis(1, 1, count));
        for axis in [Axis::EachRow, Axis::All] {
            let what = format!("a row of {element:?}, {axis:?}");
            way(&what, 0, engine.reduce(row, per_column, &along(axis)));
        }
        for axis in [Axis::EachColumn, Axis::All] {
            let what = format!("a column of {element:?}, {axis:?}");
            way(&what, 0, engine.reduce(column, per_row, &along(axis)));
            if count > 0 {
                let what = format!("rows side by side of {element:?}, {axis:?}");
                way(&what, 0, engine.reduce(side_by_side, per_row, &along(axis)));
            }
        }
        let segments = Segments::Offsets(&[0, 0, count as u32]);
        let output = engine.reduce_segments(column, segments, per_row, &along(Axis::EachColumn));
        way("a segment by offsets", 1, output);
        if let Some(w) = w {
            let weights = OwnedValues::from_f32(w.to_vec(), element);
            if weights.clone().into_f32().iter().zip(w).all(|(a, b)| a == b || b.is_nan()) {
                let weights = Weights::PerElement(view(&weights, Shape::new(1, count)));
                let output = engine.reduce(row, weights, &along(Axis::EachRow));
                way(&format!("weights of {element:?}"), 0, output);
            }
        }
    }

    for (outer, inner, row, gap) in [(3, 1, 1, 4), (2, 3, 4, 5), (1, 20, 17, 0)] {
        let (values, shape) = among_rows(x, outer, inner, row, gap);
        let values = Logits::from_values((&values[..]).into(), shape).unwrap();
        let what = format!("row {row} of {outer} x {inner}");
        way(&what, row, engine.reduce(values, per_column, &along(Axis::EachRow)));
        let (weights, shape) =
            among_rows(w.unwrap_or(&vec![1.0; count]), outer, inner, row, gap + 2);
        let weights = Logits::from_values((&weights[..]).into(), shape).unwrap();
        let output = engine.reduce(values, Weights::PerElement(weights), &along(Axis::EachRow));
        way(&format!("{what}, weights of elements"), row, output);
    }

    for (columns, column) in [(3, 1), (20, 18)] {
        let values = among_columns(x, columns, column);
        let values = Logits::new(&values, count, columns).unwrap();
        let what = format!("column {column} of {columns}");
        way(&what, column, engine.reduce(values, per_row, &along(Axis::EachColumn)));
        let weights = among_columns(w.unwrap_or(&vec![1.0; count]), columns, column);
        let weights = Weights::PerElement(Logits::new(&weights, count, columns).unwrap());
        let output = engine.reduce(values, weights, &along(Axis::EachColumn));
        way(&format!("{what}, weights of elements"), column, output);
        // Every other row belongs to no segment.
        let ids: Vec<i32> = (0..count).map(|_| 1).collect();
        let segments = Segments::Ids { ids: &ids, segments: 2 };
        let output = engine.reduce_segments(values, segments, weights, &along(Axis::EachColumn));
        way(&format!("{what} of a segment"), columns + column, output);
    }

    for (before, after) in [(0, 5), (30, 0), (300, 7), (5000, 1)] {
        let (x, w) = padded(x, w, before, after);
        let what = format!("after {before}, before {after} of weight 0");
        let (row, column) = (Logits::new(&x, 1, x.len()), Logits::new(&x, x.len(), 1));
        let (row, column) = (row.unwrap(), column.unwrap());
        way(&what, 0, engine.reduce(row, Weights::PerColumn(&w), &along(Axis::EachRow)));
        way(&what, 0, engine.reduce(column, Weights::PerRow(&w), &along(Axis::EachColumn)));
        let weights = Weights::PerElement(Logits::new(&w, w.len(), 1).unwrap());
        way(&what, 0, engine.reduce(column, weights, &along(Axis::All)));
        let ids: Vec<i32> = w.iter().map(|&w| if w == 0.0 { -7 } else { 0 }).collect();
        let segments = Segments::Ids { ids: &ids, segments: 1 };
        if options.mode == wgpu_loss::Mode::Masked {
            let weights = Weights::PerRow(&w);
            let output =
                engine.reduce_segments(column, segments, weights, &along(Axis::EachColumn));
            way(&format!("{what}, in no segment"), 0, output);
        }
    }
}
