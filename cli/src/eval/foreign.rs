//! Files that are not read: what their first bytes say they are, and the line that converts them.

use std::path::Path;

/// What a file is, and a command that makes one that is read, where there is one; `FILE` in it
/// stands for the file.
struct Foreign {
    what: &'static str,
    command: Option<&'static str>,
}

/// A file of PyTorch's, of tensors alone.
const TORCH: &str = "python3 -c \"import torch, safetensors.torch as s; x = torch.load('FILE', \
    map_location='cpu'); s.save_file({k: v.contiguous().clone() for k, v in (x if isinstance(x, \
    dict) else {'logits': x}).items()}, 'FILE.safetensors')\"";

const PICKLE: &str = "python3 -c \"import pickle, numpy; numpy.save('FILE.npy', \
    numpy.asarray(pickle.load(open('FILE', 'rb'))))\"";

const ARROW_FILE: &str = "python3 -c \"import pyarrow as p, numpy; numpy.save('FILE.npy', \
    numpy.array(p.ipc.open_file('FILE').read_all()['COLUMN'].to_pylist()))\"";

const ARROW_STREAM: &str = "python3 -c \"import pyarrow as p, numpy; numpy.save('FILE.npy', \
    numpy.array(p.ipc.open_stream('FILE').read_all()['COLUMN'].to_pylist()))\"";

const PARQUET: &str = "python3 -c \"import pyarrow.parquet as p, numpy; numpy.save('FILE.npy', \
    numpy.array(p.read_table('FILE')['COLUMN'].to_pylist()))\"";

const HDF5: &str = "python3 -c \"import h5py, numpy; numpy.save('FILE.npy', \
    h5py.File('FILE')['NAME'][()])\"";

const MATLAB: &str = "python3 -c \"import scipy.io, numpy; numpy.save('FILE.npy', \
    scipy.io.loadmat('FILE')['NAME'])\"";

const GGUF: &str = "llama-perplexity -m FILE -f TEXT --save-all-logits FILE.kld";

const ONNX: &str = "python3 -c \"import onnxruntime as o, numpy; numpy.save('logits.npy', \
    o.InferenceSession('FILE').run(None, {'INPUT': numpy.load('INPUT.npy')})[0])\"";

const CSV: &str = "python3 -c \"import numpy; numpy.save('FILE.npy', numpy.loadtxt('FILE', \
    delimiter=',', dtype='float32'))\"";

const JSON: &str = "python3 -c \"import json, numpy; numpy.save('FILE.npy', \
    numpy.array(json.load(open('FILE'))))\"";

const RAW: &str = "python3 -c \"import numpy; numpy.save('FILE.npy', numpy.fromfile('FILE', \
    'float32').reshape(-1, CLASSES))\"";

const DATASET: &str = "python3 -c \"import datasets, numpy; numpy.save('FILE.npy', \
    numpy.array(datasets.load_from_disk('FILE')['COLUMN']))\"";

const ORBAX: &str = "python3 -c \"import orbax.checkpoint as o, safetensors.numpy as s; \
    s.save_file(o.PyTreeCheckpointer().restore('FILE'), 'FILE.safetensors')\"";

const ZARR: &str = "python3 -c \"import zarr, numpy; numpy.save('FILE.npy', zarr.load('FILE'))\"";

/// First bytes that name a format.
const SIGNATURES: [(&[u8], &str, Option<&str>); 31] = [
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P", "a PyTorch file of the old kind", Some(TORCH)),
    (b"PAR1", "a Parquet file", Some(PARQUET)),
    (b"PARE", "an encrypted Parquet file", None),
    (b"ARROW1", "an Arrow file", Some(ARROW_FILE)),
    (b"FEA1", "a Feather file of the old kind", None),
    (b"ORC", "an ORC file", None),
    (b"Obj\x01", "an Avro file", None),
    (b"GGUF", "a GGUF file, a model and not its logits", Some(GGUF)),
    (b"lmgg", "a GGML file, a model and not its logits", None),
    (b"tjgg", "a GGML file, a model and not its logits", None),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", Some(HDF5)),
    (b"MATLAB 5.0", "a MATLAB file", Some(MATLAB)),
    (b"MATLAB 7.3", "a MATLAB file in HDF5", Some(HDF5)),
    (b"\x1f\x8b", "a file compressed by gzip", Some("gzip -dc FILE > FILE.out")),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", Some("zstd -dc FILE > FILE.out")),
    (b"\xfd7zXZ\0", "a file compressed by xz", Some("xz -dc FILE > FILE.out")),
    (b"BZh", "a file compressed by bzip2", Some("bzip2 -dc FILE > FILE.out")),
    (b"\x04\x22\x4d\x18", "a file compressed by lz4", Some("lz4 -dc FILE > FILE.out")),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", Some("7z x FILE")),
    (b"Rar!", "a RAR archive", Some("unrar x FILE")),
    (b"SQLite format 3\0", "an SQLite database", None),
    (b"\x89PNG", "a PNG picture", None),
    (b"\xff\xd8\xff", "a JPEG picture", None),
    (b"GIF8", "a GIF picture", None),
    (b"%PDF", "a PDF document", None),
    (b"\x7fELF", "a program", None),
    (b"TFL3", "a TensorFlow Lite model", None),
    (b"\x80\x02", "a Python pickle", Some(PICKLE)),
    (b"\x80\x03", "a Python pickle", Some(PICKLE)),
    (b"\x80\x04", "a Python pickle", Some(PICKLE)),
    (b"\x80\x05", "a Python pickle", Some(PICKLE)),
];

