//! Weights of a reduction, in host memory.

use crate::logits::{Logits, Shape};

/// What each value of a reduction is multiplied by.
#[derive(Clone, Copy, Debug, Default)]
pub enum Weights<'a> {
    /// Nothing: every value counts once.
    #[default]
    None,
    /// One weight for each row.
    PerRow(&'a [f32]),
    /// One weight for each column.
    PerColumn(&'a [f32]),
    /// One weight for each value: shaped as the values, with a row stride and an element type of
    /// their own.
    PerElement(Logits<'a>),
}

impl Weights<'_> {
    /// The form, without the numbers.
    pub fn layout(&self) -> WeightLayout {
        match self {
            Self::None => WeightLayout::None,
            Self::PerRow(_) => WeightLayout::PerRow,
            Self::PerColumn(_) => WeightLayout::PerColumn,
            Self::PerElement(weights) => WeightLayout::PerElement(weights.shape()),
        }
    }
}

/// The form of [`Weights`]: what a plan needs to know of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WeightLayout {
    /// No weights.
    #[default]
    None,
    /// One `f32` for each row.
    PerRow,
    /// One `f32` for each column.
    PerColumn,
    /// One weight for each value: of the same rows, columns and rows side by side, with a row
    /// stride and an element type of their own.
    PerElement(Shape),
}
