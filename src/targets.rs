//! What the rows are compared with: classes or probabilities, and the weights of classes and rows.

use crate::logits::{Logits, Shape};

/// A target class for each row, in any of the usual integer types. On the device targets are `i32`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClassIndices<'a> {
    /// `i32`, as the device has them.
    I32(&'a [i32]),
    /// `i64`, as PyTorch's.
    I64(&'a [i64]),
    /// `u32`.
    U32(&'a [u32]),
    /// `u8`.
    U8(&'a [u8]),
}

impl ClassIndices<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::I32(indices) => indices.len(),
            Self::I64(indices) => indices.len(),
            Self::U32(indices) => indices.len(),
            Self::U8(indices) => indices.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The target of a row; `None` beyond the last.
    pub fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::I32(indices) => indices.get(row).map(|&index| index.into()),
            Self::I64(indices) => indices.get(row).copied(),
            Self::U32(indices) => indices.get(row).map(|&index| index.into()),
            Self::U8(indices) => indices.get(row).map(|&index| index.into()),
        }
    }
}

macro_rules! from_indices {
    ($($type:ty => $variant:ident),*) => {$(
        impl<'a> From<&'a [$type]> for ClassIndices<'a> {
            fn from(indices: &'a [$type]) -> Self {
                Self::$variant(indices)
            }
        }

        impl<'a> From<&'a Vec<$type>> for ClassIndices<'a> {
            fn from(indices: &'a Vec<$type>) -> Self {
                Self::$variant(indices)
            }
        }

        impl<'a, const N: usize> From<&'a [$type; N]> for ClassIndices<'a> {
            fn from(indices: &'a [$type; N]) -> Self {
                Self::$variant(indices)
            }
        }
    )*};
}

from_indices!(i32 => I32, i64 => I64, u32 => U32, u8 => U8);

/// What each row is compared with.
#[derive(Clone, Copy, Debug)]
pub enum TargetValues<'a> {
    /// One class.
    Classes(ClassIndices<'a>),
    /// A probability for every class: shaped as the logits, of any element type and row stride.
    Probabilities(Logits<'a>),
}

/// What the rows are compared with, and the weights of classes and rows.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Logits, Targets, cpu};
/// let logits = Logits::new(&[2.0, 0.0, 0.0, 3.0], 2, 2)?;
/// let targets = Targets::classes(&[0, 1]).with_class_weights(&[1.0, 4.0]);
/// let out = cpu::Oracle.cross_entropy(logits, targets, &CrossEntropy::default())?;
/// assert_eq!(out.denominator, 5.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// Classes or probabilities.
    pub values: TargetValues<'a>,
    /// `w`: a weight for each class. Any sign, unchecked.
    pub class_weights: Option<&'a [f32]>,
    /// `v`: a weight for each row.
    pub row_weights: Option<&'a [f32]>,
}

impl<'a> Targets<'a> {
    /// A class for each row: `i32`, `i64`, `u32` or `u8`.
    pub fn classes(indices: impl Into<ClassIndices<'a>>) -> Self {
        Self::new(TargetValues::Classes(indices.into()))
    }

    /// Probabilities `q`, shaped as the logits. They are not validated: any sign, any sum.
    pub fn probabilities(probabilities: Logits<'a>) -> Self {
        Self::new(TargetValues::Probabilities(probabilities))
    }

    /// Without weights.
    pub fn new(values: TargetValues<'a>) -> Self {
        Self { values, class_weights: None, row_weights: None }
    }

    /// With a weight for each class.
    #[must_use]
    pub fn with_class_weights(self, weights: &'a [f32]) -> Self {
        Self { class_weights: Some(weights), ..self }
    }

    /// With a weight for each row.
    #[must_use]
    pub fn with_row_weights(self, weights: &'a [f32]) -> Self {
        Self { row_weights: Some(weights), ..self }
    }

    /// The classes, where the targets are classes.
    pub(crate) fn class_indices(&self) -> Option<ClassIndices<'a>> {
        match self.values {
            TargetValues::Classes(indices) => Some(indices),
            TargetValues::Probabilities(_) => None,
        }
    }

    /// What a plan has to know of them.
    pub fn layout(&self) -> TargetLayout {
        TargetLayout {
            probabilities: match self.values {
                TargetValues::Classes(_) => None,
                TargetValues::Probabilities(probabilities) => Some(probabilities.shape()),
            },
            class_weights: self.class_weights.is_some(),
            row_weights: self.row_weights.is_some(),
        }
    }
}

/// Which targets and weights a plan is for: the form of [`Targets`] without their values.
///
/// The default is a class for each row and no weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TargetLayout {
    /// Shape of probabilities as targets; `None`: a class for each row, as `i32`.
    pub probabilities: Option<Shape>,
    /// A weight for each class is given.
    pub class_weights: bool,
    /// A weight for each row is given.
    pub row_weights: bool,
}

#[cfg(feature = "runtime")]
impl TargetLayout {
    /// The same with another shape of probabilities, where the targets are.
    pub(crate) fn with_matrix(self, change: impl FnOnce(Shape) -> Shape) -> Self {
        Self { probabilities: self.probabilities.map(change), ..self }
    }
}
