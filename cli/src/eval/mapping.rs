//! Files as slices, without reading them first.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapMut};

/// Maps a whole file for reading.
pub fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: a slice must not change while it is borrowed, and no system can promise that of a
    // file. Its bytes are only ever read as plain numbers, so a program that writes to the file
    // meanwhile changes the result, and one that shortens it ends ours by a signal, as with every
    // other reader of mapped files.
    unsafe { Mmap::map(file) }
}

/// Maps a whole file of ours for writing.
pub fn map_mut(file: &File) -> io::Result<MmapMut> {
    // SAFETY: as above; the file has no name yet that anybody else would know it by.
    unsafe { MmapMut::map_mut(file) }
}
