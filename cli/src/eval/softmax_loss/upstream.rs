//! The upstream gradient of losses of rows.

use std::borrow::Cow;

use wgpu_loss::Upstream;

use crate::arguments::{ReductionOption, UpstreamOption};
use crate::eval::layout::Layout;
use crate::eval::role::Role;
use crate::eval::source::{Named, Source};
use crate::failure::Result;

/// An upstream gradient, or where it is.
pub enum GivenUpstream<'a> {
    /// A factor for all rows.
    Number(f32),
    /// An array with one for each, or with one for their reduced loss.
    Named(Named<'a>),
}

/// An upstream gradient as the file has it.
pub enum FileUpstream<'a> {
    /// A factor for all rows.
    One(f32),
    /// A factor for each row.
    Rows(Cow<'a, [f32]>),
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

    /// Reads it.
    pub fn read(&self, reduction: ReductionOption, layout: &Layout) -> Result<FileUpstream<'_>> {
        let named = match self {
            Self::Number(factor) => return Ok(FileUpstream::One(*factor)),
            Self::Named(named) => named,
        };
        let is_reduced = reduction != ReductionOption::None;
        let results = if is_reduced { Vec::new() } else { layout.of_rows() };
        let factors = named.source().numbers(&named.tensor(Role::Factors(&results))?)?;
        match factors.as_ref() {
            [factor] if is_reduced => Ok(FileUpstream::One(*factor)),
            several if is_reduced => {
                let found = several.len();
                let message = format!("upstream gradient: expected 1 number, found {found}");
                Err(named.source().fail(message))
            }
            _ => Ok(FileUpstream::Rows(factors)),
        }
    }
}

impl FileUpstream<'_> {
    /// As the library has it.
    pub fn library(&self) -> Upstream<'_> {
        match self {
            Self::One(factor) => Upstream::Scalar(*factor),
            Self::Rows(factors) => Upstream::PerRow(factors),
        }
    }
}
