//! `--class-axis`: logits of any number of dimensions, against the same numbers permuted.

use serde_json::Value;

use crate::common::{Array, Folder, arrays, bytes, close, npy, run, safetensors, text};
use crate::{ENGINES, cross_entropy, on_both};

/// (2, 3, 2, 2): PyTorch's (N, C, H, W).
const DIMENSIONS: [usize; 4] = [2, 3, 2, 2];
const TARGETS: [i64; 8] = [0, 2, -100, 1, 1, 0, 2, 2];

/// Halves between -3 and 3, exact in every element type, without a pattern.
fn values() -> Vec<f32> {
    (0..24).map(|index| f32::from(((index * index * 7 + index * 5) % 13) as i8 - 6) / 2.0).collect()
}

/// The classes last: (N, H, W, C).
fn classes_last(values: &[f32]) -> Vec<f32> {
    let mut moved = Vec::new();
    for n in 0..2 {
        for pixel in 0..4 {
            moved.extend((0..3).map(|class| values[n * 12 + class * 4 + pixel]));
        }
    }
    moved
}

fn file(folder: &Folder, name: &str, shape: &[usize], values: &[f32], rows: &[usize]) -> String {
    folder.write(
        name,
        &safetensors(&[
            ("logits", "F32", shape, bytes(values, f32::to_le_bytes)),
            ("targets", "I64", rows, bytes(&TARGETS, i64::to_le_bytes)),
        ]),
    )
}

fn named<'a>(arrays: &'a [Array], name: &str) -> &'a Array {
    arrays.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn cross_entropy_of_pixels() {
    let folder = Folder::new();
    let pixels = file(&folder, "nchw.safetensors", &DIMENSIONS, &values(), &[2, 2, 2]);
    let rows = file(&folder, "rows.safetensors", &[8, 3], &classes_last(&values()), &[8]);
    let (out, of_rows) = (folder.path("out.safetensors"), folder.path("rows-out.safetensors"));
    let options = "--label-smoothing 0.1 --gradient --out";
    for engine in ENGINES {
        let evaluate = |file: &str, axis: &str, out: &str| {
            let mut all = vec![file, "--device", engine, "--json", "--class-axis", axis];
            all.extend(options.split_whitespace().chain([out]));
            cross_entropy(&all).json()
        };
        let expected = evaluate(&rows, "-1", &text(&of_rows));
        for axis in ["1", "-3"] {
            let found = evaluate(&pixels, axis, &text(&out));
            for key in ["loss", "accuracy", "counted", "denominator", "rows", "classes"] {
                assert_eq!(found[key], expected[key], "{key}");
            }
            assert_eq!(
                (&found["class_axis"], &found["shape"]),
                (&1.into(), &[2, 3, 2, 2][..].into())
            );
            let (found, expected) = (arrays(&out), arrays(&of_rows));
            for name in ["loss", "log_sum_exp", "argmax"] {
                assert_eq!(named(&found, name).shape, [2, 2, 2]);
                assert_eq!(named(&found, name).values, named(&expected, name).values, "{name}");
            }
            let gradient = named(&found, "gradient");
            assert_eq!(gradient.shape, DIMENSIONS);
            assert_eq!(classes_last(&gradient.values), named(&expected, "gradient").values);
        }
        let shown = cross_entropy(&[&pixels, "--class-axis", "1", "--device", engine]);
        let line = "logits               8 rows, 3 classes, f32 [2, 3, 2, 2]";
        assert!(shown.stdout.contains(line), "{}", shown.stdout);
    }
}

/// Many dimensions with the classes last are rows, whatever the dimensions before.
#[test]
fn the_last_axis_is_the_default() {
    let folder = Folder::new();
    let moved = classes_last(&values());
    let cube = file(&folder, "nhwc.safetensors", &[2, 2, 2, 3], &moved, &[2, 2, 2]);
    let flat = file(&folder, "flat.safetensors", &[2, 2, 2, 3], &moved, &[8]);
    let rows = file(&folder, "rows.safetensors", &[8, 3], &moved, &[8]);
    for engine in ENGINES {
        let loss = |file: &str| {
            cross_entropy(&[file, "--device", engine, "--json"]).json()["loss"].clone()
        };
        assert_eq!(loss(&cube), loss(&rows));
        assert_eq!(loss(&flat), loss(&rows));
    }
    let wrong = file(&folder, "wrong.safetensors", &[2, 2, 2, 3], &moved, &[4, 2]);
    cross_entropy(&[&wrong, "--targets", "targets", "--device", "cpu"])
        .fails_with("targets: expected integers or bool [2, 2, 2], or probabilities");
}

