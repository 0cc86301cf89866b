//! Files that are not read, by what their first bytes say.

use crate::common::{Folder, logits, npy, pair, text};
use crate::cross_entropy;

#[test]
fn first_bytes_name_what_is_not_read() {
    let folder = Folder::new();
    let cases: [(&str, &[u8], &str, &str); 13] = [
        (
            "x.pt",
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
            "a PyTorch file of the old",
            "torch.load",
        ),
        ("x.pkl", b"\x80\x04\x95\x10\0\0\0", "a Python pickle", "pickle.load"),
        ("x.parquet", b"PAR1\x15\x04\x15\x10", "a Parquet file", "pyarrow.parquet"),
        ("x.arrow", b"ARROW1\0\0\xff\xff\xff\xff", "an Arrow file", "open_file"),
        ("x.arrows", b"\xff\xff\xff\xff\x70\x01\0\0\x10\0\0\0", "an Arrow stream", "open_stream"),
        (
            "x.gguf",
            b"GGUF\x03\0\0\0",
            "a GGUF file, a model and not its logits",
            "llama-perplexity",
        ),
        ("x.npy.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed by gzip", "gzip -dc"),
        ("x.npy.zst", b"\x28\xb5\x2f\xfd\x04\0", "compressed by zstd", "zstd -dc"),
        ("x.h5", b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file", "h5py"),
        (
            "x.onnx",
            b"\x08\x08\x12\x07pytorch\x1a\x05",
            "an ONNX model and not its logits",
            "onnxruntime",
        ),
        (
            "x.html",
            b"<!doctype html>\n<html lang=\"en\">",
            "a web page (HTML) in place",
            "curl -fL",
        ),
        ("x.json", b"[[1.0, 2.0], [3.0, 4.0]]\n", "JSON text", "json.load"),
        ("x.csv", b"1.0,2.0\n3.0,4.0\n", "text such as CSV", "loadtxt"),
    ];
    for (name, bytes, what, command) in cases {
        // Whatever the file is called; where only its name could say more, that is believed.
        let others: &[&str] = match what.contains("CSV") {
            true => &["x", "x.txt"],
            false => &["x", "x.safetensors", "x.npz", "x.npy", "x.kld"],
        };
        for name in [&[name], others].concat() {
            let file = folder.write(name, bytes);
            let run = cross_entropy(&[&file, "--device", "cpu"]);
            run.fails_with(what);
            run.fails_with(command);
            run.fails_with(name);
        }
    }
}

#[test]
fn a_pointer_in_place_of_a_file() {
    let folder = Folder::new();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let rows = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let file = folder.write("model.safetensors", pointer);
    for line in [&[&*file][..], &[&rows, &file], &[&rows, "--targets", &file]] {
        let run = cross_entropy(&[line, &["--device", "cpu"]].concat());
        run.fails_with("a Git LFS pointer in place of the file");
        run.fails_with("git lfs pull --include");
    }
}

#[test]
fn formats_are_told_without_an_extension() {
    let folder = Folder::new();
    for name in ["pair", "pair.npy", "pair.bin", "pair.npz", "pair.gguf"] {
        let file = folder.write(name, &pair());
        assert_eq!(cross_entropy(&[&file, "--device", "cpu"]).code, Some(0), "{name}");
    }
    // The length of a header may look like another format's first bytes: 0x8b1f is gzip's.
    let whole = pair();
    let (length, rest) = whole.split_first_chunk::<8>().expect("a header");
    let length = u64::from_le_bytes(*length) as usize;
    for wanted in [0x8b1f, 0x0280, 0x685a42_usize] {
        let header = [&rest[..length], " ".repeat(wanted - length).as_bytes()].concat();
        let bytes = [&(wanted as u64).to_le_bytes(), header.as_slice(), &rest[length..]].concat();
        let file = folder.write("padded", &bytes);
        assert_eq!(cross_entropy(&[&file, "--device", "cpu"]).code, Some(0), "{wanted:x}");
    }
}

#[test]
fn folders_are_told_by_what_is_in_them() {
    let folder = Folder::new();
    let refused = |name: &str, part: &str| {
        let path = text(&folder.path(name));
        let run = cross_entropy(&[&path, "--device", "cpu"]);
        run.fails_with("not a regular file");
        run.fails_with(part);
    };
    for (name, inside, part) in [
        ("dataset", "dataset_info.json", "load_from_disk"),
        ("checkpoint", "manifest.ocdbt", "orbax"),
        ("array", "zarr.json", "zarr.load"),
        ("other", "x.txt", "name a file in it"),
    ] {
        std::fs::create_dir(folder.path(name)).expect("a folder");
        std::fs::write(folder.path(name).join(inside), "{}").expect("written");
        refused(name, part);
    }
}
