//! .npz files, stored and deflated.

use std::io::{Cursor, Write as _};

use wgpu_loss::half::bf16;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::MEAN;
use crate::common::{Folder, LOGITS, bytes, close, logits, npy, run};
use crate::{cross_entropy, on_both, on_both_of};

/// A zip file of these files.
pub fn archive(method: CompressionMethod, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method).large_file(true);
    for (name, bytes) in files {
        writer.start_file(*name, options).expect("a member");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

const METHODS: [CompressionMethod; 2] = [CompressionMethod::Stored, CompressionMethod::Deflated];

fn members() -> Vec<(&'static str, Vec<u8>)> {
    let brains = LOGITS.map(bf16::from_f32);
    vec![
        ("readme.txt", b"no array".to_vec()),
        ("x.npy", npy("<V2", false, "(3, 2)", &bytes(&brains, bf16::to_le_bytes))),
        ("y.npy", npy(">i2", false, "(3, 1)", &bytes(&[0, 1, 1], i16::to_be_bytes))),
        ("v.npy", npy("<f8", false, "(3,)", &bytes(&[1.0, 1.0, 1.0], f64::to_le_bytes))),
    ]
}

#[test]
fn members_by_name_or_as_the_only_one_that_fits() {
    let folder = Folder::new();
    for method in METHODS {
        // By its content, not by its extension.
        for name in ["file.npz", "file", "file.safetensors"] {
            let file = folder.write(name, &archive(method, &members()));
            for line in ["", "--logits x --targets y", "--targets y --row-weights v"] {
                on_both(&file, line, |out| {
                    close(&out["loss"], MEAN);
                    assert_eq!(out["element"], "bf16");
                });
            }
        }
        let file = folder.write("file.npz", &archive(method, &members()));
        cross_entropy(&[&file, "--logits", "z", "--device", "cpu"])
            .fails_with("no tensor `z`; the file has `x` bf16 [3, 2], `y` i16 [3, 1], `v` f64 [3]");
        // A tensor of another file.
        let rows = folder.write("rows.npy", &npy("<f4", false, "(3, 2)", &logits()));
        on_both(&rows, &format!("{file} --row-weights {file}:v"), |out| close(&out["loss"], MEAN));
        on_both(&rows, &format!("{file}:y"), |out| close(&out["loss"], MEAN));
        on_both_of("softmax-kl-divergence", &rows, &file, |out| close(&out["loss"], 0.0));
        on_both_of("softmax-kl-divergence", &rows, &format!("--teacher {file}:x"), |out| {
            close(&out["loss"], 0.0);
        });
        run(&["eval", "softmax-kl-divergence", &rows, &format!("{file}:z"), "--device", "cpu"])
            .fails_with("no tensor `z`");
    }
}

#[test]
fn damaged_archives_are_refused() {
    let folder = Folder::new();
    for method in METHODS {
        let whole = archive(method, &members());
        for end in [4, 20, 40, whole.len() / 2, whole.len() - 1] {
            let file = folder.write("short.npz", &whole[..end]);
            let run = cross_entropy(&[&file, "--device", "cpu"]);
            assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{end}: {}", run.stderr);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        }
        // Any byte of the data of x.
        let alone = archive(method, &members()[1..]);
        let second = alone[4..].windows(4).position(|it| it == b"PK\x03\x04");
        let mut changed = alone.clone();
        changed[second.expect("two members") + 2] ^= 0x10;
        let file = folder.write("changed.npz", &changed);
        let run = cross_entropy(&[&file, "--device", "cpu"]);
        run.fails_with("member `x`");
    }
    let pairs = [("x.npy", npy("<f4", false, "(3, 2)", &logits()[..20]))];
    for method in METHODS {
        let file = folder.write("less.npz", &archive(method, &pairs));
        cross_entropy(&[&file, "--device", "cpu"])
            .fails_with("member `x`: truncated: f32 [3, 2] takes 24 bytes, found 20");
    }
    let huge = [("x.npy", npy("<f4", false, "(1099511627776, 2)", &[]))];
    for method in METHODS {
        let file = folder.write("huge.npz", &archive(method, &huge));
        cross_entropy(&[&file, "--device", "cpu"]).fails_with("truncated: f32 [1099511627776, 2]");
    }
    let none = folder.write("none.npz", &archive(METHODS[0], &[]));
    cross_entropy(&[&none, "--device", "cpu"]).fails_with("a .npz file without arrays");
    let objects = [("x.npy", npy("|O", false, "(3, 2)", b"\x80\x03"))];
    let file = folder.write("objects.npz", &archive(METHODS[1], &objects));
    cross_entropy(&[&file, "--logits", "x", "--device", "cpu"])
        .fails_with("found `x` Python objects [3, 2]");
}

/// Both begin with PK.
#[test]
fn a_file_of_pytorch_is_no_npz() {
    let folder = Folder::new();
    let members =
        [("archive/data.pkl", b"\x80\x02}q\0.".to_vec()), ("archive/data/0", vec![0; 64])];
    let whole = archive(CompressionMethod::Stored, &members);
    for (name, bytes) in [("x.pt", whole.as_slice()), ("x.npz", &whole), ("cut.pt", &whole[..120])]
    {
        let file = folder.write(name, bytes);
        let run = cross_entropy(&[&file, "--device", "cpu"]);
        run.fails_with("a PyTorch file, which is not read; convert it: python3 -c");
        run.fails_with("torch.load(");
    }
    let other = archive(CompressionMethod::Stored, &[("a.txt", b"a".to_vec())]);
    let file = folder.write("other.zip", &other);
    cross_entropy(&[&file, "--device", "cpu"]).fails_with("a zip file without .npy files");
}

/// Files that NumPy 2.4.6 with ml_dtypes 0.6.0 and MLX 0.32.4 wrote.
#[test]
fn files_of_the_libraries() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    for (name, loss) in [
        ("numpy.npz", 2.049_257_406_524_499_7),
        ("numpy_deflated_bf16.npz", 2.048_410_392_717_533_2),
        ("mlx_deflated_bf16.npz", 2.048_410_392_717_533_2),
        ("mlx_bf16.safetensors", 2.048_410_392_717_533_2),
    ] {
        on_both(&format!("{folder}{name}"), "", |out| close(&out["loss"], loss));
    }
    let rows = format!("{folder}mlx_bf16.npy");
    on_both(&rows, &format!("{folder}numpy.npz"), |out| {
        close(&out["loss"], 2.048_410_392_717_533_2)
    });
}
