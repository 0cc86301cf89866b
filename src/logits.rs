//! The shape of logits, and a borrowed view of them in host memory.

use crate::element::{Element, Float, Values, for_each_element};
use crate::error::{Error, Result};

/// Shape and element type of logits, or of anything with a value for each logit.
///
/// Logits are `(rows, classes)`, or `(outer, classes, inner)` with the class axis in the middle, as
/// PyTorch's `(N, C, H, W)`: then `rows = outer * inner`, row `o * inner + i` is `[o, .., i]`, and
/// its neighbouring classes lie `inner` elements apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of rows, each with a softmax of its own: the `N` of `(N, C)`, or `outer * inner`.
    pub rows: usize,
    /// Number of classes, the `C`.
    pub classes: usize,
    /// Rows that lie side by side: 1 for `(rows, classes)`. Divides `rows`.
    pub inner: usize,
    /// Elements from the start of a row to the start of the next; with `inner` rows side by side,
    /// from one `(classes, inner)` block to the next. At least `classes * inner`.
    pub row_stride: usize,
    /// How elements are stored.
    pub element: Element,
}

impl Shape {
    /// Contiguous `(rows, classes)` of `f32`.
    pub const fn new(rows: usize, classes: usize) -> Self {
        Self { rows, classes, inner: 1, row_stride: classes, element: Element::F32 }
    }

    /// Contiguous `(outer, classes, inner)` of `f32`. Sizes that overflow are refused where the
    /// shape is used.
    pub const fn with_class_axis(outer: usize, classes: usize, inner: usize) -> Self {
        Self {
            rows: outer.saturating_mul(inner),
            classes,
            inner,
            row_stride: classes.saturating_mul(inner),
            element: Element::F32,
        }
    }

    /// The same rows (or blocks of `inner` rows), `row_stride` elements apart.
    pub const fn with_row_stride(self, row_stride: usize) -> Self {
        Self { row_stride, ..self }
    }

    /// The same, stored as another type.
    pub const fn with_element(self, element: Element) -> Self {
        Self { element, ..self }
    }

    /// The same rows without gaps.
    pub const fn contiguous(self) -> Self {
        Self { row_stride: self.classes.saturating_mul(self.inner), ..self }
    }

    /// Whether there are no gaps between rows.
    pub const fn is_contiguous(&self) -> bool {
        self.row_stride == self.classes.saturating_mul(self.inner) || self.outer() <= 1
    }

    /// Blocks of `inner` rows.
    pub const fn outer(&self) -> usize {
        match self.inner {
            0 => 0,
            inner => self.rows / inner,
        }
    }

    /// Elements from the first of the first row to the last of the last row; the stride's gap
    /// behind the last row does not count. `None` where that overflows.
    pub fn extent(&self) -> Option<usize> {
        let block = self.classes.checked_mul(self.inner)?;
        match self.outer() {
            0 => Some(0),
            outer => (outer - 1).checked_mul(self.row_stride)?.checked_add(block),
        }
    }

    /// Logits of all rows, gaps not counted. `None` where that overflows.
    pub fn elements(&self) -> Option<usize> {
        self.rows.checked_mul(self.classes)
    }

    /// The rows that have elements: all of them, or none, however many there are.
    #[cfg(feature = "cpu")]
    pub(crate) const fn occupied_rows(&self) -> usize {
        if self.classes == 0 { 0 } else { self.rows }
    }

    /// Where a row's first element lies; the next class follows `inner` elements later.
    pub fn start_of(&self, row: usize) -> usize {
        if self.inner == 1 {
            row * self.row_stride
        } else {
            row / self.inner * self.row_stride + row % self.inner
        }
    }

    /// Refuses rows that overlap, that are not whole blocks, or whose extent overflows.
    pub(crate) fn validate(&self, operation: &'static str) -> Result<usize> {
        let whole = self.rows.is_multiple_of(self.inner); // of 0: 0 alone
        if !whole {
            let expected = format!("a multiple of the {} rows side by side", self.inner);
            return Err(Error::invalid(operation, "number of rows", expected, self.rows));
        }
        let block = self.classes.saturating_mul(self.inner);
        if self.row_stride < block {
            let expected = if self.inner == 1 {
                format!("at least the {block} classes")
            } else {
                format!("at least the {block} elements of {} rows side by side", self.inner)
            };
            return Err(Error::invalid(operation, "row stride", expected, self.row_stride));
        }
        let extent = self.extent().filter(|extent| extent.checked_mul(8).is_some());
        extent.ok_or_else(|| {
            Error::invalid(
                operation,
                "shape",
                "an addressable number of elements",
                format!("{self:?}"),
            )
        })
    }
}

