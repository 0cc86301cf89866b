//! Everything that ends the program early, as one line for people.

use std::io;
use std::path::{Path, PathBuf};

/// What every fallible function of the program returns.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why the program ends early; exit code 2 for [`Failure::Usage`], else 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The library refused or failed.
    #[error(transparent)]
    Library(#[from] wgpu_loss::Error),

    /// The GPU is too small for what the CPU can do.
    #[error("{0}; --device cpu has no such limit")]
    TooLarge(wgpu_loss::Error),

    /// A file cannot be read, or does not hold what was asked for.
    #[error("{path}: {message}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },

    /// Standard output cannot be written to.
    #[error("standard output: {}", cause(.0))]
    Stdout(io::Error),

    /// A result has no JSON form.
    #[error("JSON: {0}")]
    Json(serde_json::Error),

    /// A picture cannot be drawn.
    #[error("picture: {0}")]
    Picture(String),

    /// A number that was timed is wrong, so its time is not shown.
    #[error("benchmark: {0}")]
    WrongAnswer(String),

    /// The data in the program itself is damaged.
    #[error("sample data: {0}")]
    Sample(String),

    /// Arguments that do not fit together.
    #[error("{0}")]
    Usage(String),
}

/// What the system said, without what libraries add to it and the number of the error.
pub fn cause(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return "file too large: a limit on file sizes, or the file system's".to_owned();
    }
    // `tempfile` adds the temporary file's name.
    match error.get_ref().and_then(std::error::Error::source) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

impl Failure {
    /// A failure that names the file.
    pub fn file(path: &Path, message: impl ToString) -> Self {
        Self::File { path: path.to_owned(), message: message.to_string() }
    }
}

impl From<io::Error> for Failure {
    // `?` on `io::Error` is only used when writing results: files name themselves.
    fn from(error: io::Error) -> Self {
        Self::Stdout(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}
