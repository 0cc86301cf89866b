//! What the rows are compared with: targets, or a teacher's logits.

use std::borrow::Cow;

use wgpu_loss::SoftmaxAgainst;

use crate::arguments::AskedAgainst;
use crate::eval::layout::{Layout, Matrix};
use crate::eval::role::Role;
use crate::eval::source::{Named, Source};
use crate::eval::targets::{FileTargets, TargetFiles};
use crate::failure::Result;

/// The arrays beside the logits that options name, in FILE or in files of their own.
pub enum AgainstFiles<'a> {
    /// Targets and their weights.
    Targets(Box<TargetFiles<'a>>),
    /// A teacher's logits, and weights for rows.
    Teacher(Named<'a>, Option<Named<'a>>),
}

impl<'a> AgainstFiles<'a> {
    /// Finds them.
    pub fn open(asked: &AskedAgainst<'a>, main: &'a Source) -> Result<Self> {
        let find = |given, what, option| Named::find_any(main, given, what, option);
        Ok(match asked {
            AskedAgainst::Targets(focal) => {
                Self::Targets(Box::new(TargetFiles::find_first(&focal.targets, main)?))
            }
            AskedAgainst::Teacher(options) => Self::Teacher(
                match options.given_teacher() {
                    Some(given) => Named::find(main, given, "teacher", "--teacher")?,
                    None => {
                        let option = "after it or by --teacher";
                        Named::beside(main.beside_logits("teacher", option)?, None)
                    }
                },
                find(options.row_weights.as_deref(), "row weights", "--row-weights")?,
            ),
        })
    }
}

/// What the rows are compared with, as the files have it.
pub enum FileAgainst<'a> {
    /// Targets and their weights.
    Targets(FileTargets<'a>),
    /// A teacher's logits, and weights for rows.
    Teacher(Matrix<'a>, Option<Cow<'a, [f32]>>),
}

impl<'a> FileAgainst<'a> {
    /// Reads it.
    pub fn read(files: &'a AgainstFiles<'a>, layout: &Layout) -> Result<Self> {
        let (teacher, row_weights) = match files {
            AgainstFiles::Targets(files) => {
                return FileTargets::read(files, layout).map(Self::Targets);
            }
            AgainstFiles::Teacher(teacher, row_weights) => (teacher, row_weights),
        };
        let teacher = teacher.operand(Role::Teacher(layout))?.matrix(layout.class_axis as i64)?;
        let weights = |named: &'a Named<'a>| named.operand(Role::RowWeights(layout))?.numbers();
        Ok(Self::Teacher(teacher, row_weights.as_ref().map(weights).transpose()?))
    }

    /// As the library has it.
    pub fn library(&self) -> wgpu_loss::Result<SoftmaxAgainst<'_>> {
        Ok(match self {
            Self::Targets(targets) => {
                SoftmaxAgainst::Targets(targets.library(targets.class_weights())?)
            }
            Self::Teacher(matrix, row_weights) => SoftmaxAgainst::Teacher {
                logits: matrix.logits()?,
                row_weights: row_weights.as_deref(),
            },
        })
    }
}
