//! An open file of arrays, and what is looked for in it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::layout::{Layout, Matrix};
use super::role::{Role, select};
use super::tensor::Tensor;
use super::{mapping, npy, safetensors};
use crate::arguments::CommonOptions;
use crate::failure::{Failure, Result};

/// An open file of arrays.
pub struct Source {
    path: PathBuf,
    map: Mmap,
    npy: bool,
}

impl Source {
    /// Opens a .safetensors or .npy file.
    pub fn open(path: &Path) -> Result<Self> {
        let extension =
            path.extension().and_then(|it| it.to_str()).unwrap_or("").to_ascii_lowercase();
        let map = mapping::map(path).map_err(|error| Failure::file(path, error))?;
        let npy = npy::is_npy(&map) || extension == "npy";
        if !npy && extension != "safetensors" {
            return Err(Failure::file(path, "unknown format, expected .safetensors or .npy"));
        }
        Ok(Self { path: path.to_owned(), map, npy })
    }

    /// Opens the file that an option names, if it does.
    pub fn open_other(path: Option<&Path>) -> Result<Option<Self>> {
        path.map(Self::open).transpose()
    }

    /// This file, for an array beside the logits; a .npy file has no second array.
    pub fn beside_logits(&self, what: &str, option: &str) -> Result<&Self> {
        if self.npy {
            return Err(Failure::Usage(format!(
                "a .npy file holds one array: give the file of the {what} {option}"
            )));
        }
        Ok(self)
    }

    fn fail(&self, message: String) -> Failure {
        Failure::file(&self.path, message)
    }

    /// The tensor for a role; a .npy file has only one.
    pub fn tensor(&self, role: Role<'_>, name: Option<&str>) -> Result<Tensor<'_>> {
        let found = if self.npy {
            npy::parse(&self.map)
        } else {
            safetensors::parse(&self.map).and_then(|tensors| select(&tensors, role, name).cloned())
        };
        let checked = found.and_then(|tensor| role.check(&tensor).map(|()| tensor));
        checked.map_err(|message| self.fail(message))
    }

    /// The logits.
    pub fn logits(&self, options: &CommonOptions) -> Result<Matrix<'_>> {
        let tensor = self.tensor(Role::Logits, options.logits.as_deref())?;
        self.matrix(&tensor, options.class_axis)
    }

    /// What is shaped as the logits.
    pub fn like_logits(
        &self,
        role: Role<'_>,
        name: Option<&str>,
        layout: &Layout,
    ) -> Result<Matrix<'_>> {
        let tensor = self.tensor(role, name)?;
        self.matrix(&tensor, layout.class_axis as i64)
    }

    /// A tensor of this file as a matrix.
    pub fn matrix<'a>(&'a self, tensor: &Tensor<'a>, class_axis: i64) -> Result<Matrix<'a>> {
        Matrix::new(tensor, class_axis).map_err(|message| self.fail(message))
    }

    /// Weights.
    pub fn weights(&self, role: Role<'_>, name: Option<&str>) -> Result<Cow<'_, [f32]>> {
        let tensor = self.tensor(role, name)?;
        let floats = tensor.floats().ok_or_else(|| self.fail(format!("expected floats: {tensor}")));
        Ok(floats?.into_f32())
    }
}
