//! The shape of a logits matrix, and a borrowed view of one in host memory.

use crate::{Error, Result};

/// Shape of row-major logits: `rows` rows of `classes` elements, each row starting `row_stride`
/// elements after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of rows, the `N` of `(N, C)`.
    pub rows: usize,
    /// Number of classes, the `C` of `(N, C)`.
    pub classes: usize,
    /// Elements from the start of a row to the start of the next; at least `classes`.
    pub row_stride: usize,
}

impl Shape {
    /// Contiguous rows.
    pub const fn new(rows: usize, classes: usize) -> Self {
        Self { rows, classes, row_stride: classes }
    }

    /// The same rows, `row_stride` elements apart.
    pub const fn with_row_stride(self, row_stride: usize) -> Self {
        Self { row_stride, ..self }
    }

    /// Elements from the first of the first row to the last of the last row; the stride's gap
    /// behind the last row does not count. `None` where that overflows.
    pub fn extent(&self) -> Option<usize> {
        match self.rows {
            0 => Some(0),
            rows => (rows - 1).checked_mul(self.row_stride)?.checked_add(self.classes),
        }
    }

    /// Refuses rows that overlap or whose extent overflows.
    pub(crate) fn validate(&self, operation: &'static str) -> Result<usize> {
        if self.row_stride < self.classes {
            return Err(Error::invalid(
                operation,
                "row stride",
                format!("at least the {} classes", self.classes),
                self.row_stride,
            ));
        }
        self.extent().ok_or_else(|| {
            Error::invalid(
                operation,
                "shape",
                "an addressable number of elements",
                format!("{self:?}"),
            )
        })
    }
}

/// Logits in host memory: a borrowed row-major `(rows, classes)` matrix of `f32`.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::Logits;
/// let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let logits = Logits::new(&values, 2, 3)?;
/// assert_eq!(logits.row(1), [4.0, 5.0, 6.0]);
/// // The same memory as 2 rows of 2 classes, with a gap of one element after each.
/// let narrow = Logits::with_row_stride(&values, 2, 2, 3)?;
/// assert_eq!(narrow.row(1), [4.0, 5.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    values: &'a [f32],
    shape: Shape,
}

impl<'a> Logits<'a> {
    /// Contiguous rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `values` holds exactly `rows * classes` elements.
    pub fn new(values: &'a [f32], rows: usize, classes: usize) -> Result<Self> {
        let shape = Shape::new(rows, classes);
        let extent = shape.validate("logits")?;
        if values.len() != extent {
            return Err(Error::invalid(
                "logits",
                "length",
                format!("{extent} elements for {rows} rows of {classes} classes"),
                values.len(),
            ));
        }
        Ok(Self { values, shape })
    }

    /// Rows that start `row_stride` elements apart.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `row_stride < classes` or `values` ends before the last row does.
    pub fn with_row_stride(
        values: &'a [f32],
        rows: usize,
        classes: usize,
        row_stride: usize,
    ) -> Result<Self> {
        let shape = Shape { rows, classes, row_stride };
        let extent = shape.validate("logits")?;
        if values.len() < extent {
            return Err(Error::invalid(
                "logits",
                "length",
                format!(
                    "at least {extent} elements for {rows} rows of {classes} classes, {row_stride} apart"
                ),
                values.len(),
            ));
        }
        Ok(Self { values: &values[..extent], shape })
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape.rows
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.shape.classes
    }

    /// All elements from the first row's first to the last row's last, gaps included.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// One row.
    ///
    /// # Panics
    /// When `row` is not below [`rows`](Self::rows), as indexing a slice does.
    pub fn row(&self, row: usize) -> &'a [f32] {
        let start = row * self.shape.row_stride;
        &self.values[start..start + self.shape.classes]
    }
}
