//! The upstream gradient of an element-wise loss.

use std::borrow::Cow;

use wgpu_loss::{Axis, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream};

use crate::arguments::UpstreamOption;
use crate::eval::layout::{Layout, Matrix};
use crate::eval::role::Role;
use crate::eval::source::{Named, Source};
use crate::failure::Result;

/// An upstream gradient, or where it is.
pub enum GivenUpstream<'a> {
    /// A factor for all results.
    Number(f32),
    /// An array with one for each.
    Named(Named<'a>),
}

/// An upstream gradient as the file has it.
pub enum FileUpstream<'a> {
    /// A factor for all results.
    One(f32),
    /// A factor for each row.
    Rows(Cow<'a, [f32]>),
    /// A factor for each column.
    Columns(Cow<'a, [f32]>),
    /// A factor for each element.
    Elements(Matrix<'a>),
}

impl<'a> GivenUpstream<'a> {
    /// Finds what the option names.
    pub fn find(main: &'a Source, option: &'a UpstreamOption) -> Result<Self> {
        Ok(match option {
            UpstreamOption::Number(factor) => Self::Number(*factor),
            UpstreamOption::Named(name) => {
                Self::Named(Named::find(main, name, "upstream gradient", "--upstream")?)
            }
        })
    }

    /// Reads it, for results of these dimensions.
    pub fn read(
        &self,
        request: &ElementwiseLoss,
        results: &[usize],
        layout: &Layout,
    ) -> Result<FileUpstream<'_>> {
        let named = match self {
            Self::Number(factor) => return Ok(FileUpstream::One(*factor)),
            Self::Named(named) => named,
        };
        let source = named.source();
        if request.reduction == ElementwiseReduction::None {
            let tensor = named.tensor(Role::LossUpstream(layout))?;
            let matrix = source.matrix(&tensor, layout.class_axis as i64)?;
            return Ok(FileUpstream::Elements(matrix));
        }
        let factors = source.numbers(&named.tensor(Role::Factors(results))?)?;
        Ok(match (request.axis, factors.as_ref()) {
            (Axis::EachRow, _) => FileUpstream::Rows(factors),
            (Axis::EachColumn, _) => FileUpstream::Columns(factors),
            (Axis::All, [factor]) => FileUpstream::One(*factor),
            (Axis::All, several) => {
                let found = several.len();
                let message = format!("upstream gradient: expected 1 number, found {found}");
                return Err(source.fail(message));
            }
        })
    }
}

impl<'a> FileUpstream<'a> {
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
