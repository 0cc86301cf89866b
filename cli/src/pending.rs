//! Files that are written whole, or not at all.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// A file beside the one that is wanted; it takes that one's place once it is complete, and
/// disappears if anything fails before or the program is interrupted.
pub struct Pending {
    path: PathBuf,
    file: NamedTempFile,
    _listed: Listed,
}

/// Temporary files that there are.
static TEMPORARY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file's entry in the list, for as long as it may be there.
struct Listed(PathBuf);

impl Listed {
    fn new(path: &Path) -> Self {
        temporary().insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        temporary().remove(&self.0);
    }
}

fn temporary() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program at once when it is interrupted or told to end, without a partial file.
pub fn clean_up_when_interrupted() {
    let handler = || {
        // The list stays locked: no file can be begun behind our back.
        for path in temporary().iter() {
            let _ = std::fs::remove_file(path);
        }
        // What a shell answers for a program ended by SIGINT.
        std::process::exit(130);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        crate::output::note(format_args!("interruptions are not handled: {error}"));
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
        let _listed = Listed::new(file.path());
        Ok(Self { path: path.to_owned(), file, _listed })
    }

    /// The file, empty at first.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// What keeps the file from being written.
    pub fn fail(&self, error: &io::Error) -> Failure {
        cannot_be_written(&self.path, error)
    }

    /// Writes what `fill` writes, waits until it is on the disk, and gives the file its name.
    pub fn fill(self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
        let Self { path, mut file, _listed } = self;
        let fail = |error: io::Error| cannot_be_written(&path, &error);
        fill(file.as_file_mut()).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> Failure {
    Failure::file(path, format_args!("cannot be written: {}", cause(error)))
}

/// The message of the system, without the temporary file's name that `tempfile` adds.
fn cause(error: &io::Error) -> String {
    match error.get_ref().and_then(std::error::Error::source) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
