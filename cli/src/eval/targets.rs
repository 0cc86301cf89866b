//! Targets and weights of `eval cross-entropy`.

use std::borrow::Cow;

use wgpu_loss::{TargetValues, Targets};

use super::layout::{Layout, Matrix};
use super::role::Role;
use super::source::Source;
use super::tensor::Indices;
use crate::arguments::TargetOptions;
use crate::failure::Result;

/// The files that targets and weights are in, where the file of the logits is not.
pub struct TargetFiles {
    targets: Option<Source>,
    class_weights: Option<Source>,
    row_weights: Option<Source>,
}

impl TargetFiles {
    /// Opens those that were named.
    pub fn open(options: &TargetOptions) -> Result<Self> {
        let targets = options.targets_path.as_deref().or(options.targets_file.as_deref());
        Ok(Self {
            targets: Source::open_other(targets)?,
            class_weights: Source::open_other(options.class_weights_file.as_deref())?,
            row_weights: Source::open_other(options.row_weights_file.as_deref())?,
        })
    }
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
    /// Finds what the options ask for.
    pub fn read(
        options: &TargetOptions,
        main: &'a Source,
        files: &'a TargetFiles,
        layout: &Layout,
    ) -> Result<Self> {
        let source = match &files.targets {
            Some(source) => source,
            None => main.beside_logits("targets", "after it or by --targets-file")?,
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
                &options.class_weights,
                &files.class_weights,
                "class weights",
                "by --class-weights-file",
            )?,
            row_weights: weights(
                Role::RowWeights(layout),
                &options.row_weights,
                &files.row_weights,
                "row weights",
                "by --row-weights-file",
            )?,
        })
    }

    /// As the library has them.
    pub fn library(&self) -> wgpu_loss::Result<Targets<'_>> {
        let values = match &self.given {
            Given::Classes(indices) => TargetValues::Classes(indices.classes()),
            Given::Probabilities(matrix) => TargetValues::Probabilities(matrix.logits()?),
        };
        Ok(Targets {
            values,
            class_weights: self.class_weights.as_deref(),
            row_weights: self.row_weights.as_deref(),
        })
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
