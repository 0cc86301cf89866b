//! Targets and weights of `eval cross-entropy` and `eval softmax-focal`.

use std::borrow::Cow;
use std::path::PathBuf;

use wgpu_loss::{TargetValues, Targets};

use super::layout::{Layout, Matrix};
use super::role::Role;
use super::source::Source;
use super::tensor::Indices;
use crate::arguments::{FurtherTargetOptions, TargetOptions};
use crate::failure::{Failure, Result};

/// The files that targets and weights are in, where the file of the logits is not.
pub struct TargetFiles {
    targets: Option<Source>,
    class_weights: Option<Source>,
    row_weights: Option<Source>,
}

impl TargetFiles {
    /// Opens those that were named for the first file of logits.
    pub fn open_first(options: &TargetOptions) -> Result<Self> {
        let targets = options.targets_path.as_deref().or(options.targets_file.as_deref());
        Ok(Self {
            targets: Source::open_other(targets)?,
            class_weights: Source::open_other(options.class_weights_file.as_deref())?,
            row_weights: Source::open_other(options.row_weights_file.as_deref())?,
        })
    }

    /// The same, then for each of the others.
    pub fn open(
        options: &TargetOptions,
        further: &FurtherTargetOptions,
        others: usize,
    ) -> Result<Vec<Self>> {
        let first = Self::open_first(options)?;
        let FurtherTargetOptions { and_targets, and_row_weights } = further;
        count("--and-targets", others, and_targets.len())?;
        count("--and-row-weights", others, and_row_weights.len())?;
        let other = |at: usize| {
            Ok(Self {
                targets: Source::open_other(and_targets.get(at).map(PathBuf::as_path))?,
                class_weights: None,
                row_weights: Source::open_other(and_row_weights.get(at).map(PathBuf::as_path))?,
            })
        };
        std::iter::once(Ok(first)).chain((0..others).map(other)).collect()
    }
}

/// Refuses other than no files, or one for each after --and.
fn count(option: &str, expected: usize, found: usize) -> Result<()> {
    if found != 0 && found != expected {
        return Err(Failure::Usage(format!(
            "{option}: expected as many files as after --and, {expected}, found {found}"
        )));
    }
    Ok(())
}

/// A class or a probability for each row.
enum Given<'a> {
    Classes(Indices<'a>),
    Probabilities(Matrix<'a>),
}

/// Targets and weights as the files have them.
pub struct FileTargets<'a> {
    given: Given<'a>,
    class_weights: Option<Cow<'a, [f32]>>,
    row_weights: Option<Cow<'a, [f32]>>,
}

impl<'a> FileTargets<'a> {
    /// Finds what the options ask for, of the first file of logits or of another: class weights are
    /// for all of them.
    pub fn read(
        options: &TargetOptions,
        is_first: bool,
        main: &'a Source,
        files: &'a TargetFiles,
        layout: &Layout,
    ) -> Result<Self> {
        let (by_option, row_weights_option) = match is_first {
            true => ("after it or by --targets-file", "by --row-weights-file"),
            false => ("by --and-targets", "by --and-row-weights"),
        };
        let source = match &files.targets {
            Some(source) => source,
            None => main.beside_logits("targets", by_option)?,
        };
        let weights = |role, name: &Option<String>, file: &'a Option<Source>, what, option| {
            let source = match (file, name) {
                (None, None) => return Ok(None),
                (Some(source), _) => source,
                (None, Some(_)) => main.beside_logits(what, option)?,
            };
            source.weights(role, name.as_deref()).map(Some)
        };
        Ok(Self {
            given: given(options, source, layout)?,
            class_weights: weights(
                Role::ClassWeights,
                if is_first { &options.class_weights } else { &None },
                &files.class_weights,
                "class weights",
                "by --class-weights-file",
            )?,
            row_weights: weights(
                Role::RowWeights(layout),
                &options.row_weights,
                &files.row_weights,
                "row weights",
                row_weights_option,
            )?,
        })
    }

    /// Weights for the classes of all files, where this is the first.
    pub fn class_weights(&self) -> Option<&[f32]> {
        self.class_weights.as_deref()
    }

    /// As the library has them, with these weights for classes.
    pub fn library<'t>(
        &'t self,
        class_weights: Option<&'t [f32]>,
    ) -> wgpu_loss::Result<Targets<'t>> {
        let values = match &self.given {
            Given::Classes(indices) => TargetValues::Classes(indices.classes()),
            Given::Probabilities(matrix) => TargetValues::Probabilities(matrix.logits()?),
        };
        Ok(Targets { values, class_weights, row_weights: self.row_weights.as_deref() })
    }
}

fn given<'a>(options: &TargetOptions, source: &'a Source, layout: &Layout) -> Result<Given<'a>> {
    if let Some(name) = options.probabilities.as_deref() {
        let matrix = source.like_logits(Role::Probabilities(layout), Some(name), layout)?;
        return Ok(Given::Probabilities(matrix));
    }
    let tensor = source.tensor(Role::Targets(layout), options.targets.as_deref())?;
    match tensor.indices() {
        Some(indices) => Ok(Given::Classes(indices)),
        None => source.matrix(&tensor, layout.class_axis as i64).map(Given::Probabilities),
    }
}
