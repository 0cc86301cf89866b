//! Everything that can go wrong, as one line for people.

use std::path::{Path, PathBuf};

use wgpu_loss::wgpu;

/// What every fallible function of the painter returns.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why the painter ends early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The library refused or failed.
    #[error(transparent)]
    Library(#[from] wgpu_loss::Error),

    /// There is nothing to draw with.
    #[error(
        "no adapter{wanted}: {found}. Install a driver for Vulkan, Metal or Direct3D 12 (`cargo xtask \
         test` installs a software one where it can), or try WGPU_BACKEND=gl"
    )]
    NoAdapter {
        /// What was asked for, as ` whose name contains "..."`, or empty.
        wanted: String,
        /// What there is instead.
        found: String,
    },

    /// wgpu refused or failed.
    #[error("{operation}: {message}")]
    Device {
        /// What was going on.
        operation: &'static str,
        /// What wgpu said.
        message: String,
    },

    /// The kernels take pixels by fours.
    #[error("--size: expected a multiple of 4 pixels, found {width}x{height}")]
    Size {
        /// Pixels of a row.
        width: u32,
        /// Rows.
        height: u32,
    },

    /// The device cannot hold a picture of this size.
    #[error("--size: {what} needs a buffer of {needed} bytes, the device has {available}")]
    TooLarge {
        /// The buffer.
        what: &'static str,
        /// What the picture needs.
        needed: u64,
        /// What the device has.
        available: u64,
    },

    /// A file cannot be written.
    #[error("{path}: {message}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },

    /// A picture cannot be drawn.
    #[error("picture: {0}")]
    Picture(String),
}

impl Failure {
    /// A failure of wgpu's.
    pub fn device(operation: &'static str, message: impl ToString) -> Self {
        Self::Device { operation, message: message.to_string() }
    }

    /// A failure that names the file.
    pub fn file(path: &Path, message: impl ToString) -> Self {
        Self::File { path: path.to_owned(), message: message.to_string() }
    }
}

/// Runs `work` in an error scope: what wgpu would report through a callback becomes its error.
pub fn catching<T>(device: &wgpu::Device, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let outcome = work();
    let errors = [pollster::block_on(validation.pop()), pollster::block_on(memory.pop())];
    match errors.into_iter().flatten().next() {
        Some(error) => Err(Failure::device("wgpu", error)),
        None => outcome,
    }
}
