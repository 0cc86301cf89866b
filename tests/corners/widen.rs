//! Rows of three classes of interest, made as long as a family of kernels wants them, in memory as
//! an element type and a layout want it.

use wgpu_loss::{Element, Logits, OwnedValues, Shape};

/// Which classes are the three of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Middle,
    Last,
    /// The first, the middle and the last class.
    Spread,
}

impl Place {
    pub const ALL: [Self; 4] = [Self::First, Self::Middle, Self::Last, Self::Spread];

    /// The three, in ascending order.
    pub fn columns(self, classes: usize) -> [usize; 3] {
        let from = |first: usize| [first, first + 1, first + 2];
        match self {
            Self::First => from(0),
            Self::Middle => from((classes - 3) / 2),
            Self::Last => from(classes - 3),
            Self::Spread => [0, classes / 2, classes - 1],
        }
    }
}

/// How rows lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Rows,
    /// With three NaNs behind each row.
    RowsWithGaps,
    /// Pairs of rows side by side, with three NaNs behind each pair.
    SideBySide,
}

impl Layout {
    pub const ALL: [Self; 3] = [Self::Rows, Self::RowsWithGaps, Self::SideBySide];

    /// The shape of an even number of rows, or of none.
    pub fn shape(self, rows: usize, classes: usize) -> Shape {
        match self {
            Self::Rows => Shape::new(rows, classes),
            Self::RowsWithGaps => Shape::new(rows, classes).with_row_stride(classes + 3),
            Self::SideBySide => {
                let shape = Shape::with_class_axis(rows / 2, classes, 2);
                shape.with_row_stride(2 * classes + 3)
            }
        }
    }
}

/// Values of rows in memory.
pub struct Placed {
    values: OwnedValues,
    shape: Shape,
}

impl Placed {
    /// Rows of three values, and one for all other classes.
    pub fn new(
        rows: &[([f32; 3], f32)],
        columns: [usize; 3],
        shape: Shape,
        element: Element,
    ) -> Self {
        let mut values = vec![f32::NAN; shape.outer() * shape.row_stride];
        for (index, (three, others)) in rows.iter().enumerate() {
            let start = shape.start_of(index);
            let of_row = values[start..].iter_mut().step_by(shape.inner).take(shape.classes);
            of_row.for_each(|value| *value = *others);
            for (&column, &value) in columns.iter().zip(three) {
                values[start + column * shape.inner] = value;
            }
        }
        Self { values: OwnedValues::from_f32(values, element), shape }
    }

    /// A value for each row and class.
    pub fn each(shape: Shape, element: Element, value: impl Fn(usize, usize) -> f32) -> Self {
        let mut values = vec![f32::NAN; shape.outer() * shape.row_stride];
        for row in 0..shape.rows {
            for class in 0..shape.classes {
                values[shape.start_of(row) + class * shape.inner] = value(row, class);
            }
        }
        Self { values: OwnedValues::from_f32(values, element), shape }
    }

    pub fn view(&self) -> Logits<'_> {
        let view = Logits::from_values(self.values.values(), self.shape);
        view.unwrap_or_else(|error| panic!("{:?}: {error}", self.shape))
    }
}

/// Three values, and one for all other classes, as a vector for every class.
pub fn spread(three: [f32; 3], others: f32, columns: [usize; 3], classes: usize) -> Vec<f32> {
    let mut values = vec![others; classes];
    columns.iter().zip(three).for_each(|(&column, value)| values[column] = value);
    values
}
