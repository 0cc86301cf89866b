//! Targets and weights of `eval cross-entropy` and `eval softmax-focal`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use wgpu_loss::{TargetValues, Targets};

use super::layout::{Layout, Matrix};
use super::role::Role;
use super::source::{Named, Source};
use super::tensor::Indices;
use crate::arguments::{FurtherTargetOptions, TargetOptions};
use crate::failure::{Failure, Result};

/// Where the targets and weights of one file of logits are: in it, or in files of their own.
pub struct TargetFiles<'a> {
    targets: Named<'a>,
    are_probabilities: bool,
    class_weights: Option<Named<'a>>,
    row_weights: Option<Named<'a>>,
}

impl<'a> TargetFiles<'a> {
    /// Finds those of the first file of logits.
    pub fn find_first(options: &'a TargetOptions, main: &'a Source) -> Result<Self> {
        let path = options.targets_path.as_deref().or(options.targets_file.as_deref());
        let are_probabilities = options.probabilities.is_some();
        let (what, option, given) = match options.probabilities.as_deref() {
            Some(given) => ("probabilities", "--probabilities", Some(given)),
            None => ("targets", "--targets", options.targets.as_deref()),
        };
        let targets = match (path, given) {
            (Some(path), name) => Named::of_path(main, path, name, what)?,
            (None, Some(given)) => Named::find(main, given, what, option)?,
            (None, None) => {
                let option = format!("after it or by {option}");
                Named::beside(main.beside_logits(what, &option)?, None)
            }
        };
        let class_weights = find_weights(
            main,
            options.class_weights_file.as_deref(),
            options.class_weights.as_deref(),
            ("class weights", "--class-weights"),
        )?;
        let row_weights = find_weights(
            main,
            options.row_weights_file.as_deref(),
            options.row_weights.as_deref(),
            ("row weights", "--row-weights"),
        )?;
        Ok(Self { targets, are_probabilities, class_weights, row_weights })
    }

    /// The same, then for each of the others.
    pub fn find(
        options: &'a TargetOptions,
        further: &'a FurtherTargetOptions,
        mains: &'a [Source],
    ) -> Result<Vec<Self>> {
        let FurtherTargetOptions { and_targets, and_row_weights } = further;
        let others = mains.get(1..).unwrap_or_default();
        count("--and-targets", others.len(), and_targets.len())?;
        count("--and-row-weights", others.len(), and_row_weights.len())?;
        let mut all = Vec::new();
        if let Some(main) = mains.first() {
            all.push(Self::find_first(options, main)?);
        }
        for (at, main) in others.iter().enumerate() {
            let other = all[0].find_other(main, and_targets.get(at), and_row_weights.get(at))?;
            all.push(other);
        }
        Ok(all)
    }

    /// Those of a file after the first: the names of tensors are the same ones, and class weights
    /// are those of the first.
    fn find_other(
        &self,
        main: &'a Source,
        targets: Option<&'a PathBuf>,
        row_weights: Option<&'a PathBuf>,
    ) -> Result<Self> {
        let targets = match targets {
            Some(path) => Named::of_path(main, path, None, "targets")?.named_as(&self.targets),
            None => {
                let main = main.beside_logits("targets", "by --and-targets")?;
                Named::beside(main, None).named_as(&self.targets)
            }
        };
        let row_weights = match (row_weights, &self.row_weights) {
            (Some(path), None) => Some(Named::of_path(main, path, None, "row weights")?),
            (Some(path), Some(first)) => {
                Some(Named::of_path(main, path, None, "row weights")?.named_as(first))
            }
            (None, Some(first)) if first.is_beside() => {
                let main = main.beside_logits("row weights", "by --and-row-weights")?;
                Some(Named::beside(main, None).named_as(first))
            }
            (None, _) => None,
        };
        let are_probabilities = self.are_probabilities;
        Ok(Self { targets, are_probabilities, class_weights: None, row_weights })
    }
}

/// Weights, in a file of their own, or as an option says.
fn find_weights<'a>(
    main: &'a Source,
    file: Option<&'a Path>,
    given: Option<&'a str>,
    (what, option): (&str, &str),
) -> Result<Option<Named<'a>>> {
    match file {
        Some(path) => Named::of_path(main, path, given, what).map(Some),
        None => Named::find_any(main, given, what, option),
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
    /// Reads what was found.
    pub fn read(files: &'a TargetFiles<'_>, layout: &Layout) -> Result<Self> {
        let weights = |named: &'a Option<Named<'_>>, role| {
            named.as_ref().map(|named| named.operand(role)?.numbers()).transpose()
        };
        Ok(Self {
            given: given(files, layout)?,
            class_weights: weights(&files.class_weights, Role::ClassWeights)?,
            row_weights: weights(&files.row_weights, Role::RowWeights(layout))?,
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

fn given<'a>(files: &'a TargetFiles<'_>, layout: &Layout) -> Result<Given<'a>> {
    let axis = layout.class_axis as i64;
    if files.are_probabilities {
        let probabilities = files.targets.operand(Role::Probabilities(layout))?;
        return probabilities.matrix(axis).map(Given::Probabilities);
    }
    let targets = files.targets.operand(Role::Targets(layout))?;
    match targets.indices()? {
        Some(indices) => Ok(Given::Classes(indices)),
        None => targets.matrix(axis).map(Given::Probabilities),
    }
}
