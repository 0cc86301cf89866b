//! The corpora of the fuzz targets, an archive each.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

/// The inputs of a fuzz target, by name. Panics where the archive can't be read.
pub fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    // Of the library, of the program.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let archive = format!("fuzz/corpus/{target}.zip");
    let file = File::open(folder.join(&archive))
        .or_else(|_| File::open(folder.join("..").join(&archive)))
        .unwrap_or_else(|error| panic!("{archive}: {error}"));
    let mut archive = ZipArchive::new(file).expect("an archive");
    let count = archive.len();
    let read = |index| {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the bytes of an entry");
        (entry.name().expect("a name").into_owned(), bytes)
    };
    (0..count).map(read).collect()
}
