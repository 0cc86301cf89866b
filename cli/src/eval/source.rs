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
        let extension = extension(path);
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

    /// A failure that names this file.
    pub fn fail(&self, message: String) -> Failure {
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

    /// Whether this file has a tensor of this name.
    fn has(&self, name: &str) -> Result<bool> {
        if self.npy {
            return Ok(false);
        }
        let tensors = safetensors::parse(&self.map).map_err(|message| self.fail(message))?;
        Ok(tensors.iter().any(|tensor| tensor.name.as_deref() == Some(name)))
    }

    /// The logits.
    pub fn logits(&self, options: &CommonOptions) -> Result<Matrix<'_>> {
        self.input(Role::Logits, options)
    }

    /// The values of a reduction.
    pub fn values(&self, options: &CommonOptions) -> Result<Matrix<'_>> {
        self.input(Role::Values, options)
    }

    fn input(&self, role: Role<'_>, options: &CommonOptions) -> Result<Matrix<'_>> {
        let tensor = self.tensor(role, options.logits.as_deref())?;
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
        self.numbers(&self.tensor(role, name)?)
    }

    /// The elements of a tensor of floats of this file.
    pub fn numbers<'a>(&'a self, tensor: &Tensor<'a>) -> Result<Cow<'a, [f32]>> {
        let floats = tensor.floats().ok_or_else(|| self.fail(format!("expected floats: {tensor}")));
        Ok(floats?.into_f32())
    }
}

/// An array that an option names: a tensor of the main file, or one of another file.
pub struct Named<'a> {
    main: &'a Source,
    other: Option<Source>,
    name: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Finds what `given` is, and opens it if it is a file; `what` is looked for, by `option`.
    pub fn find(main: &'a Source, given: &'a str, what: &str, option: &str) -> Result<Self> {
        let path = Path::new(given);
        if main.has(given)? {
            return Ok(Self { main, other: None, name: Some(given) });
        }
        if path.is_file() || matches!(extension(path).as_str(), "npy" | "safetensors") {
            return Ok(Self { main, other: Some(Source::open(path)?), name: None });
        }
        let main = main.beside_logits(what, &format!("by {option}"))?;
        Ok(Self { main, other: None, name: Some(given) })
    }

    /// The same of an option that may be absent.
    pub fn find_any(
        main: &'a Source,
        given: Option<&'a str>,
        what: &str,
        option: &str,
    ) -> Result<Option<Self>> {
        given.map(|given| Self::find(main, given, what, option)).transpose()
    }

    /// The file it is in.
    pub fn source(&self) -> &Source {
        self.other.as_ref().unwrap_or(self.main)
    }

    /// The tensor, which must be one for this role.
    pub fn tensor(&self, role: Role<'_>) -> Result<Tensor<'_>> {
        self.source().tensor(role, self.name)
    }
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|it| it.to_str()).unwrap_or("").to_ascii_lowercase()
}
