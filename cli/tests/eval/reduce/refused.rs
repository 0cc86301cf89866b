//! What `eval reduce` refuses, in one line and without a file left behind.

use super::{file, floats, reduce};
use crate::ENGINES;
use crate::common::{Folder, npy, safetensors, text};

#[test]
fn options_that_do_not_fit() {
    let folder = Folder::new();
    let file = file(&folder);
    let out = text(&folder.path("out.safetensors"));
    let cases = [
        ("--statistic mean-and-variance --correction nan", "correction: expected a finite number"),
        ("--statistic max --gradient", "gradient: expected one of sum, mean or log-sum-exp"),
        ("--axis row --gradient --upstream u", "upstream gradient: expected 2 values, one per"),
        ("--axis all --gradient --upstream g", "upstream gradient: expected 1 values, one per"),
        (
            "--gradient --upstream w",
            "upstream gradient: expected f32, f16, bf16 or f64 [], shaped as",
        ),
        ("--gradient --upstream absent", "no tensor `absent`"),
        ("--weights absent", "no tensor `absent`; the file has"),
        ("--weights absent.npy", "absent.npy"),
        (
            "--weights one",
            "weights: expected f32, f16, bf16 or f64 [2, 3] per element, [2] per row or [3] per column, \
             found `one` f32 []",
        ),
        (
            "--weights v --weights-axis column",
            "weights: expected f32, f16, bf16 or f64 [3] per column",
        ),
        ("--weights w --weights-axis row", "weights: expected f32, f16, bf16 or f64 [2] per row"),
        ("--class-axis 2", "class axis: expected -2 to 1 for [2, 3], found 2"),
        ("--class-axis 0 --weights v --weights-axis row", "[3] per row, found `v` f32 [2]"),
        (
            "--values v",
            "values: expected f32, f16, bf16 or f64 [rows, columns] or with more dimensions",
        ),
    ];
    for engine in ENGINES {
        for (arguments, part) in cases {
            let mut all = vec![file.as_str(), "--out", &out, "--device", engine];
            all.extend(arguments.split_whitespace());
            let run = reduce(&all);
            assert_eq!(run.code, Some(1), "{arguments}: {}", run.stderr);
            run.fails_with(part);
        }
    }
    assert_eq!(folder.names(), ["file.safetensors"]);
}

#[test]
fn bad_usage_has_exit_code_2() {
    let folder = Folder::new();
    let file = file(&folder);
    let alone = folder.write("x.npy", &npy("<f4", false, "(2, 3)", &floats(&[0.0; 6])));
    let cases = [
        "--statistic median",
        "--axis both",
        "--correction 1",
        "--statistic sum --correction 1",
        "--statistic mean-and-variance --correction some",
        "--statistic sum --nonzero-weights --weights w",
        "--statistic mean-and-variance --nonzero-weights --weights w",
        "--weights-axis row",
        "--weights v --weights-axis all",
        "--mode strict --masked",
        "--upstream 2",
        "--gradient --upstream=",
        "--gradient-element f16",
        "--weight-gradient --weights w",
        "--gradient --weight-gradient",
        "--segments 3",
        "--segment-ids ids --segments -1",
        "--segment-ids ids --segment-offsets offsets",
        "--segment-ids ids --gradient",
        "--segment-offsets offsets --gradient",
    ];
    for arguments in cases {
        let mut all = vec![file.as_str(), "--device", "cpu"];
        all.extend(arguments.split_whitespace());
        let run = reduce(&all);
        assert_eq!(run.code, Some(2), "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    // One array is all that a .npy file holds.
    for (option, what) in [
        ("--weights", "weights"),
        ("--segment-ids", "segment ids"),
        ("--segment-offsets", "segment offsets"),
    ] {
        let run = reduce(&[&alone, option, "w", "--device", "cpu"]);
        assert_eq!(run.code, Some(2), "{option}: {}", run.stderr);
        let part = format!("a .npy file holds one array: give the file of the {what} by {option}");
        assert!(run.stderr.contains(&part), "{option}: {}", run.stderr);
    }
}

/// Columns without rows take no bytes, and have a result each.
#[test]
fn shapes_that_bound_nothing() {
    let folder = Folder::new();
    let tensors = [("values", "F32", &[0, 1 << 40][..], vec![])];
    let file = folder.write("many.safetensors", &safetensors(&tensors));
    for engine in ENGINES {
        reduce(&[&file, "--axis", "column", "--device", engine]).fails_with(
            "results: expected at most 67108864 of these values, found [1099511627776]",
        );
        let sum = reduce(&[&file, "--device", engine, "--json"]).json();
        assert_eq!(sum["values"], serde_json::json!([0.0]));
    }
}

#[test]
fn files_with_several_weights() {
    let folder = Folder::new();
    let file = file(&folder);
    let tensors =
        [("a", "F32", &[2][..], floats(&[1.0; 2])), ("b", "F32", &[3], floats(&[1.0; 3]))];
    let other = folder.write("w.safetensors", &safetensors(&tensors));
    reduce(&[&file, "--weights", &other, "--device", "cpu"]).fails_with(
        "no tensor `weights` and several that could be it, give one of them this name, or choose by FILE:NAME; the file \
         has `a` f32 [2], `b` f32 [3]",
    );
}
