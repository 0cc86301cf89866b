//! Results as a .safetensors file whose largest array is written in place: what is computed goes to
//! the file's pages, which the system may write to the disk at any time, and not to memory of ours.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;

use memmap2::MmapMut;

use super::bytes::native;
use super::mapping;
use super::write::{Array, Plan, Planned};
use crate::failure::Result;
use crate::pending::Pending;

/// A file of known arrays, under way.
pub struct Mapped {
    pending: Pending,
    map: MmapMut,
    arrays: Vec<(Planned, Range<usize>)>,
    /// The array that is written in place.
    in_place: (Range<usize>, usize),
}

impl Mapped {
    /// Lays out a file of these arrays and of another that is written in place, on the disk.
    pub fn new(pending: Pending, mut arrays: Vec<Planned>, in_place: Planned) -> Result<Self> {
        let (name, size) = (in_place.name, in_place.dtype.bitsize() / 8);
        arrays.push(in_place);
        let mapped = Plan::new(arrays).and_then(|plan| {
            let map = match pending.file() {
                Some(file) => map(file, &plan),
                None => in_memory(&plan),
            };
            Ok((map?, plan))
        });
        let (map, Plan { arrays, .. }) = mapped.map_err(|error| pending.fail(&error))?;
        let is_in_place = |(array, _): &&(Planned, Range<usize>)| array.name == name;
        let range = arrays.iter().find(is_in_place).map(|(_, range)| range.clone());
        Ok(Self { pending, map, arrays, in_place: (range.unwrap_or_default(), size) })
    }

    /// The array that is written in place.
    pub fn in_place(&mut self) -> &mut [u8] {
        &mut self.map[self.in_place.0.clone()]
    }

    /// Writes the other arrays, and gives the file its name.
    pub fn write(mut self, arrays: &[Array<'_>]) -> Result<()> {
        let (in_place, size) = self.in_place.clone();
        to_file(&mut self.map[in_place.clone()], size);
        for (planned, range) in self.arrays.iter().filter(|(_, range)| *range != in_place) {
            let found = arrays.iter().find(|array| array.plan() == *planned);
            let Some(array) = found else {
                let message = format!("`{}` is not what it was planned to be", planned.name);
                return Err(self.pending.fail(&io::Error::other(message)));
            };
            let bytes = native(array.elements.bytes(), array.elements.size());
            self.map[range.clone()].copy_from_slice(&bytes);
        }
        if self.pending.file().is_none() {
            return self.pending.fill(|out| out.write_all(&self.map));
        }
        self.map.flush().map_err(|error| self.pending.fail(&error))?;
        drop(self.map);
        self.pending.fill(|_| Ok(()))
    }
}

/// Writes the header, makes room for all arrays, and maps the file.
fn map(mut file: &File, plan: &Plan) -> io::Result<MmapMut> {
    file.write_all(&plan.header)?;
    reserve(file, plan.header.len() as u64, plan.length as u64)?;
    mapping::map_mut(file)
}

/// The same in memory of ours, for what cannot be mapped.
fn in_memory(plan: &Plan) -> io::Result<MmapMut> {
    let mut map = MmapMut::map_anon(plan.length)?;
    map[..plan.header.len()].copy_from_slice(&plan.header);
    Ok(map)
}

/// Makes the file this long, with room for it on the disk: a page for which there is none would end
/// the program by a signal.
fn reserve(mut file: &File, start: u64, length: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::{Errno, retry_on_intr};
        match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, length)) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {} // some file systems: as elsewhere
            result => return Ok(result?),
        }
    }
    io::copy(&mut io::repeat(0).take(length - start), &mut file)?;
    file.flush()
}

/// The machine's elements of `size` bytes, made little-endian where they are.
fn to_file(bytes: &mut [u8], size: usize) {
    if cfg!(target_endian = "big") {
        bytes.chunks_mut(size.max(1)).for_each(<[u8]>::reverse);
    }
}
