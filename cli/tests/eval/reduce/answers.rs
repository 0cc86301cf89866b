//! Every statistic along every axis, without weights; dimensions, element types, and text.

use wgpu_loss::half::{bf16, f16};

use super::{VALUES, file, floats, holds, on_both, reduce};
use crate::common::{Folder, bytes, npy, safetensors};

/// A statistic of everything, of each row and of each column.
type Statistic<'a> = (&'a str, &'a [f64], [f64; 2], [f64; 3]);

/// Arguments; means, variances and denominators.
type Moments<'a> = (&'a str, &'a [f64], &'a [f64], &'a [f64]);

#[test]
fn every_statistic_along_every_axis() {
    let folder = Folder::new();
    let data = floats(&VALUES);
    let file = folder.write("x.npy", &npy("<f4", false, "(2, 3)", &data));
    // log(e + e^2 + e^3), and what a row three further on adds.
    let (row, pair) = (3.407_605_964_444, 0.048_587_351_574);
    let sums = [row, row + 3.0];
    let cases: [Statistic<'_>; 6] = [
        ("sum", &[21.0], [6.0, 15.0], [5.0, 7.0, 9.0]),
        ("mean", &[3.5], [2.0, 5.0], [2.5, 3.5, 4.5]),
        ("sum-of-squares", &[91.0], [14.0, 77.0], [17.0, 29.0, 45.0]),
        ("max", &[6.0], [3.0, 6.0], [4.0, 5.0, 6.0]),
        ("min", &[1.0], [1.0, 4.0], [1.0, 2.0, 3.0]),
        ("log-sum-exp", &[6.456_193_316_018], sums, [4.0 + pair, 5.0 + pair, 6.0 + pair]),
    ];
    for (statistic, all, rows, columns) in cases {
        for (axis, expected) in [("all", all), ("row", &rows[..]), ("column", &columns[..])] {
            on_both(&file, &format!("--statistic {statistic} --axis {axis}"), |out| {
                holds(&out["values"], expected);
                assert_eq!((&out["statistic"], &out["axis"]), (&statistic.into(), &axis.into()));
                let has = |key| out.get(key).is_some();
                assert!(!has("variance") && !has("segments"));
                assert_eq!(
                    (has("sign"), has("denominator")),
                    (statistic == "log-sum-exp", statistic == "mean",)
                );
            });
        }
    }
    on_both(&file, "", |out| {
        holds(&out["values"], &[21.0]);
        assert_eq!((&out["operation"], &out["statistic"]), (&"reduce".into(), &"sum".into()));
        assert_eq!((&out["axis"], &out["weights"]), (&"all".into(), &"none".into()));
        assert_eq!((&out["rows"], &out["classes"]), (&2.into(), &3.into()));
        assert_eq!(out["result_shape"], serde_json::json!([]));
    });
}

#[test]
fn denominators_and_signs() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "--values values --statistic mean --axis row", |out| {
        holds(&out["denominator"], &[3.0, 3.0]);
        assert_eq!(out["result_shape"], serde_json::json!([2]));
    });
    on_both(&file, "--statistic log-sum-exp --axis column", |out| {
        holds(&out["sign"], &[1.0, 1.0, 1.0]);
        assert_eq!(out["result_shape"], serde_json::json!([3]));
    });
}

/// 91 / 6 - 3.5^2, and the sum of the squares over one less.
#[test]
fn mean_and_variance() {
    let folder = Folder::new();
    let file = file(&folder);
    let cases: [Moments<'_>; 5] = [
        ("", &[3.5], &[2.916_666_667], &[6.0]),
        ("--correction 1", &[3.5], &[3.5], &[6.0]),
        ("--axis row", &[2.0, 5.0], &[2.0 / 3.0, 2.0 / 3.0], &[3.0, 3.0]),
        ("--axis column --correction 1", &[2.5, 3.5, 4.5], &[4.5; 3], &[2.0; 3]),
        ("--axis column --correction 2", &[2.5, 3.5, 4.5], &[f64::NAN; 3], &[2.0; 3]),
    ];
    for (arguments, means, variances, denominators) in cases {
        on_both(&file, &format!("--statistic mean-and-variance {arguments}"), |out| {
            holds(&out["values"], means);
            holds(&out["variance"], variances);
            holds(&out["denominator"], denominators);
            assert!(out["options"]["correction"].is_number());
        });
    }
    on_both(&file, "", |out| assert!(out["options"].get("correction").is_none()));
}

