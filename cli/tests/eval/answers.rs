//! Known answers with the options as they are, and how tensors are found.

use std::f64::consts::LN_2;

use crate::common::{Folder, bytes, close, logits, npy, pair, run, safetensors};
use crate::{AHEAD_BY_2, ENGINES, cross_entropy};

#[test]
fn known_answers_of_a_safetensors_file() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    for engine in ENGINES {
        let mean = cross_entropy(&[&file, "--device", engine, "--json"]).json();
        close(&mean["loss"], (AHEAD_BY_2 + LN_2) / 2.0);
        close(&mean["accuracy"], 0.5);
        assert_eq!(mean["counted"], 2);
        assert_eq!(mean["rows"], 3);
        assert_eq!(mean["device"], engine);
        assert!(mean["seconds"].as_f64() > Some(0.0));
        let sum =
            cross_entropy(&[&file, "--device", engine, "--reduction", "sum", "--json"]).json();
        close(&sum["loss"], AHEAD_BY_2 + LN_2);
        let none =
            cross_entropy(&[&file, "--device", engine, "--reduction", "none", "--json"]).json();
        assert!(none.get("loss").is_none());
        for (row, expected) in [AHEAD_BY_2, 0.0, LN_2].into_iter().enumerate() {
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
        .fails_with("no tensor `z`; the file has `x` f32 [3, 2], `y` i32 [3]");
    cross_entropy(&[&only, "--logits", "scale", "--device", "cpu"])
        .fails_with("logits: expected f32, f16, bf16 or f64 [rows, classes] or with more dimensions, found `scale` f32 [1]");
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
