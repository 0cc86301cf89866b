//! The upstream gradient of an element-wise loss.

use std::borrow::Cow;

use wgpu_loss::{Axis, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream};

use crate::eval::layout::{Layout, Matrix};
use crate::eval::role::Role;
use crate::eval::upstream::{FileUpstream, GivenUpstream};
use crate::failure::Result;

/// An upstream gradient as the file has it.
pub enum LossUpstream<'a> {
    /// A factor for all results.
    One(f32),
    /// A factor for each row.
    Rows(Cow<'a, [f32]>),
    /// A factor for each column.
    Columns(Cow<'a, [f32]>),
    /// A factor for each element.
    Elements(Matrix<'a>),
}

impl<'a> LossUpstream<'a> {
    /// Reads it, for results of these dimensions.
    pub fn read(
        given: &'a GivenUpstream<'_>,
        request: &ElementwiseLoss,
        results: &[usize],
        layout: &Layout,
    ) -> Result<Self> {
        if let (GivenUpstream::Named(named), ElementwiseReduction::None) =
            (given, request.reduction)
        {
            let factors = named.operand(Role::LossUpstream(layout))?;
            return factors.matrix(layout.class_axis as i64).map(Self::Elements);
        }
        if request.axis == Axis::All {
            return given.read_one().map(Self::One);
        }
        Ok(match given.read(results)? {
            FileUpstream::One(factor) => Self::One(factor),
            FileUpstream::Each(factors) if request.axis == Axis::EachColumn => {
                Self::Columns(factors)
            }
            FileUpstream::Each(factors) => Self::Rows(factors),
        })
    }

    /// As the library has it.
    pub fn library(&self) -> wgpu_loss::Result<ElementwiseUpstream<'_>> {
        Ok(match self {
            Self::One(factor) => ElementwiseUpstream::Scalar(*factor),
            Self::Rows(factors) => ElementwiseUpstream::PerRow(factors),
            Self::Columns(factors) => ElementwiseUpstream::PerColumn(factors),
            Self::Elements(factors) => ElementwiseUpstream::PerElement(factors.logits()?),
        })
    }

    /// That of each element.
    pub fn of_elements(&self) -> Option<&Matrix<'a>> {
        match self {
            Self::Elements(factors) => Some(factors),
            _ => None,
        }
    }
}
