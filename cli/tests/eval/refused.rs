//! Files, targets and options that are refused.

use crate::common::{Folder, bytes, logits, npy, pair, run, safetensors, text};
use crate::{ENGINES, cross_entropy};

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
        ("complex.npy", npy("<c8", false, "(3, 2)", &[0; 48]), "found c64 [3, 2]"),
        ("integers.npy", npy(">i4", false, "(3, 2)", &[0; 24]), "found i32 [3, 2]"),
        ("vector.npy", npy("<f4", false, "(6,)", &logits()), "found f32 [6]"),
        ("huge.npy", npy("<f4", false, "(4294967296, 4294967296)", &[]), "too large"),
        ("noise.npy", b"no array at all".to_vec(), "wrong magic string"),
        ("noise.safetensors", vec![0xff; 64], "longer than the format allows"),
        (
            "eighths.safetensors",
            safetensors(&[("logits", "F8_E4M3", &[3, 2], vec![0; 6])]),
            "found `logits` f8_e4m3 [3, 2]",
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
    cross_entropy(&[&rows, &floats, "--device", "cpu"]).fails_with("found f32 [3]");
    let matrix = folder.write("matrix.npy", &npy("<i4", false, "(1, 3)", &[0; 12]));
    cross_entropy(&[&rows, &matrix, "--device", "cpu"]).fails_with("found i32 [1, 3]");
}

/// What the library refuses, in its words, and no file is left behind.
#[test]
fn options_out_of_range_are_refused() {
    let folder = Folder::new();
    let three = || bytes(&[1.0, 1.0, 1.0], f32::to_le_bytes);
    let file = folder.write(
        "file.safetensors",
        &safetensors(&[
            ("logits", "F32", &[3, 2], logits()),
            ("targets", "U8", &[3], vec![0, 1, 1]),
            ("q", "F32", &[3, 2], logits()),
            ("turned", "F32", &[2, 3], logits()),
            ("weights", "F32", &[3], three()),
            ("two", "F32", &[2], three()[..8].to_vec()),
        ]),
    );
    let out = text(&folder.path("out.safetensors"));
    let cases = [
        ("--label-smoothing 1.5", "label smoothing: expected 0 to 1, found 1.5"),
        ("--label-smoothing -0.1", "label smoothing: expected 0 to 1, found -0.1"),
        ("--label-smoothing nan", "label smoothing: expected 0 to 1, found NaN"),
        ("--z-loss inf", "z-loss: expected a finite number"),
        ("--logit-scale nan", "logit scale: expected a finite number"),
        ("--softcap 0", "softcap: expected a finite number above 0, found 0"),
        ("--softcap -2", "softcap: expected a finite number above 0, found -2"),
        ("--class-weights weights", "number of class weights: expected 2, one per class, found 3"),
        ("--row-weights two", "number of row weights: expected 3, one per row, found 2"),
        ("--class-weights q", "class weights: expected f32, f16, bf16 or f64 [classes], found `q`"),
        (
            "--row-weights targets",
            "row weights: expected f32, f16, bf16 or f64 [3], found `targets` u8",
        ),
        ("--row-weights absent", "no tensor `absent`"),
        (
            "--probabilities turned",
            "probabilities: expected f32, f16, bf16 or f64 [3, 2], shaped as",
        ),
        ("--probabilities targets", "found `targets` u8 [3]"),
        ("--probabilities q --correct", "number of correct rows: expected not asked for"),
        ("--probabilities q --rows target-rank", "target rank: expected not asked for"),
        ("--top-k 0", "top k: expected 1 to 2, the number of classes, found 0"),
        ("--top-k 3", "top k: expected 1 to 2, the number of classes, found 3"),
        ("--probabilities q --ignore-index 0", "ignore index: expected none"),
        ("--probabilities q --rows target-log-probability", "target log-probability"),
        ("--log-probabilities --label-smoothing 0.1", "label smoothing: expected unused"),
        ("--log-probabilities --softcap 3", "softcap: expected unused"),
        ("--log-probabilities --rows entropy", "entropy of rows: expected unused"),
        ("--log-probabilities --correct", "number of correct rows: expected unused"),
        ("--class-axis 2", "class axis: expected -2 to 1 for [3, 2], found 2"),
        ("--class-axis -3", "class axis: expected -2 to 1 for [3, 2], found -3"),
        ("--class-axis 0", "number of targets: expected 2, one per row, found 3"),
    ];
    for engine in ENGINES {
        for (arguments, part) in cases {
            let mut all = vec![&*file, "--logits", "logits", "--out", &out, "--device", engine];
            all.extend(arguments.split_whitespace());
            let run = cross_entropy(&all);
            assert_eq!(run.code, Some(1), "{arguments}: {}", run.stderr);
            run.fails_with(part);
        }
    }
    assert_eq!(folder.names(), ["file.safetensors"]);
}

#[test]
fn shapes_that_bound_nothing_are_refused() {
    let folder = Folder::new();
    let many = safetensors(&[("logits", "F32", &[1 << 40, 0], vec![])]);
    let file = folder.write("many.safetensors", &many);
    for operation in ["log-sum-exp", "softmax"] {
        run(&["eval", operation, &file, "--device", "cpu"]).fails_with("rows without classes");
    }
    let few =
        safetensors(&[("logits", "F32", &[3, 0], vec![]), ("targets", "U8", &[3], vec![0, 1, 1])]);
    let file = folder.write("few.safetensors", &few);
    cross_entropy(&[&file, "--device", "cpu"]).fails_with("number of classes: expected 1 to");
    let sums = run(&["eval", "log-sum-exp", &file, "--device", "cpu", "--json"]).json();
    assert_eq!(sums["log_sum_exp"], serde_json::json!(["-Infinity", "-Infinity", "-Infinity"]));
}