/// (2, 3, 2) with the columns in the middle: x[o][c][i] = 6 o + 2 c + i.
#[test]
fn columns_in_the_middle() {
    let folder = Folder::new();
    let values: Vec<f32> = (0..12_i8).map(f32::from).collect();
    let file = folder.write("x.npy", &npy("<f4", false, "(2, 3, 2)", &floats(&values)));
    on_both(&file, "--class-axis 1 --axis row", |out| {
        holds(&out["values"], &[6.0, 9.0, 24.0, 27.0]);
        assert_eq!(out["result_shape"], serde_json::json!([2, 2]));
        assert_eq!((&out["rows"], &out["classes"]), (&4.into(), &3.into()));
    });
    on_both(&file, "--class-axis -2 --axis column", |out| {
        holds(&out["values"], &[14.0, 22.0, 30.0]);
    });
    on_both(&file, "--class-axis 1", |out| holds(&out["values"], &[66.0]));
    on_both(&file, "--axis column", |out| holds(&out["values"], &[30.0, 36.0]));
    let shown = reduce(&[&file, "--class-axis", "1", "--axis", "row", "--device", "oracle"]);
    for line in [
        "values               4 rows, 3 columns, f32 [2, 3, 2]",
        "results              one per row",
        "sum                  6 to 27, mean 16.500000",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
    }
}

#[test]
fn element_types() {
    let folder = Folder::new();
    let halves: Vec<f16> = VALUES.map(f16::from_f32).to_vec();
    let brains: Vec<bf16> = VALUES.map(bf16::from_f32).to_vec();
    for (element, dtype, data) in [
        ("f16", "F16", bytes(&halves, f16::to_le_bytes)),
        ("bf16", "BF16", bytes(&brains, bf16::to_le_bytes)),
    ] {
        let tensors = [
            ("x", dtype, &[2, 3][..], data),
            ("v", "F32", &[2], floats(&[1.0, 3.0])),
            ("ids", "U8", &[2], vec![0, 0]),
        ];
        let file = folder.write("x.safetensors", &safetensors(&tensors));
        on_both(&file, "--axis column --weights v", |out| {
            holds(&out["values"], &[13.0, 17.0, 21.0]);
            assert_eq!(out["element"], element);
        });
    }
}

/// Of two matrices the one that is called so; by its other name too.
#[test]
fn values_are_found_by_name() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "", |out| holds(&out["values"], &[21.0]));
    for option in ["--values", "--logits"] {
        on_both(&file, &format!("{option} w"), |out| holds(&out["values"], &[3.5]));
    }
    let tensors =
        [("a", "F32", &[2, 3][..], floats(&VALUES)), ("b", "F32", &[2, 3], floats(&VALUES))];
    let two = folder.write("two.safetensors", &safetensors(&tensors));
    reduce(&[&two, "--device", "cpu"]).fails_with("several that could be it, choose by --values");
}

#[test]
fn text_names_the_numbers() {
    let folder = Folder::new();
    let file = file(&folder);
    let cases: [(&str, &[&str]); 4] = [
        ("", &["values               2 rows, 3 columns, f32", "sum                  21\n"]),
        (
            "--statistic mean-and-variance --correction 1 --weights v",
            &[
                "weights              one per row",
                "mean                 4.25\n",
                "variance  ",
                "denominator          12\n",
            ],
        ),
        (
            "--statistic log-sum-exp --axis row --weights w",
            &[
                "weights              one per element",
                "results              one per row",
                "log-sum-exp          3.7586",
                "sign                 -1 to 1, mean 0.000000",
            ],
        ),
        ("--statistic sum-of-squares", &["sum of squares       91\n"]),
    ];
    for (arguments, lines) in cases {
        let mut all = vec![file.as_str(), "--device", "oracle"];
        all.extend(arguments.split_whitespace());
        let shown = reduce(&all);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        for line in lines {
            assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
        }
    }
}
