//! Weights of `eval reduce`.

use std::borrow::Cow;

use wgpu_loss::Weights;

use crate::arguments::WeightsAxis;
use crate::eval::layout::{Layout, Matrix};
use crate::eval::role::{Role, WeightAxes};
use crate::eval::source::Named;
use crate::failure::Result;

/// What weights are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Weights.
    Weights,
    /// Weights of positives.
    PositiveWeights,
    /// A variance.
    Variance,
}

impl Purpose {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::PositiveWeights => "weights of positives",
            Self::Variance => "variance",
        }
    }

    /// The option that names them.
    pub fn option(self) -> &'static str {
        match self {
            Self::Weights => "--weights",
            Self::PositiveWeights => "--positive-weights",
            Self::Variance => "--variance",
        }
    }
}

/// Weights as the file has them.
pub struct FileWeights<'a> {
    /// Length of each dimension; none where there are no weights.
    pub dimensions: Vec<usize>,
    given: Given<'a>,
}

enum Given<'a> {
    None,
    Rows(Cow<'a, [f32]>),
    Columns(Cow<'a, [f32]>),
    Elements(Matrix<'a>),
}

impl<'a> FileWeights<'a> {
    /// Reads weights, which are of what their shape says; where it says two things, of `axis`.
    pub fn read(
        named: Option<&'a Named<'_>>,
        axis: Option<WeightsAxis>,
        layout: &Layout,
    ) -> Result<Self> {
        Self::read_for(Purpose::Weights, named, axis, layout)
    }

    /// The same of what is shaped as weights may be.
    pub fn read_for(
        purpose: Purpose,
        named: Option<&'a Named<'_>>,
        axis: Option<WeightsAxis>,
        layout: &Layout,
    ) -> Result<Self> {
        let Some(named) = named else {
            return Ok(Self { dimensions: Vec::new(), given: Given::None });
        };
        let operand = named.operand(match purpose {
            Purpose::Weights => Role::Weights(layout, axis),
            Purpose::PositiveWeights => Role::PositiveWeights(layout, axis),
            Purpose::Variance => Role::Variance(layout, axis),
        })?;
        let axes = WeightAxes::new(operand.shape(), layout);
        let given = match axis {
            None if axes.row && axes.column => {
                let (tensor, option) = (operand.tensor(), purpose.option());
                return Err(operand.fail(&format!(
                    "{tensor} is ambiguous beside as many rows as columns, choose by {option}-axis"
                )));
            }
            None if axes.element => Given::Elements(operand.matrix(layout.class_axis as i64)?),
            Some(WeightsAxis::Row) => Given::Rows(operand.numbers()?),
            None if axes.row => Given::Rows(operand.numbers()?),
            _ => Given::Columns(operand.numbers()?),
        };
        Ok(Self { dimensions: operand.shape().to_vec(), given })
    }

    /// As the library has them.
    pub fn library(&self) -> wgpu_loss::Result<Weights<'_>> {
        Ok(match &self.given {
            Given::None => Weights::None,
            Given::Rows(weights) => Weights::PerRow(weights),
            Given::Columns(weights) => Weights::PerColumn(weights),
            Given::Elements(weights) => Weights::PerElement(weights.logits()?),
        })
    }

    /// Those of each value.
    pub fn of_elements(&self) -> Option<&Matrix<'a>> {
        match &self.given {
            Given::Elements(weights) => Some(weights),
            _ => None,
        }
    }

    /// What they are of, for people and for JSON.
    pub fn layout(&self) -> &'static str {
        match self.given {
            Given::None => "none",
            Given::Rows(_) => "row",
            Given::Columns(_) => "column",
            Given::Elements(_) => "element",
        }
    }
}
