//! What a path for results names: a file, to be replaced, or something that bytes are written
//! through to.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::cause;

/// Where results go.
pub enum Place {
    /// A file, there or not yet, by a name that is no link.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// An open device, FIFO, socket, or whatever a descriptor stands for.
    Stream(Box<dyn Write>),
}

/// The name of standard output.
const STDOUT: &str = "-";

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Finds what a path names. A device, FIFO or socket is opened, which waits for a FIFO's reader.
/// What can hold no results is refused.
pub fn find(path: &Path) -> Result<Place, String> {
    match followed(path)? {
        Followed::Stdout => Ok(Place::Stdout),
        #[cfg(unix)]
        Followed::Descriptor(number) => descriptor::open(number).map(Place::Stream),
        Followed::File(path) => Ok(Place::File(path)),
        Followed::Other(metadata) => open(path, &metadata).map(Place::Stream),
    }
}

/// Whether this names standard output. Opens nothing.
pub fn is_stdout(path: &Path) -> bool {
    matches!(followed(path), Ok(Followed::Stdout))
}

/// Whether both name one file; neither is a link.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent != Path::new("") => fs::canonicalize(parent).ok(),
        _ => fs::canonicalize(".").ok(),
    };
    a.file_name() == b.file_name() && folder(a) == folder(b)
}

/// What is at the end of all links.
enum Followed {
    File(PathBuf),
    Stdout,
    #[cfg(unix)]
    Descriptor(u32),
    Other(Metadata),
}

fn followed(path: &Path) -> Result<Followed, String> {
    if path.as_os_str() == STDOUT {
        return Ok(Followed::Stdout);
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        #[cfg(unix)]
        match descriptor::number(&path) {
            Some(1) => return Ok(Followed::Stdout),
            Some(number) => return Ok(Followed::Descriptor(number)),
            None => {}
        }
        let target = fs::read_link(&path).ok();
        let target = target.map(|it| path.parent().unwrap_or(Path::new("")).join(it));
        let other = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => None,
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cause(&error)),
        };
        path = match (target, other) {
            // Links that the system makes up (another process's descriptors) lead where no name does.
            (Some(target), Some(metadata)) if fs::symlink_metadata(&target).is_err() => {
                return Ok(Followed::Other(metadata));
            }
            (Some(target), _) => target,
            (None, Some(metadata)) => return Ok(Followed::Other(metadata)),
            (None, None) => return named(path).map(Followed::File),
        };
    }
    Err("too many symbolic links".to_owned())
}

/// Refuses names that only a directory can have.
fn named(path: PathBuf) -> Result<PathBuf, String> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let ends_open = |end: &str| bytes.ends_with(end.as_bytes());
    let is_open = ends_open("/") || ends_open("/.") || (cfg!(windows) && ends_open("\\"));
    if is_open || path.file_name().is_none() {
        return Err("a directory".to_owned());
    }
    Ok(path)
}

/// What a thing is called that takes no results.
fn refused(metadata: &Metadata) -> Result<(), String> {
    if metadata.is_dir() {
        return Err("a directory".to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        if kind.is_block_device() {
            return Err("a block device".to_owned());
        }
        if kind.is_char_device() || kind.is_fifo() || kind.is_socket() {
            return Ok(());
        }
    }
    match metadata.is_file() {
        true => Ok(()),
        false => Err("neither a file nor a device, FIFO or socket".to_owned()),
    }
}

#[cfg(unix)]
fn open(path: &Path, metadata: &Metadata) -> Result<Box<dyn Write>, String> {
    use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
    use std::os::unix::net::UnixStream;
    refused(metadata)?;
    if metadata.file_type().is_socket() {
        let socket = UnixStream::connect(path).map_err(|error| cause(&error))?;
        return Ok(Box::new(socket));
    }
    // A terminal is written to, and does not become ours.
    let flags = rustix::fs::OFlags::NOCTTY.bits() as i32;
    let file = fs::OpenOptions::new().write(true).custom_flags(flags).open(path);
    Ok(Box::new(file.map_err(|error| cause(&error))?))
}

#[cfg(not(unix))]
fn open(path: &Path, metadata: &Metadata) -> Result<Box<dyn Write>, String> {
    refused(metadata)?;
    let file = fs::OpenOptions::new().write(true).open(path);
    Ok(Box::new(file.map_err(|error| cause(&error))?))
}

/// Descriptors that the program was started with, by their names.
#[cfg(unix)]
mod descriptor {
    #![allow(unsafe_code)]

    use std::fs::{self, File};
    use std::io::Write;
    use std::os::fd::{BorrowedFd, RawFd};
    use std::path::Path;

    use rustix::fs::{OFlags, fcntl_getfl};
    use rustix::io::{FdFlags, fcntl_getfd};

    use crate::failure::cause;

    /// The number in `/dev/fd/3` and its like, which the system may call links.
    pub fn number(path: &Path) -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let folder = fs::canonicalize(path.parent()?).ok()?;
        let own = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
        let is_own = own.iter().any(|own| fs::canonicalize(own).is_ok_and(|own| own == folder));
        if is_own { name.parse().ok() } else { None }
    }

    /// The same descriptor once more: what it stands for may have no name to open.
    pub fn open(number: u32) -> Result<Box<dyn Write>, String> {
        let not_open = || format!("descriptor {number} is not open");
        let number = RawFd::try_from(number).map_err(|_| not_open())?;
        // SAFETY: used to ask for its flags, where a descriptor that is not open is an error, and
        // then only if whoever started the program left it open for us. Nobody here closes it.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_getfd(borrowed) {
            // What this program opens itself is closed on execution.
            Ok(flags) if !flags.contains(FdFlags::CLOEXEC) => {}
            _ => return Err(not_open()),
        }
        let flags = fcntl_getfl(borrowed).map_err(|error| cause(&error.into()))?;
        if flags & OFlags::ACCMODE == OFlags::RDONLY {
            return Err(format!("descriptor {number} is open for reading alone"));
        }
        let file = borrowed.try_clone_to_owned().map(File::from).map_err(|error| cause(&error))?;
        super::refused(&file.metadata().map_err(|error| cause(&error))?)?;
        Ok(Box::new(file))
    }
}
