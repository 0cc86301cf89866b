//! Results as a .safetensors file: whole, or not at all.

use std::cmp::Reverse;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use tempfile::NamedTempFile;
use wgpu_loss::{Element, Values};

use super::bytes::native;
use crate::failure::{Failure, Result};

/// A file beside the one that is wanted; it takes that one's place once it is complete, and
/// disappears if anything fails before.
pub struct Pending {
    path: PathBuf,
    file: NamedTempFile,
}

/// One array of the file.
pub struct Array<'a> {
    /// Its name.
    pub name: &'static str,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Its elements.
    pub elements: Elements<'a>,
}

/// The elements of an array.
pub enum Elements<'a> {
    /// Floating-point numbers.
    Floats(Values<'a>),
    /// Classes.
    Classes(&'a [u32]),
}

impl<'a> Elements<'a> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Floats(values) => match values.element() {
                Element::F32 => Dtype::F32,
                Element::F16 => Dtype::F16,
                Element::Bf16 => Dtype::BF16,
            },
            Self::Classes(_) => Dtype::U32,
        }
    }

    /// Bytes of one element.
    fn size(&self) -> usize {
        self.dtype().bitsize() / 8
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Floats(values) => values.bytes(),
            Self::Classes(classes) => bytemuck::cast_slice(classes),
        }
    }
}

impl Pending {
    /// Begins a file, so that one that cannot be written is refused before anything is computed.
    pub fn create(path: &Path) -> Result<Self> {
        let fail = |message: &dyn ToString| Failure::file(path, message.to_string());
        if path.file_name().is_none() || path.is_dir() {
            return Err(fail(&"cannot be written: a directory"));
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".wgpu-loss-").suffix(".part");
        // A temporary file is its owner's alone; this one becomes an ordinary file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder
            .tempfile_in(directory)
            .map_err(|error| fail(&format_args!("cannot be written: {}", cause(&error))))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes the arrays, waits until they are on the disk, and gives the file its name.
    pub fn write(self, mut arrays: Vec<Array<'_>>) -> Result<()> {
        let Self { path, mut file } = self;
        // The widest elements first, so that all of them are aligned.
        arrays.sort_by_key(|array| Reverse(array.elements.size()));
        let fail = |error: io::Error| {
            Failure::file(&path, format_args!("cannot be written: {}", cause(&error)))
        };
        fill(file.as_file_mut(), &arrays).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

/// The message of the system, without the temporary file's name that `tempfile` adds.
fn cause(error: &io::Error) -> String {
    match error.get_ref().and_then(std::error::Error::source) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

fn fill(file: &mut std::fs::File, arrays: &[Array<'_>]) -> io::Result<()> {
    let mut start = 0;
    let tensors = arrays.iter().map(|array| {
        let end = start + array.elements.bytes().len();
        let info = TensorInfo {
            dtype: array.elements.dtype(),
            shape: array.shape.clone(),
            data_offsets: (start, end),
        };
        start = end;
        (array.name.to_owned(), info)
    });
    let metadata = Metadata::new(None, tensors.collect()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    // The format wants the data aligned to 8 bytes, by spaces after the header.
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut out = BufWriter::new(file);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for array in arrays {
        out.write_all(&native(array.elements.bytes(), array.elements.size()))?;
    }
    out.flush()
}
