//! An open file of arrays, and what is looked for in it.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::contents::Contents;
use super::format::Format;
use super::inputs::Inputs;
use super::layout::Matrix;
use super::llama::Llama;
use super::role::{Role, select};
use super::tensor::{Indices, Tensor};
use crate::arguments::CommonOptions;
use crate::failure::{Failure, Result};

/// The name of standard input, as an operand.
const STDIN: &str = "-";

/// Extensions of files that are read: a name that ends so is one of a file, whether there is one or
/// not.
const EXTENSIONS: [&str; 4] = ["npy", "npz", "safetensors", "kld"];

/// An open file of arrays.
pub struct Source {
    path: PathBuf,
    contents: Contents,
    format: Format,
    inputs: Rc<Inputs>,
    /// The place of the array that the others stand beside.
    main: Cell<Option<usize>>,
}

impl Source {
    /// Opens the first file of a call, of an operand by this name.
    pub fn open(path: &Path, operand: &str) -> Result<Self> {
        Self::open_with(&Rc::default(), path, operand)
    }

    /// Opens another file of the same call.
    pub fn open_beside(&self, path: &Path, operand: &str) -> Result<Self> {
        Self::open_with(&self.inputs, path, operand)
    }

    fn open_with(inputs: &Rc<Inputs>, path: &Path, operand: &str) -> Result<Self> {
        let is_stdin = path == Path::new(STDIN);
        let shown = if is_stdin { Path::new("standard input") } else { path };
        let contents = match is_stdin {
            true => {
                inputs.take_stdin(operand)?;
                Contents::of_stdin()
            }
            false => Contents::of(path),
        };
        let contents = contents.map_err(|error| Failure::file(shown, error))?;
        let format =
            Format::of(&contents, path).map_err(|message| Failure::file(shown, message))?;
        let (path, inputs) = (shown.to_owned(), Rc::clone(inputs));
        Ok(Self { path, contents, format, inputs, main: Cell::new(None) })
    }

    /// The file, or what standard input is called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is called.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// What all files of the call have in common.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// This file, for an array beside the logits; a .npy file has no second array.
    pub fn beside_logits(&self, what: &str, option: &str) -> Result<&Self> {
        if matches!(self.format, Format::Npy) {
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

    /// The operand for a role; a .npy file has only one.
    pub fn operand<'a>(&'a self, role: Role<'_>, name: Option<&str>) -> Result<Operand<'a>> {
        let found = self.format.tensors(&self.contents).and_then(|mut tensors| {
            tensors.iter_mut().for_each(|tensor| self.shape_for(role, tensor));
            let at = match self.format {
                Format::Npy => 0,
                _ => select(&tensors, role, name, self.main.get())?,
            };
            let mut tensor = self.format.read(&self.contents, at)?;
            self.shape_for(role, &mut tensor);
            role.check(&tensor)?;
            if self.is_log_probabilities(at) && !role.takes_log_probabilities() {
                let what = role.describe();
                return Err(format!("{what}: expected none of llama.cpp's logits, found {tensor}"));
            }
            if role.is_main() {
                self.main.set(Some(at));
            }
            Ok(Operand { source: self, at, what: role.describe(), tensor })
        });
        found.map_err(|message| self.fail(message))
    }

    /// llama.cpp's rows have lost the dimensions of chunks: those of what they are beside.
    fn shape_for(&self, role: Role<'_>, tensor: &mut Tensor<'_>) {
        let (Format::Llama(_), Role::Teacher(layout)) = (&self.format, role) else { return };
        let is_last = layout.class_axis + 1 == layout.dimensions.len();
        if is_last && tensor.shape == [layout.shape.rows, layout.shape.classes] {
            tensor.shape.clone_from(&layout.dimensions);
        }
    }

    fn is_log_probabilities(&self, at: usize) -> bool {
        matches!(self.format, Format::Llama(_)) && at == 0
    }

    /// The logits that llama.cpp wrote, and all bytes of the file.
    pub fn llama(&self) -> Option<(&Llama, &[u8])> {
        match &self.format {
            Format::Llama(file) => Some((file, &self.contents)),
            _ => None,
        }
    }

    /// Whether this file has a tensor of this name.
    fn has(&self, name: &str) -> Result<bool> {
        if matches!(self.format, Format::Npy) {
            return Ok(false);
        }
        let tensors = self.format.tensors(&self.contents).map_err(|message| self.fail(message))?;
        Ok(tensors.iter().any(|tensor| tensor.name.as_deref() == Some(name)))
    }

    /// The logits.
    pub fn logits(&self, options: &CommonOptions) -> Result<Matrix<'_>> {
        self.main(Role::Logits, options)
    }

    /// The array that the others stand beside.
    pub fn main(&self, role: Role<'_>, options: &CommonOptions) -> Result<Matrix<'_>> {
        self.operand(role, options.logits.as_deref())?.matrix(options.class_axis)
    }
}

/// An array that is what it was looked for as.
pub struct Operand<'a> {
    source: &'a Source,
    /// Its place in the file.
    at: usize,
    what: &'static str,
    tensor: Tensor<'a>,
}

impl<'a> Operand<'a> {
    /// Length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    /// As a matrix of floats.
    pub fn matrix(&self, class_axis: i64) -> Result<Matrix<'a>> {
        self.say(|beyond| {
            Matrix::new(self.tensor.floats_counting(beyond)?, &self.tensor.shape, class_axis)
        })
    }