/// Logits in host memory: a borrowed view of `f32`, `f16` or `bf16` values, shaped
/// `(rows, classes)` or `(outer, classes, inner)`. Probabilities as targets have the same form.
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
/// // The same memory as (1, 2, 3): 3 rows side by side, of 2 classes each.
/// let middle = Logits::with_class_axis(&values, 1, 2, 3)?;
/// assert_eq!(middle.row(1), [2.0, 5.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    values: Values<'a>,
    shape: Shape,
}

impl<'a> Logits<'a> {
    /// Contiguous rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `values` holds exactly `rows * classes` elements.
    pub fn new<T: Float>(values: &'a [T], rows: usize, classes: usize) -> Result<Self> {
        Self::exact(values, Shape::new(rows, classes))
    }

    /// The class axis in the middle: `outer` blocks of `(classes, inner)` without gaps.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `values` holds exactly `outer * classes * inner` elements.
    pub fn with_class_axis<T: Float>(
        values: &'a [T],
        outer: usize,
        classes: usize,
        inner: usize,
    ) -> Result<Self> {
        Self::exact(values, Shape::with_class_axis(outer, classes, inner))
    }

    fn exact<T: Float>(values: &'a [T], shape: Shape) -> Result<Self> {
        let extent = shape.validate("logits")?;
        if values.len() != extent {
            let Shape { rows, classes, .. } = shape;
            return Err(Error::invalid(
                "logits",
                "length",
                format!("{extent} elements for {rows} rows of {classes} classes"),
                values.len(),
            ));
        }
        Self::from_values(T::values(values), shape)
    }

    /// Rows that start `row_stride` elements apart.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `row_stride < classes` or `values` ends before the last row does.
    pub fn with_row_stride<T: Float>(
        values: &'a [T],
        rows: usize,
        classes: usize,
        row_stride: usize,
    ) -> Result<Self> {
        Self::from_values(T::values(values), Shape::new(rows, classes).with_row_stride(row_stride))
    }

    /// Any shape; the shape's element type gives way to that of the values.
    ///
    /// # Errors
    /// [`Error::Invalid`] when rows overlap or `values` ends before the last row does.
    pub fn from_values(values: Values<'a>, shape: Shape) -> Result<Self> {
        let shape = shape.with_element(values.element());
        let extent = shape.validate("logits")?;
        if values.len() < extent {
            let Shape { rows, classes, row_stride, .. } = shape;
            return Err(Error::invalid(
                "logits",
                "length",
                format!(
                    "at least {extent} elements for {rows} rows of {classes} classes, {row_stride} apart"
                ),
                values.len(),
            ));
        }
        Ok(Self { values: values.first(extent), shape })
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

    /// The type of the values.
    pub fn element(&self) -> Element {
        self.shape.element
    }

    /// All elements from the first row's first to the last row's last, gaps included.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// Some of the columns, where no rows lie side by side.
    #[cfg(feature = "runtime")]
    pub(crate) fn columns(&self, columns: std::ops::Range<usize>) -> Result<Self> {
        let shape = Shape { classes: columns.len(), ..self.shape };
        Self::from_values(self.values.behind(columns.start), shape)
    }

    /// One row, widened.
    ///
    /// # Panics
    /// When `row` is not below [`rows`](Self::rows), as indexing a slice does.
    pub fn row(&self, row: usize) -> Vec<f32> {
        assert!(row < self.shape.rows, "row {row} of {}", self.shape.rows);
        let start = self.shape.start_of(row);
        let classes = self.shape.classes;
        for_each_element!(Values, self.values, values => {
            let of_row = values[start.min(values.len())..].iter().step_by(self.shape.inner.max(1));
            of_row.take(classes).map(|value| value.widen()).collect()
        })
    }
}