/// What these first bytes are, in words and with the line that converts it; `None` where they say
/// nothing, or no more than that they are text.
pub fn named(bytes: &[u8], path: &Path) -> Option<String> {
    let found = SIGNATURES
        .iter()
        .find(|(signature, ..)| bytes.starts_with(signature))
        .map(|&(_, what, command)| Foreign { what, command })
        .or_else(|| binary(bytes))
        .or_else(|| text(bytes))?;
    Some(found.describe(path))
}

/// What is in neither the list of formats that are read nor in the other.
pub fn unknown(bytes: &[u8], path: &Path) -> String {
    if bytes.is_empty() {
        return "an empty file".to_owned();
    }
    let (what, command) = match as_text(bytes) {
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit() || "+-.#\"".contains(c)) => {
            ("unknown format, text such as CSV", CSV)
        }
        Some(_) => ("unknown format, text", CSV),
        None => ("unknown format", RAW),
    };
    let first =
        bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let read = "expected .safetensors, .npy, .npz or llama.cpp's logits";
    match as_text(bytes) {
        Some(_) => format!("{what}, {read}; if these are numbers: {}", filled(command, path)),
        None => format!(
            "{what} (first bytes {first}), {read}; if these are bare numbers: {}",
            filled(command, path)
        ),
    }
}

/// A zip file without arrays of NumPy's, by the names of what is in it.
pub fn zip(names: &[String], path: &Path) -> String {
    let any = |part: &str| names.iter().any(|name| name.ends_with(part));
    let (what, command) = if any("data.pkl") {
        ("a PyTorch file", Some(TORCH))
    } else if any("model.weights.h5") {
        ("a Keras model and not its logits", None)
    } else if names.iter().any(|name| name.starts_with("xl/")) {
        ("an Excel workbook", None)
    } else if names.is_empty() {
        ("a zip file without anything in it", None)
    } else {
        ("a zip file without .npy files", Some("unzip FILE"))
    };
    Foreign { what, command }.describe(path)
}

/// A folder, by what is in it.
pub fn folder(path: &Path) -> String {
    let has = |name: &str| path.join(name).exists();
    let (what, command) = if has("dataset_info.json") {
        ("a folder that datasets' save_to_disk wrote", Some(DATASET))
    } else if has("manifest.ocdbt") || has("_METADATA") {
        ("a folder that Orbax wrote", Some(ORBAX))
    } else if has(".zarray") || has("zarr.json") {
        ("a Zarr array", Some(ZARR))
    } else {
        ("a folder", None)
    };
    match command {
        Some(command) => {
            format!("not a regular file but {what}; convert it: {}", filled(command, path))
        }
        None => format!("not a regular file but {what}: name a file in it"),
    }
}

impl Foreign {
    fn describe(&self, path: &Path) -> String {
        match self.command {
            Some(command) => {
                format!("{}, which is not read; convert it: {}", self.what, filled(command, path))
            }
            None => format!("{}, which is not read", self.what),
        }
    }
}

/// The command, with the path in it where that needs no quotes.
fn filled(command: &str, path: &Path) -> String {
    let plain = |text: &&str| {
        let ordinary = |c: char| c.is_ascii_alphanumeric() || "._/-+=,@".contains(c);
        text.chars().all(ordinary) && !text.starts_with('-') && !text.is_empty()
    };
    match path.to_str().filter(plain) {
        Some(path) => command.replace("FILE", path),
        None => command.to_owned(),
    }
}

/// Formats that more than their first bytes tell.
fn binary(bytes: &[u8]) -> Option<Foreign> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    // The length of the first message after the mark of one.
    if bytes.starts_with(&[0xff; 4]) && word(4).is_some_and(|length| (8..1 << 28).contains(&length))
    {
        return Some(Foreign { what: "an Arrow stream", command: Some(ARROW_STREAM) });
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(Foreign { what: "a tar archive", command: Some("tar xf FILE") });
    }
    // A protocol buffer whose first field is a small version, and whose second is the producer's
    // name or the graph.
    if let [8, 1..=32, 0x12, length, name @ ..] = bytes
        && let Some(name) = name.get(..usize::from(*length))
        && !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
    {
        return Some(Foreign { what: "an ONNX model and not its logits", command: Some(ONNX) });
    }
    if let [8, 1..=32, 0x3a, ..] = bytes {
        return Some(Foreign { what: "an ONNX model and not its logits", command: Some(ONNX) });
    }
    None
}