    /// As a matrix of floats, which integers are taken for.
    pub fn matrix_of_numbers(&self, class_axis: i64) -> Result<Matrix<'a>> {
        self.say(|beyond| {
            Matrix::new(self.tensor.numbers_counting(beyond)?, &self.tensor.shape, class_axis)
        })
    }

    /// As floats of single precision.
    pub fn numbers(&self) -> Result<Cow<'a, [f32]>> {
        self.say(|beyond| Ok(self.tensor.floats_counting(beyond)?.into_f32()))
    }

    /// As integers; `None` of floats.
    pub fn indices(&self) -> Result<Option<Indices<'a>>> {
        if self.tensor.dtype.is_float() {
            return Ok(None);
        }
        self.tensor.indices().map(Some).map_err(|message| self.fail(&message))
    }

    /// Reads floats, and says of them what is to be said.
    fn say<T>(&self, read: impl FnOnce(&mut usize) -> std::result::Result<T, String>) -> Result<T> {
        let mut beyond = 0;
        let found = read(&mut beyond).map_err(|message| self.fail(&message))?;
        self.source.inputs.rounded(self.what, &self.tensor.dtype, beyond);
        if let Some((file, bytes)) = self.source.llama()
            && self.source.is_log_probabilities(self.at)
        {
            let values = file.rows() * file.classes;
            self.source.inputs.clamped(self.what, values, file.lowest(bytes));
        }
        Ok(found)
    }

    /// A failure that names the file and what was looked for.
    pub fn fail(&self, message: &str) -> Failure {
        self.source.fail(format!("{}: {message}", self.what))
    }

    /// The array, for messages.
    pub fn tensor(&self) -> &Tensor<'a> {
        &self.tensor
    }
}

/// An array that an operand or an option names: a tensor of the main file, or one of another file.
pub struct Named<'a> {
    main: &'a Source,
    other: Option<Box<Source>>,
    name: Option<Cow<'a, str>>,
}

impl<'a> Named<'a> {
    /// Finds what `given` is, and opens it if it is a file; `what` is looked for, by `option`.
    pub fn find(main: &'a Source, given: &'a str, what: &str, option: &str) -> Result<Self> {
        if given != STDIN && main.has(given)? {
            return Ok(Self { main, other: None, name: Some(given.into()) });
        }
        if let Some(named) = Self::find_file(main, given, what)? {
            return Ok(named);
        }
        let main = main.beside_logits(what, &format!("by {option}"))?;
        Ok(Self { main, other: None, name: Some(given.into()) })
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

    /// A file that is given as such: only where there is none is it the name of a tensor.
    pub fn of_path(
        main: &'a Source,
        path: &'a Path,
        name: Option<&'a str>,
        what: &str,
    ) -> Result<Self> {
        if let (false, None, Some(given)) = (is_file(path), name, path.to_str()) {
            if let Some(named) = Self::find_file(main, given, what)? {
                return Ok(named);
            }
            if main.has(given)? {
                return Ok(Self { main, other: None, name: Some(given.into()) });
            }
        }
        let other = Some(Box::new(main.open_beside(path, what)?));
        Ok(Self { main, other, name: name.map(Cow::from) })
    }

    /// A tensor of the main file, by its name, or the one that has the usual name.
    pub fn beside(main: &'a Source, name: Option<&'a str>) -> Self {
        Self { main, other: None, name: name.map(Cow::from) }
    }

    /// With the name that the tensor of another file has, where it has one.
    pub fn named_as(self, other: &Self) -> Self {
        Self { name: other.name.clone().or(self.name), ..self }
    }

    /// Whether it is in the main file.
    pub fn is_beside(&self) -> bool {
        self.other.is_none()
    }

    /// A file, or a tensor of a file as FILE:NAME.
    fn find_file(main: &'a Source, given: &'a str, what: &str) -> Result<Option<Self>> {
        let path = Path::new(given);
        let named = |path: &Path, name: Option<&'a str>| {
            let other = Some(Box::new(main.open_beside(path, what)?));
            Ok(Some(Self { main, other, name: name.map(Cow::from) }))
        };
        if is_file(path) {
            return named(path, None);
        }
        if let Some((file, name)) = given.rsplit_once(':')
            && is_file(Path::new(file))
        {
            return named(Path::new(file), Some(name));
        }
        // There is none: opening it says so.
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let is_meant = EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str());
        if is_meant || (path.is_dir() && given.contains(std::path::MAIN_SEPARATOR)) {
            return named(path, None);
        }
        Ok(None)
    }

    /// The file it is in.
    pub fn source(&self) -> &Source {
        self.other.as_deref().unwrap_or(self.main)
    }

    /// The operand, which must be one for this role.
    pub fn operand(&self, role: Role<'_>) -> Result<Operand<'_>> {
        self.source().operand(role, self.name.as_deref())
    }
}

/// Whether this is standard input, or there is something by this name that can be read.
fn is_file(path: &Path) -> bool {
    path == Path::new(STDIN) || path.metadata().is_ok_and(|metadata| !metadata.is_dir())
}
