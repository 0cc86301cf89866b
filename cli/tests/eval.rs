//! `eval` on files made here, on the CPU engines.

mod common;

use std::f64::consts::LN_2;

use common::{Folder, arrays, bytes, close, logits, npy, pair, run, safetensors, text};

const ENGINES: [&str; 2] = ["cpu", "oracle"];

fn cross_entropy(arguments: &[&str]) -> common::Run {
    run(&[&["eval", "cross-entropy"], arguments].concat())
}

#[test]
fn known_answers_of_a_safetensors_file() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    for engine in ENGINES {
        let mean = cross_entropy(&[&file, "--device", engine, "--json"]).json();
        close(&mean["loss"], (0.126_928_011 + LN_2) / 2.0);
        close(&mean["accuracy"], 0.5);
        assert_eq!(mean["counted"], 2);
        assert_eq!(mean["rows"], 3);
        assert_eq!(mean["device"], engine);
        assert!(mean["seconds"].as_f64() > Some(0.0));
        let sum =
            cross_entropy(&[&file, "--device", engine, "--reduction", "sum", "--json"]).json();
        close(&sum["loss"], 0.126_928_011 + LN_2);
        let none =
            cross_entropy(&[&file, "--device", engine, "--reduction", "none", "--json"]).json();
        assert!(none.get("loss").is_none());
        for (row, expected) in [0.126_928_011, 0.0, LN_2].into_iter().enumerate() {
            close(&none["loss_rows"][row], expected);
        }
    }
}