/// Formats of text.
fn text(bytes: &[u8]) -> Option<Foreign> {
    let text = as_text(bytes)?;
    let lower = text.get(..text.len().min(64)).unwrap_or_default().to_ascii_lowercase();
    if text.starts_with("version https://git-lfs") {
        let command = Some("git lfs pull --include FILE");
        return Some(Foreign { what: "a Git LFS pointer in place of the file", command });
    }
    let is_page = lower.starts_with("<!doctype html") || lower.starts_with("<html");
    if is_page || text.starts_with('<') {
        let what = match is_page {
            true => "a web page (HTML) in place of the file",
            false => "markup (XML), perhaps a server's error in place of the file",
        };
        let command = Some("curl -fL -o FILE ADDRESS_OF_THE_RAW_FILE");
        return Some(Foreign { what, command });
    }
    if text.starts_with(['{', '[']) {
        return Some(Foreign { what: "JSON text", command: Some(JSON) });
    }
    None
}

/// The first bytes, where they are text.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let first = &bytes[..bytes.len().min(1024)];
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        // A letter that the cut went through.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&first[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_text.then(|| text.trim_start_matches('\u{feff}').trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_say_what_a_file_is() {
        let onnx = b"\x08\x08\x12\x07pytorch\x1a\x05".as_slice();
        let stream = [[0xff; 4].as_slice(), &[0x70, 1, 0, 0, 16, 0, 0, 0]].concat();
        let tar = [vec![b'a'; 257], b"ustar\0".to_vec()].concat();
        for (bytes, what, command) in [
            (b"PAR1\x15\x04".as_slice(), "Parquet", "pyarrow"),
            (b"ARROW1\0\0", "Arrow file", "open_file('x.bin')"),
            (&stream, "Arrow stream", "open_stream"),
            (b"GGUF\x03\0\0\0", "GGUF", "llama-perplexity -m x.bin"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "gzip", "gzip -dc x.bin"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd", "zstd -dc"),
            (b"\x89HDF\r\n\x1a\n\0", "HDF5", "h5py"),
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", "PyTorch", "torch.load('x.bin'"),
            (b"\x80\x04\x95\x12", "pickle", "pickle.load"),
            (onnx, "ONNX", "onnxruntime"),
            (&tar, "tar", "tar xf"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "LFS", "git lfs pull"),
            (b"<!DOCTYPE html>\n<html class=\"\">", "HTML", "curl"),
            (b"\n <html>", "HTML", "curl"),
            (b"<?xml version=\"1.0\"?><Error>", "XML", "curl"),
            (b"{\"logits\": [[1, 2]]}", "JSON", "json.load"),
            (b"[[1.0, 2.0]]", "JSON", "json.load"),
        ] {
            let message = named(bytes, Path::new("x.bin")).unwrap_or_else(|| panic!("{what}"));
            assert!(message.contains(what) && message.contains(command), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn what_says_nothing_is_unknown() {
        for bytes in [b"".as_slice(), b"\0\0\x80\x3f", b"no array at all", b"\xff\xff\xff\xff"] {
            assert_eq!(named(bytes, Path::new("x")), None);
        }
        let message = unknown(b"1,2\n3,4\n", Path::new("x.csv"));
        assert!(message.contains("CSV") && message.contains("loadtxt('x.csv'"), "{message}");
        let message = unknown(&[0, 0, 128, 63], Path::new("x.bin"));
        assert!(message.contains("first bytes 00 00 80 3f"), "{message}");
        assert!(message.contains("fromfile('x.bin'"), "{message}");
        assert_eq!(unknown(b"", Path::new("x")), "an empty file");
    }

    #[test]
    fn a_name_that_needs_quotes_is_left_out() {
        for name in ["it's.gz", "a b.gz", "-x.gz", ""] {
            let message = named(b"\x1f\x8b\x08", Path::new(name)).expect("gzip");
            assert!(message.ends_with("gzip -dc FILE > FILE.out"), "{message}");
        }
    }

    #[test]
    fn zip_files_are_told_by_their_members() {
        let of = |name: &str| zip(&[name.to_owned()], Path::new("x"));
        assert!(of("archive/data.pkl").starts_with("a PyTorch file"));
        assert!(of("readme.txt").starts_with("a zip file without .npy"));
        assert!(of("xl/workbook.xml").starts_with("an Excel"));
    }
}
