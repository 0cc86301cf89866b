//! Which format a file has, by its content.

use std::path::Path;

use super::llama::{self, Llama};
use super::npz::{self, Npz};
use super::tensor::Tensor;
use super::{foreign, npy, safetensors};

/// The arrays of a file, of each format as much as its header says.
pub enum Format {
    /// One array.
    Npy,
    /// Arrays with names.
    Safetensors,
    /// Arrays with names.
    Npz(Npz),
    /// Log-probabilities and targets.
    Llama(Llama),
}

impl Format {
    /// That of these bytes. The name of the file is asked only where they say nothing.
    pub fn of(bytes: &[u8], path: &Path) -> Result<Self, String> {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let extension = extension.to_ascii_lowercase();
        if npy::is_npy(bytes) {
            return Ok(Self::Npy);
        }
        if llama::is_llama(bytes) {
            return Llama::parse(bytes).map(Self::Llama);
        }
        if safetensors::is_safetensors(bytes) {
            return Ok(Self::Safetensors);
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return zip(bytes, path);
        }
        match (foreign::named(bytes, path), extension.as_str()) {
            (Some(message), _) => Err(message),
            // Too short, or damaged: its reader says where.
            (None, "npy") => Ok(Self::Npy),
            (None, "safetensors") => Ok(Self::Safetensors),
            (None, "npz") => Npz::parse(bytes).map(Self::Npz),
            (None, _) => Err(foreign::unknown(bytes, path)),
        }
    }

    /// The arrays; those of some formats without their elements yet.
    pub fn tensors<'a>(&'a self, bytes: &'a [u8]) -> Result<Vec<Tensor<'a>>, String> {
        match self {
            Self::Npy => npy::parse(bytes).map(|tensor| vec![tensor]),
            Self::Safetensors => safetensors::parse(bytes),
            Self::Npz(file) => Ok(file.tensors()),
            Self::Llama(file) => Ok(file.tensors()),
        }
    }

    /// One of them, by its place in that list, with its elements.
    pub fn read<'a>(&'a self, bytes: &'a [u8], at: usize) -> Result<Tensor<'a>, String> {
        match self {
            Self::Npy | Self::Safetensors => {
                self.tensors(bytes)?.into_iter().nth(at).ok_or_else(|| "no such array".to_owned())
            }
            Self::Npz(file) => file.read(bytes, at),
            Self::Llama(file) => file.read(bytes, at),
        }
    }
}

/// A zip file: of NumPy's arrays, or of something else.
fn zip(bytes: &[u8], path: &Path) -> Result<Format, String> {
    // A file that is cut short has no list of its members; the first one's name is at its start.
    let first = || {
        let length =
            bytes.get(26..28).map_or(0, |it| usize::from(it[0]) + 256 * usize::from(it[1]));
        let name = bytes.get(30..30 + length).unwrap_or_default();
        vec![String::from_utf8_lossy(name).into_owned()]
    };
    let names = npz::names(bytes).unwrap_or_else(|_| first());
    if names.iter().any(|name| name.ends_with(".npy")) {
        return Npz::parse(bytes).map(Format::Npz);
    }
    if names.is_empty() {
        return Err("a .npz file without arrays".to_owned());
    }
    Err(foreign::zip(&names, path))
}
