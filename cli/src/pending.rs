//! Files that are written whole, or not at all, and what results are written through to.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result, cause};
use crate::place::{self, Place};

/// Where results will be: a file beside the one that is wanted, which takes that one's place once it
/// is complete and disappears if anything fails before or the program is interrupted; or what is no
/// file, and takes bytes as they come.
pub struct Pending {
    /// As it was named.
    path: PathBuf,
    form: Form,
}

enum Form {
    File {
        /// The name of the file that is replaced, which is no link.
        target: PathBuf,
        file: NamedTempFile,
        _listed: Listed,
    },
    Stdout,
    Stream(Box<dyn Write>),
}

/// Temporary files that there are.
static TEMPORARY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file's entry in the list, for as long as it may be there.
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        temporary().remove(&self.0);
    }
}

fn temporary() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every temporary file, for a program that ends while the answer lives: until then no file
/// can be begun.
#[must_use]
pub fn remove_all() -> impl Sized {
    let temporary = temporary();
    for path in temporary.iter() {
        let _ = fs::remove_file(path);
    }
    temporary
}

impl Pending {
    /// Begins a file, or opens what is none, so that what cannot be written to is refused before
    /// anything is computed.
    pub fn create(path: &Path) -> Result<Self> {
        let fail = |message: String| cannot_be_written(path, message);
        let form = match place::find(path).map_err(fail)? {
            Place::Stdout => Form::Stdout,
            Place::Stream(stream) => Form::Stream(stream),
            Place::File(target) => {
                let (file, _listed) = begin(&target).map_err(|error| fail(cause(&error)))?;
                Form::File { target, file, _listed }
            }
        };
        Ok(Self { path: path.to_owned(), form })
    }

    /// The file, empty at first; `None` of what is none.
    pub fn file(&self) -> Option<&File> {
        match &self.form {
            Form::File { file, .. } => Some(file.as_file()),
            Form::Stdout | Form::Stream(_) => None,
        }
    }

    /// Whether standard output is for this, and not for reports.
    pub fn takes_stdout(&self) -> bool {
        matches!(self.form, Form::Stdout)
    }

    /// Whether both replace the same file, so that one of them would be lost.
    pub fn is_same_file(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::File { target, .. }, Form::File { target: other, .. }) => {
                place::is_same_file(target, other)
            }
            _ => false,
        }
    }

    /// What keeps it from being written.
    pub fn fail(&self, error: &io::Error) -> Failure {
        cannot_be_written(&self.path, cause(error))
    }

    /// Writes what `fill` writes. A file is brought to the disk, and then gets its name.
    pub fn fill(self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let Self { path, form } = self;
        let written = match form {
            Form::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = fill(&mut stdout).and_then(|()| stdout.flush());
                match written {
                    // Whoever reads has seen enough, as with reports.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    written => written,
                }
            }
            Form::Stream(mut stream) => fill(&mut *stream).and_then(|()| stream.flush()),
            Form::File { target, mut file, _listed } => fill(file.as_file_mut())
                .and_then(|()| take_over(file.as_file(), &target))
                .and_then(|()| file.as_file().sync_all())
                .and_then(|()| file.persist(&target).map(drop).map_err(|error| error.error)),
        };
        written.map_err(|error| cannot_be_written(&path, cause(&error)))
    }
}

/// A temporary file beside the target.
fn begin(target: &Path) -> io::Result<(NamedTempFile, Listed)> {
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wgpu-loss-").suffix(".part");
    // A temporary file is its owner's alone. This one becomes an ordinary file, or keeps what it
    // holds from everybody else until it has the mode of the one that it replaces.
    #[cfg(unix)]
    if !target.exists() {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    // Nobody cleans up between the file and its entry.
    let mut temporary = temporary();
    let file = builder.tempfile_in(directory)?;
    temporary.insert(file.path().to_owned());
    drop(temporary);
    let listed = Listed(file.path().to_owned());
    Ok((file, listed))
}

/// Gives the file the mode of the one that it replaces, and the owner where that is allowed.
#[cfg(unix)]
fn take_over(file: &File, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let Ok(before) = fs::metadata(target) else { return Ok(()) };
    let owner = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid());
    if owner(&file.metadata()?) != owner(&before) {
        // Most users may give away neither; some are in the group.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()))
            .or_else(|_| fchown(file, None, Some(before.gid())));
    }
    // Rights to act as the owner are the owner's to give.
    let is_kept = owner(&file.metadata()?) == owner(&before);
    let mode = before.mode() & if is_kept { 0o7777 } else { 0o777 };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_over(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

fn cannot_be_written(path: &Path, message: String) -> Failure {
    Failure::file(path, format_args!("cannot be written: {message}"))
}
