//! Which dimension holds the classes, and what that makes of an array with any number of them.

use wgpu_loss::{Element, Logits, Shape};

use super::tensor::Floats;

/// Most rows without classes: they take no bytes in the file, so that nothing else bounds them.
const MOST_EMPTY_ROWS: usize = 1 << 24;

/// The dimensions of logits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Length of each dimension.
    pub dimensions: Vec<usize>,
    /// The one that holds the classes.
    pub class_axis: usize,
    /// The same as (outer, classes, inner).
    pub shape: Shape,
}

impl Layout {
    /// Of at least two dimensions; a negative axis counts from the last.
    pub fn new(dimensions: &[usize], axis: i64, element: Element) -> Result<Self, String> {
        let count = dimensions.len();
        let class_axis = match usize::try_from(axis) {
            Ok(axis) => Some(axis),
            Err(_) => {
                usize::try_from(axis.unsigned_abs()).ok().and_then(|it| count.checked_sub(it))
            }
        };
        let class_axis =
            class_axis.filter(|axis| *axis < count && count >= 2).ok_or_else(|| {
                format!(
                    "class axis: expected -{count} to {} for {dimensions:?}, found {axis}",
                    count.max(1) - 1
                )
            })?;
        let product = |part: &[usize]| {
            part.iter()
                .try_fold(1, |product: usize, length| product.checked_mul(*length))
                .ok_or_else(|| format!("logits: {dimensions:?} is too large"))
        };
        let (outer, inner) =
            (product(&dimensions[..class_axis])?, product(&dimensions[class_axis + 1..])?);
        let (rows, classes) = (product(&[outer, inner])?, dimensions[class_axis]);
        if classes == 0 && rows > MOST_EMPTY_ROWS {
            return Err(format!(
                "logits: expected at most {MOST_EMPTY_ROWS} rows without classes, found {rows}"
            ));
        }
        let shape = Shape::with_class_axis(outer, classes, inner).with_element(element);
        Ok(Self { dimensions: dimensions.to_vec(), class_axis, shape })
    }

    /// The dimensions of what has one value for each row.
    pub fn of_rows(&self) -> Vec<usize> {
        let mut dimensions = self.dimensions.clone();
        dimensions.remove(self.class_axis);
        dimensions
    }

    /// Whether these are the dimensions of what has one value for each row: without that of the
    /// classes, or with a 1 in its place or at the end.
    pub fn is_of_rows(&self, shape: &[usize]) -> bool {
        let kept = shape.len() == self.dimensions.len()
            && shape.iter().zip(&self.dimensions).enumerate().all(|(axis, (found, length))| {
                if axis == self.class_axis { *found == 1 } else { found == length }
            });
        let rows = self.of_rows();
        kept || shape == rows || shape.split_last() == Some((&1, rows.as_slice()))
    }

    /// Whether these are the dimensions of what has one value for each class, or column: alone, or
    /// with a 1 in the place of each other one.
    pub fn is_of_columns(&self, shape: &[usize]) -> bool {
        let kept = shape.len() == self.dimensions.len()
            && shape.iter().enumerate().all(|(axis, found)| {
                *found == if axis == self.class_axis { self.shape.classes } else { 1 }
            });
        kept || shape == self.of_columns()
    }

    /// The dimensions of what has one value for each class, or column.
    pub fn of_columns(&self) -> Vec<usize> {
        vec![self.shape.classes]
    }
}

/// Logits, or what is shaped as they are.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// The elements.
    pub floats: Floats<'a>,
    /// The dimensions.
    pub layout: Layout,
}

impl<'a> Matrix<'a> {
    /// Of floats with at least two dimensions.
    pub fn new(floats: Floats<'a>, shape: &[usize], class_axis: i64) -> Result<Self, String> {
        let layout = Layout::new(shape, class_axis, floats.values().element())?;
        Ok(Self { floats, layout })
    }

    /// As the library has them.
    pub fn logits(&self) -> wgpu_loss::Result<Logits<'_>> {
        Logits::from_values(self.floats.values(), self.layout.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dimensions: &[usize], axis: i64) -> Result<Layout, String> {
        Layout::new(dimensions, axis, Element::F32)
    }

    #[test]
    fn every_axis_may_hold_the_classes() {
        let shapes = [(0, (1, 2, 60)), (1, (2, 3, 20)), (2, (6, 4, 5)), (3, (24, 5, 1))];
        for (axis, (outer, classes, inner)) in shapes {
            let expected = Shape::with_class_axis(outer, classes, inner);
            for axis in [axis, axis - 4] {
                assert_eq!(layout(&[2, 3, 4, 5], axis).map(|it| it.shape), Ok(expected), "{axis}");
            }
        }
        assert_eq!(layout(&[2, 3, 4, 5], 1).map(|it| it.of_rows()), Ok(vec![2, 4, 5]));
        assert_eq!(layout(&[2, 3], -1).map(|it| it.shape), Ok(Shape::new(2, 3)));
    }

    #[test]
    fn axes_and_sizes_out_of_range_are_refused() {
        for axis in [2, -3, i64::MAX, i64::MIN] {
            let message = layout(&[2, 3], axis).expect_err("no such axis");
            assert!(message.contains("expected -2 to 1"), "{message}");
        }
        assert!(layout(&[], 0).is_err());
        let large = 1 << (usize::BITS - 2);
        assert!(layout(&[0, large, large], 0).is_err());
        assert!(layout(&[large, 0], 1).is_err());
        assert_eq!(layout(&[0, large], 1).map(|it| it.shape.rows), Ok(0));
        assert_eq!(layout(&[2, 3, 0], 1).map(|it| (it.shape.rows, it.shape.inner)), Ok((0, 0)));
    }
}
