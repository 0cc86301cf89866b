//! `--rows` and `--correct`: exactly what was asked for.

use std::f64::consts::LN_2;

use serde_json::json;

use crate::common::{Folder, arrays, close, pair, text};
use crate::{AHEAD_BY_2, AHEAD_BY_3, cross_entropy, on_both};

const ALL: &str = "loss,log-sum-exp,target-log-probability,entropy,argmax,target-rank,z-loss";

/// The middle row is ignored: its loss and log-probability are 0, what depends on the logits alone
/// is there.
#[test]
fn every_value_of_rows() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    let expected = [
        ("loss_rows", "loss", [AHEAD_BY_2, 0.0, LN_2]),
        ("log_sum_exp", "log_sum_exp", [2.0 + AHEAD_BY_2, 3.0 + AHEAD_BY_3, 1.0 + LN_2]),
        ("target_log_probability", "target_log_probability", [-AHEAD_BY_2, 0.0, -LN_2]),
        ("entropy", "entropy", [0.365_333_855_1, 0.190_864_971_1, LN_2]),
        ("argmax", "argmax", [0.0, 1.0, 0.0]),
        // The last row's logits are alike: the lower class comes first.
        ("target_rank", "target_rank", [0.0, 2.0, 1.0]),
        ("z_loss_rows", "z_loss", [0.0, 0.0, 0.0]),
    ];
    on_both(&file, &format!("--rows {ALL} --out {}", text(&out)), |found| {
        let written = arrays(&out);
        assert_eq!(written.len(), expected.len());
        for (key, name, values) in expected {
            let array = written.iter().find(|it| it.name == name).expect(name);
            let is_integer = matches!(name, "argmax" | "target_rank");
            assert_eq!(array.dtype, if is_integer { "U32" } else { "F32" });
            for (row, value) in values.into_iter().enumerate() {
                close(&found[key][row], value);
                close(&f64::from(array.values[row]).into(), value);
            }
        }
        assert_eq!(found["argmax"], json!([0, 1, 0]));
        assert_eq!(found["target_rank"], json!([0, 2, 1]));
        assert!(found.get("accuracy").is_none(), "it was not asked for");
    });
}

#[test]
fn what_is_not_asked_for_is_not_there() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    on_both(&file, &format!("--rows entropy --correct --out {}", text(&out)), |found| {
        assert_eq!((&found["correct"], &found["counted"]), (&1.into(), &2.into()));
        close(&found["accuracy"], 0.5);
        for key in ["loss_rows", "log_sum_exp", "target_log_probability", "argmax", "z_loss_rows"] {
            assert!(found.get(key).is_none(), "{key}");
        }
        let names: Vec<_> = arrays(&out).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["entropy"]);
    });
    on_both(&file, &format!("--out {}", text(&out)), |found| {
        for key in ["loss_rows", "log_sum_exp", "argmax"] {
            assert!(found.get(key).is_none(), "{key} is written, not printed");
        }
        let names: Vec<_> = arrays(&out).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["argmax", "log_sum_exp", "loss"]);
    });
}

/// Of the first two of two classes every counted row is.
#[test]
fn rows_correct_by_the_first_classes() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    on_both(&file, "--top-k 2", |found| {
        assert_eq!((&found["correct"], &found["top_k"]), (&2.into(), &2.into()));
        close(&found["accuracy"], 1.0);
    });
    on_both(&file, "--top-k 1", |found| {
        assert_eq!(found["correct"], 1);
        assert!(found.get("top_k").is_none(), "as without the option");
    });
    let run = cross_entropy(&[&file, "--top-k", "2", "--device", "oracle"]);
    assert!(run.stdout.contains("accuracy             1.000000 (top 2)"), "{}", run.stdout);
}

#[test]
fn text_has_a_line_for_each() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let run = cross_entropy(&[&file, "--rows", ALL, "--correct", "--device", "oracle"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for line in [
        "loss of the rows     0 to 0.6931472, mean 0.273358",
        "log-sum-exp          1.6931472 to 3.0485873, mean 2.289554",
        "target log-prob.     -0.6931472 to 0, mean -0.273358",
        "entropy              0.19086497 to 0.6931472, mean 0.416449",
        "argmax               classes 0 to 1",
        "target rank          0 to 2",
        "z-loss of the rows   0 to 0, mean 0.000000",
        "accuracy             0.500000",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
}
