//! The .npz format: a zip file of .npy files, stored, which are read where they lie, or deflated.

use std::io::{self, Cursor, Read};
use std::sync::OnceLock;

use zip::{CompressionMethod, ZipArchive};

use super::dtype::Dtype;
use super::tensor::{self, Tensor};
use super::{memory, npy};

/// More than any header that NumPy writes or reads.
const LONGEST_HEADER: usize = 1 << 20;

/// The arrays of a .npz file.
pub struct Npz {
    members: Vec<Member>,
}

/// A .npy file inside.
struct Member {
    /// Its place in the zip file.
    index: usize,
    /// Without its elements.
    tensor: Tensor<'static>,
    /// Where they begin.
    start: usize,
    /// The whole of it, once it was needed, where it is not stored as it is.
    inflated: OnceLock<Result<Vec<u8>, String>>,
}

/// Names of everything in a zip file.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, String> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| one_line(&error))?;
    let names = (0..archive.len()).filter_map(|at| archive.by_index_data(at).ok());
    Ok(names.map(|file| String::from_utf8_lossy(file.name_raw()).into_owned()).collect())
}

impl Npz {
    /// Reads the headers of all arrays.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| format!("truncated or damaged .npz file: {}", one_line(&error)))?;
        let mut members = Vec::new();
        for index in 0..archive.len() {
            let (name, header) = match archive.by_index(index) {
                Ok(mut file) => {
                    let name = String::from_utf8_lossy(file.name_raw()).into_owned();
                    let header = header(&mut file);
                    (name, header)
                }
                Err(error) => (format!("member {index}"), Err(one_line(&error))),
            };
            let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
            let (tensor, start) = match header {
                Ok(None) => continue,
                Ok(Some((tensor, start))) => (tensor, start),
                Err(message) => (unreadable(&message), 0),
            };
            let tensor = Tensor { name: Some(name), ..tensor };
            members.push(Member { index, tensor, start, inflated: OnceLock::new() });
        }
        Ok(Self { members })
    }

    /// The arrays, in their order, without elements.
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        self.members.iter().map(|member| member.tensor.clone()).collect()
    }

    /// One of them, by its place in that list, of the bytes that this was read from.
    pub fn read<'a>(&'a self, bytes: &'a [u8], at: usize) -> Result<Tensor<'a>, String> {
        let member = self.members.get(at).ok_or("no such member")?;
        if member.tensor.dtype.size().is_none() {
            return Ok(member.tensor.clone()); // refused, whatever it holds
        }
        let named = |message: String| {
            format!("member `{}`: {message}", member.tensor.name.as_deref().unwrap_or_default())
        };
        let whole = member.whole(bytes).map_err(named)?;
        let elements = whole.get(member.start..).ok_or("truncated".to_owned()).map_err(named)?;
        Tensor { bytes: elements, ..member.tensor.clone() }.checked().map_err(named)
    }
}

impl Member {
    /// The .npy file, its checksum checked.
    fn whole<'a>(&'a self, bytes: &'a [u8]) -> Result<&'a [u8], String> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| one_line(&error))?;
        let mut file = archive.by_index(self.index).map_err(|error| one_line(&error))?;
        if file.compression() != CompressionMethod::Stored {
            let inflated = self.inflated.get_or_init(|| self.inflate(file.size(), &mut file));
            return inflated.as_ref().map(Vec::as_slice).map_err(String::clone);
        }
        let start = file.data_start().and_then(|start| usize::try_from(start).ok());
        let end = start.zip(usize::try_from(file.size()).ok());
        let range = end.and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let stored = range.and_then(|range| bytes.get(range)).ok_or("truncated")?;
        // Its reader compares the checksum at the end.
        io::copy(&mut file, &mut io::sink()).map_err(|error| one_line(&error))?;
        Ok(stored)
    }

    /// Inflates no more than the array takes.
    fn inflate(&self, size: u64, file: &mut impl Read) -> Result<Vec<u8>, String> {
        let Tensor { dtype, shape, .. } = &self.tensor;
        let elements = tensor::length(shape, dtype.size().unwrap_or(0))?;
        let expected = elements.checked_add(self.start).ok_or("too large")?;
        if size != expected as u64 {
            let what = if size < expected as u64 { "truncated" } else { "bytes after the array" };
            let found = size.saturating_sub(self.start as u64);
            return Err(format!("{what}: {dtype} {shape:?} takes {elements} bytes, found {found}"));
        }
        let mut whole = memory::vector(expected)?;
        file.take(size.saturating_add(1))
            .read_to_end(&mut whole)
            .map_err(|error| one_line(&error))?;
        Ok(whole)
    }
}

/// The array of a member, without its elements, and where they begin; nothing of other files.
fn header(file: &mut impl Read) -> Result<Option<(Tensor<'static>, usize)>, String> {
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, more: usize| {
        file.take(more as u64).read_to_end(bytes).map_err(|error| one_line(&error))
    };
    // The magic string, the version, and the longest length of a header.
    read(&mut bytes, 12)?;
    if !npy::is_npy(&bytes) {
        return Ok(None);
    }
    let length = match bytes[6..] {
        [1, _, a, b, ..] => usize::from(u16::from_le_bytes([a, b])),
        [_, _, a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => 0,
    };
    if length > LONGEST_HEADER {
        return Err(format!("a .npy header of {length} bytes"));
    }
    read(&mut bytes, length)?;
    npy::parse_header(&bytes).map(Some)
}

fn unreadable(message: &str) -> Tensor<'static> {
    let dtype = Dtype::Other(format!("(unreadable: {message})"));
    let shape = Vec::new();
    Tensor { name: None, dtype, shape, fortran_order: false, big_endian: false, bytes: &[] }
}

fn one_line(error: &impl ToString) -> String {
    error.to_string().escape_debug().to_string()
}
