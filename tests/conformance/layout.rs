//! The same matrix in other layouts: rows apart, the class axis in the middle, and both.

use wgpu_loss::{Logits, Result, Shape, Values};

use super::reduction::WeightForm;
use super::suite::Case;

/// Where the elements of a row-major `(rows, classes)` matrix lie in memory: `inner` rows side by
/// side, and unused elements behind each block of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub inner: usize,
    pub gap: usize,
}

/// Rows without gaps.
pub const ROWS: Layout = Layout { inner: 1, gap: 0 };

/// Unused elements behind each block where there are any: odd, so that rows start between vectors.
const GAP: usize = 3;

impl Layout {
    pub fn with_gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    fn shape(self, rows: usize, classes: usize) -> Shape {
        let outer = rows.checked_div(self.inner).unwrap_or(0);
        let shape = Shape::with_class_axis(outer, classes, self.inner);
        shape.with_row_stride(shape.row_stride + self.gap)
    }

    /// The matrix in this layout, its gaps filled with NaN.
    pub fn place(self, matrix: &[f32], rows: usize, classes: usize) -> Vec<f32> {
        let shape = self.shape(rows, classes);
        let mut placed = vec![f32::NAN; shape.outer() * shape.row_stride];
        for row in 0..rows {
            for class in 0..classes {
                placed[shape.start_of(row) + class * self.inner] = matrix[row * classes + class];
            }
        }
        placed
    }

    /// A view of what [`place`](Self::place) gave.
    pub fn view(self, placed: &[f32], rows: usize, classes: usize) -> Result<Logits<'_>> {
        Logits::from_values(Values::from(placed), self.shape(rows, classes))
    }

    /// The row-major matrix of an engine's result, which is laid out alike but without gaps.
    pub fn restore(self, result: &[f32], rows: usize, classes: usize) -> Vec<f64> {
        let shape = self.with_gap(0).shape(rows, classes);
        let element = |row| {
            let start = shape.start_of(row);
            (0..classes).map(move |class| f64::from(result[start + class * self.inner]))
        };
        (0..rows).flat_map(element).collect()
    }
}

/// One way to run a case.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub layout: Layout,
    /// Whether the gradient is asked for, where the operation gives it with the value.
    pub gradient: bool,
    /// How the weights of a reduction are given.
    pub weights: WeightForm,
    pub name: &'static str,
}

/// The plain way, which every case is run in.
pub const PLAIN: Way =
    Way { layout: ROWS, gradient: true, weights: WeightForm::Plain, name: "rows" };

/// The other ways for a matrix of this size; `original` is the number of rows side by side in the
/// third party's own layout.
pub fn other_ways(rows: usize, original: Option<usize>) -> Vec<Way> {
    let mut ways = vec![
        Way { gradient: false, name: "rows, without gradient", ..PLAIN },
        Way { layout: ROWS.with_gap(GAP), name: "rows with gaps", ..PLAIN },
    ];
    if let Some(inner) = original.filter(|&inner| inner > 1) {
        let layout = Layout { inner, gap: 0 };
        ways.push(Way { layout, name: "original layout", ..PLAIN });
        let layout = layout.with_gap(GAP);
        ways.push(Way { layout, name: "original layout with gaps", ..PLAIN });
    }
    if rows > 1 {
        let layout = Layout { inner: rows, gap: 0 };
        ways.push(Way { layout, name: "class axis first", ..PLAIN });
    }
    ways
}

/// Rows side by side in the third party's layout: `orig_shape` behind `class_axis` or
/// `reduced_axes`. `None` where the case does not say, or where its class axes are not neighbours
/// in their order, so that no stride leads from a class to the next.
pub fn original_inner(case: &Case<'_>) -> Option<usize> {
    let sizes = case.parameter("orig_shape").as_array()?;
    let sizes: Vec<_> =
        sizes.iter().map(|size| Some(size.as_u64()? as usize)).collect::<Option<_>>()?;
    let axes = match case.parameter("class_axis") {
        serde_json::Value::Null => case.parameter("reduced_axes"),
        axes => axes,
    };
    let listed = axes.as_array().map_or_else(|| vec![axes.clone()], Clone::clone);
    let from_front = |axis: &serde_json::Value| {
        let axis = axis.as_i64()?;
        usize::try_from(if axis < 0 { axis + sizes.len() as i64 } else { axis }).ok()
    };
    let axes: Vec<_> = listed.iter().map(from_front).collect::<Option<_>>()?;
    let last = *axes.last()?;
    let neighbours = axes.windows(2).all(|pair| pair[1] == pair[0] + 1);
    (neighbours && last < sizes.len()).then(|| sizes[last + 1..].iter().product())
}
