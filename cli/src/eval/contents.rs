//! All bytes of a file: mapped where it is an ordinary one, else, as of a pipe, read to memory.

use std::fs::File;
use std::io::{self, Seek};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

use super::{foreign, mapping, memory};

/// All bytes of a file.
pub enum Contents {
    /// In the file's own pages.
    Mapped(Mmap),
    /// In memory.
    Read(Vec<u8>),
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Read(bytes) => bytes,
        }
    }
}

impl Contents {
    /// Of a file, a pipe or a device; a folder is refused.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, foreign::folder(path)));
        }
        Self::of_file(file)
    }

    /// Of standard input.
    pub fn of_stdin() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd as _;
            Self::of_file(File::from(io::stdin().as_fd().try_clone_to_owned()?))
        }
        #[cfg(not(unix))]
        memory::read_all(io::stdin().lock()).map(Self::Read)
    }

    fn of_file(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        // Some systems' files tell no length before they are read, and some cannot be mapped.
        let is_ordinary = metadata.is_file() && metadata.len() > 0;
        if is_ordinary
            && file.stream_position()? == 0
            && let Ok(map) = mapping::map(&file)
        {
            return Ok(Self::Mapped(map));
        }
        memory::read_all(file).map(Self::Read)
    }
}