/// A matrix with its classes first is its transpose.
#[test]
fn the_first_axis_may_hold_the_classes() {
    let folder = Folder::new();
    let columns = bytes(&[2.0, 0.0, 1.0, 0.0, 3.0, 1.0], f32::to_le_bytes);
    let tensors = [("logits", "F32", &[2, 3][..], columns)];
    let file = folder.write("t.safetensors", &safetensors(&tensors));
    for engine in ENGINES {
        let out =
            run(&["eval", "log-sum-exp", &file, "--class-axis", "0", "--device", engine, "--json"]);
        for (row, expected) in [2.126_928_011, 3.048_587_352, 1.693_147_181].into_iter().enumerate()
        {
            close(&out.json()["log_sum_exp"][row], expected);
        }
    }
}

/// Probabilities, row weights and Fortran order go through the same permutation.
#[test]
fn everything_shaped_as_the_logits_is_permuted_alike() {
    let folder = Folder::new();
    let q: Vec<f32> = values().iter().map(|value| value.abs() / 8.0).collect();
    let weights: Vec<f32> = (1..=8_i8).map(|row| f32::from(row) / 4.0).collect();
    let write = |name: &str, shape: &[usize], rows: &[usize], order: fn(&[f32]) -> Vec<f32>| {
        folder.write(
            name,
            &safetensors(&[
                ("logits", "F32", shape, bytes(&order(&values()), f32::to_le_bytes)),
                ("q", "F32", shape, bytes(&order(&q), f32::to_le_bytes)),
                ("v", "F32", rows, bytes(&weights, f32::to_le_bytes)),
            ]),
        )
    };
    let pixels = write("nchw.safetensors", &DIMENSIONS, &[2, 2, 2], <[f32]>::to_vec);
    let rows = write("rows.safetensors", &[8, 3], &[8], classes_last);
    for engine in ENGINES {
        let loss = |file: &str, axis: &str| -> Value {
            let all = ["--logits", "logits", "--probabilities", "q", "--row-weights", "v"];
            let device = [file, "--device", engine, "--json", "--class-axis", axis];
            cross_entropy(&[&device[..], &all[..]].concat()).json()["loss"].clone()
        };
        assert_eq!(loss(&pixels, "1"), loss(&rows, "1"));
    }

    // Fortran order: the first dimension runs fastest.
    let at = |n: usize, c: usize, h: usize, w: usize| values()[n * 12 + c * 4 + h * 2 + w];
    let mut columns = Vec::new();
    for w in 0..2 {
        for h in 0..2 {
            for c in 0..3 {
                columns.extend((0..2).map(|n| at(n, c, h, w)));
            }
        }
    }
    let data = bytes(&columns, f32::to_le_bytes);
    let fortran = folder.write("fortran.npy", &npy("<f4", true, "(2, 3, 2, 2)", &data));
    let targets = bytes(&TARGETS, i64::to_le_bytes);
    let targets = folder.write("targets.npy", &npy("<i8", false, "(2, 2, 2)", &targets));
    let pixels = file(&folder, "nchw.safetensors", &DIMENSIONS, &values(), &[2, 2, 2]);
    let expected =
        cross_entropy(&[&pixels, "--class-axis", "1", "--device", "oracle", "--json"]).json();
    let found =
        cross_entropy(&[&fortran, &targets, "--class-axis", "1", "--device", "oracle", "--json"]);
    assert_eq!(found.json()["loss"], expected["loss"]);
}

#[test]
fn no_pixels_are_no_rows() {
    let folder = Folder::new();
    let tensors = [("logits", "F32", &[2, 3, 0][..], vec![]), ("targets", "U8", &[2, 0], vec![])];
    let file = folder.write("empty.safetensors", &safetensors(&tensors));
    on_both(&file, "--class-axis 1", |out| {
        assert_eq!((&out["loss"], &out["counted"]), (&"NaN".into(), &0.into()));
    });
}
