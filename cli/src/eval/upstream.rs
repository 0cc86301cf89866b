//! The upstream gradient of `eval`, as its option has it.

use std::borrow::Cow;

use wgpu_loss::Upstream;

use super::role::Role;
use super::source::{Named, Source};
use crate::arguments::UpstreamOption;
use crate::failure::Result;

/// An upstream gradient, or where it is.
pub enum GivenUpstream<'a> {
    /// A factor for all results.
    Number(f32),
    /// An array with one for each.
    Named(Named<'a>),
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
}

/// An upstream gradient as the file has it.
pub enum FileUpstream<'a> {
    /// A factor for all results.
    One(f32),
    /// A factor for each.
    Each(Cow<'a, [f32]>),
}

impl GivenUpstream<'_> {
    /// Reads it, for results of these dimensions.
    pub fn read(&self, results: &[usize]) -> Result<FileUpstream<'_>> {
        Ok(match self {
            Self::Number(factor) => FileUpstream::One(*factor),
            Self::Named(named) => {
                FileUpstream::Each(named.operand(Role::Factors(results))?.numbers()?)
            }
        })
    }

    /// Reads it, for one result, which takes no more than a factor.
    pub fn read_one(&self) -> Result<f32> {
        let named = match self {
            Self::Number(factor) => return Ok(*factor),
            Self::Named(named) => named,
        };
        let factors = named.operand(Role::Factors(&[]))?.numbers()?;
        match factors.as_ref() {
            [factor] => Ok(*factor),
            several => {
                let found = several.len();
                let message = format!("upstream gradient: expected 1 number, found {found}");
                Err(named.source().fail(message))
            }
        }
    }
}

impl FileUpstream<'_> {
    /// As the library has it.
    pub fn library(&self) -> Upstream<'_> {
        match self {
            Self::One(factor) => Upstream::Scalar(*factor),
            Self::Each(factors) => Upstream::PerRow(factors),
        }
    }
}
