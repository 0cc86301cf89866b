//! Files that are written whole, or not at all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// A file beside the one that is wanted; it takes that one's place once it is complete, and
/// disappears if anything fails before.
pub struct Pending {
    path: PathBuf,
    file: NamedTempFile,
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

    /// Writes what `fill` writes, waits until it is on the disk, and gives the file its name.
    pub fn fill(self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
        let Self { path, mut file } = self;
        let fail = |error: io::Error| {
            Failure::file(&path, format_args!("cannot be written: {}", cause(&error)))
        };
        fill(file.as_file_mut()).map_err(fail)?;
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