#[test]
fn text_output_names_the_numbers() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let run = cross_entropy(&[&file, "--device", "cpu"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in [
        "loss                 0.41003",
        "accuracy             0.500000",
        "counted rows         2, 1",
        "GB/s",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "colours without a terminal");
}

#[test]
fn npy_targets_of_every_type() {
    let folder = Folder::new();
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets = [
        ("i4.npy", "<i4", bytes(&[0, 1, 1], i32::to_le_bytes)),
        ("i8.npy", "<i8", bytes(&[0, 1, 1], i64::to_le_bytes)),
        ("u1.npy", "|u1", vec![0, 1, 1]),
    ];
    let expected = (0.126_928_011 + 0.048_587_352 + LN_2) / 3.0;
    for (name, descr, data) in targets {
        let targets = folder.write(name, &npy(descr, false, "(3,)", &data));
        let positional = cross_entropy(&[&rows, &targets, "--device", "oracle", "--json"]).json();
        close(&positional["loss"], expected);
        let option =
            cross_entropy(&[&rows, "--targets-file", &targets, "--device", "cpu", "--json"]).json();
        close(&option["loss"], expected);
    }
    let columns = [2.0, 0.0, 1.0, 0.0, 3.0, 1.0_f32];
    let fortran = folder
        .write("fortran.npy", &npy("<f4", true, "(3, 2)", &bytes(&columns, f32::to_le_bytes)));
    let transposed =
        cross_entropy(&[&fortran, &text(&folder.path("u1.npy")), "--device", "oracle", "--json"]);
    close(&transposed.json()["loss"], expected);
}

#[test]
fn tensors_are_found_by_name_or_because_nothing_else_fits() {
    let folder = Folder::new();
    let targets = || bytes(&[0, 1, 1], i32::to_le_bytes);
    let only = folder.write(
        "only.safetensors",
        &safetensors(&[
            ("x", "F32", &[3, 2], logits()),
            ("y", "I32", &[3], targets()),
            ("scale", "F32", &[1], vec![0; 4]),
        ]),
    );
    cross_entropy(&[&only, "--device", "cpu", "--json"]).json();
    cross_entropy(&[&only, "--logits", "x", "--targets", "y", "--device", "cpu", "--json"]).json();
    cross_entropy(&[&only, "--logits", "z", "--device", "cpu"])
        .fails_with("no tensor `z`; the file has `x` F32 [3, 2], `y` I32 [3]");
    cross_entropy(&[&only, "--logits", "scale", "--device", "cpu"])
        .fails_with("logits: expected F32 [rows, classes], found `scale` F32 [1]");
    let two = folder.write(
        "two.safetensors",
        &safetensors(&[("a", "F32", &[3, 2], logits()), ("b", "F32", &[3, 2], logits())]),
    );
    run(&["eval", "log-sum-exp", &two, "--device", "cpu"]).fails_with("several that could be it");
    run(&["eval", "log-sum-exp", &two, "--logits", "b", "--device", "cpu", "--json"]).json();
    cross_entropy(&[&two, "--logits", "a", "--device", "cpu"]).fails_with("none that could be it");
}

#[test]
fn misaligned_data_is_read() {
    let folder = Folder::new();
    // Names of every length modulo 4 move the start of the data by one byte each.
    for name in ["x", "xx", "xxx", "xxxx"] {
        let file = folder.write("x.safetensors", &safetensors(&[(name, "F32", &[3, 2], logits())]));
        let out = run(&["eval", "log-sum-exp", &file, "--device", "oracle", "--json"]).json();
        close(&out["log_sum_exp"][0], 2.126_928_011);
    }
}

#[test]
fn log_sum_exp_of_special_values() {
    let folder = Folder::new();
    let values = [f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, 0.0, f32::NAN, 1.0];
    let file =
        folder.write("x.npy", &npy("<f4", false, "(3, 2)", &bytes(&values, f32::to_le_bytes)));
    for engine in ENGINES {
        let out = run(&["eval", "log-sum-exp", &file, "--device", engine, "--json"]).json();
        assert_eq!(out["log_sum_exp"], serde_json::json!(["-Infinity", "Infinity", "NaN"]));
    }
}

#[test]
fn no_rows_have_no_mean() {
    let folder = Folder::new();
    let file = folder.write(
        "empty.safetensors",
        &safetensors(&[("logits", "F32", &[0, 2], vec![]), ("targets", "U8", &[0], vec![])]),
    );
    let mean = cross_entropy(&[&file, "--device", "cpu", "--json"]).json();
    assert_eq!((&mean["loss"], &mean["accuracy"]), (&"NaN".into(), &"NaN".into()));
    let none = cross_entropy(&[&file, "--device", "cpu", "--reduction", "none"]);
    assert!(none.stdout.contains("no rows"), "{}", none.stdout);
}

#[test]
fn the_output_file_holds_rows_and_gradient() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    let options = ["--gradient", "--upstream", "-2", "--reduction", "sum", "--device", "oracle"];
    let run = cross_entropy(&[&[file.as_str(), "--out", &text(&out)], options.as_slice()].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let written = arrays(&out);
    let names: Vec<_> =
        written.iter().map(|(name, shape, _)| (name.as_str(), shape.as_slice())).collect();
    let expected: [(&str, &[usize]); 3] =
        [("gradient", &[3, 2]), ("log_sum_exp", &[3]), ("loss", &[3])];
    assert_eq!(names, expected);
    let p = 1.0 / (1.0 + 2.0_f32.exp());
    let gradient = [2.0 * p, -2.0 * p, 0.0, 0.0, -1.0, 1.0];
    for (found, expected) in written[0].2.iter().zip(gradient) {
        assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
    }
    assert_eq!(written[2].2[1], 0.0);
    assert_eq!(folder.names(), ["out.safetensors", "pair.safetensors"]);

    // Overwriting is whole too, and a file may be replaced by what was computed from it.
    let run = cross_entropy(&[&file, "--out", &file, "--device", "cpu"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(arrays(&folder.path("pair.safetensors")).len(), 2);
}

#[test]
fn log_sum_exp_writes_too() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let out = folder.path("out.safetensors");
    let run =
        run(&["eval", "log-sum-exp", &file, "--gradient", "--out", &text(&out), "--device", "cpu"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let written = arrays(&out);
    assert_eq!(written.len(), 2);
    let sums: Vec<f32> = written[0].2.chunks(2).map(|row| row.iter().sum()).collect();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
}

#[test]
fn nothing_is_written_where_something_fails() {
    let folder = Folder::new();
    let wrong = safetensors(&[
        ("logits", "F32", &[3, 2], logits()),
        ("targets", "U8", &[3], vec![0, 7, 1]),
    ]);
    let file = folder.write("wrong.safetensors", &wrong);
    let existing = folder.write("existing.safetensors", b"precious");
    for out in [existing.clone(), text(&folder.path("new.safetensors"))] {
        cross_entropy(&[&file, "--out", &out, "--device", "cpu"])
            .fails_with("target of row 1 is 7");
    }
    assert_eq!(std::fs::read(&existing).expect("still there"), b"precious");
    let good = folder.write("pair.safetensors", &pair());
    for out in ["missing/out.safetensors", "pair.safetensors/out.safetensors", "."] {
        let out = text(&folder.path(out));
        cross_entropy(&[&good, "--out", &out, "--device", "cpu"]).fails_with("cannot be written");
    }
    assert_eq!(folder.names(), ["existing.safetensors", "pair.safetensors", "wrong.safetensors"]);
}

#[test]
fn every_truncation_is_refused() {
    let folder = Folder::new();
    let whole = pair();
    for length in [0, 4, 8, 40, whole.len() - 1] {
        let file = folder.write("short.safetensors", &whole[..length]);
        cross_entropy(&[&file, "--device", "cpu"]).fails_with("truncated");
    }
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let whole = npy("<f4", false, "(3, 2)", &logits());
    for length in [6, 9, 40, whole.len() - 1] {
        let file = folder.write("short.npy", &whole[..length]);
        cross_entropy(&[&file, &targets, "--device", "cpu"]).fails_with("truncated");
    }
}

#[test]
fn wrong_files_are_refused_by_name() {
    let folder = Folder::new();
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let cases = [
        ("double.npy", npy("<f8", false, "(3, 2)", &[0; 48]), "found <f8 [3, 2]"),
        ("big.npy", npy(">f4", false, "(3, 2)", &[0; 24]), "found >f4 [3, 2]"),
        ("vector.npy", npy("<f4", false, "(6,)", &logits()), "found F32 [6]"),
        ("huge.npy", npy("<f4", false, "(4294967296, 4294967296)", &[]), "too large"),
        ("noise.npy", b"no array at all".to_vec(), "wrong magic string"),
        ("noise.safetensors", vec![0xff; 64], "longer than the format allows"),
        (
            "half.safetensors",
            safetensors(&[("logits", "F16", &[3, 2], vec![0; 12])]),
            "found `logits` F16 [3, 2]",
        ),
        ("text.txt", b"1 2 3".to_vec(), "unknown format"),
    ];
    for (name, bytes, part) in cases {
        let file = folder.write(name, &bytes);
        let run = cross_entropy(&[&file, &targets, "--device", "cpu"]);
        run.fails_with(part);
        run.fails_with(name);
    }
    cross_entropy(&[&text(&folder.path("missing.npy")), &targets, "--device", "cpu"])
        .fails_with("missing.npy");
    cross_entropy(&[&text(&folder.path("")), &targets, "--device", "cpu"])
        .fails_with("not a regular file");
}

#[test]
fn wrong_targets_are_refused_by_row() {
    let folder = Folder::new();
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets = |name: &str, values: [i64; 3]| {
        folder.write(name, &npy("<i8", false, "(3,)", &bytes(&values, i64::to_le_bytes)))
    };
    for engine in ENGINES {
        cross_entropy(&[&rows, &targets("t.npy", [0, 1, 2]), "--device", engine])
            .fails_with("target of row 2 is 2, expected 0 to 1");
        cross_entropy(&[&rows, &targets("t.npy", [0, -1, 1]), "--device", engine])
            .fails_with("target of row 1 is -1");
        let ignored = targets("t.npy", [0, -100, 1]);
        cross_entropy(&[&rows, &ignored, "--ignore-index", "none", "--device", engine])
            .fails_with("target of row 1 is -100");
        let other = cross_entropy(&[&rows, &ignored, "--ignore-index", "-7", "--device", engine]);
        other.fails_with("target of row 1 is -100");
    }
    cross_entropy(&[&rows, &targets("t.npy", [5_000_000_000, 0, 0]), "--device", "cpu"])
        .fails_with("row 0 is 5000000000");
    let short = folder.write("short.npy", &npy("|u1", false, "(2,)", &[0, 1]));
    cross_entropy(&[&rows, &short, "--device", "cpu"]).fails_with("target");
    let floats = folder.write("floats.npy", &npy("<f4", false, "(3,)", &[0; 12]));
    cross_entropy(&[&rows, &floats, "--device", "cpu"]).fails_with("found F32 [3]");
    let matrix = folder.write("matrix.npy", &npy("<i4", false, "(3, 1)", &[0; 12]));
    cross_entropy(&[&rows, &matrix, "--device", "cpu"]).fails_with("found I32 [3, 1]");
}
