//! Reductions, axes and weights.

use super::{BINARY, file, on_both};
use crate::common::{Folder, safetensors};
use crate::reduce::{floats, holds};

#[test]
fn every_reduction_along_every_axis() {
    let folder = Folder::new();
    let file = file(&folder);
    let [a, b, c, d, e, f] = BINARY;
    let (rows, columns) = ([a + b + c, d + e + f], [a + d, b + e, c + f]);
    let sum = rows[0] + rows[1];
    let divided = |values: &[f64], by: f64| values.iter().map(|it| it / by).collect::<Vec<_>>();
    let cases = [
        ("sum", "all", vec![sum], None),
        ("sum", "row", rows.to_vec(), None),
        ("sum", "column", columns.to_vec(), None),
        ("mean", "all", vec![sum / 6.0], None),
        ("mean", "row", divided(&rows, 3.0), None),
        ("mean", "column", divided(&columns, 2.0), None),
        ("weighted-mean", "all", vec![sum / 6.0], Some(vec![6.0])),
        ("weighted-mean", "row", divided(&rows, 3.0), Some(vec![3.0; 2])),
        ("weighted-mean", "column", divided(&columns, 2.0), Some(vec![2.0; 3])),
        ("batch-mean", "all", vec![sum / 2.0], None),
    ];
    for (reduction, axis, expected, denominator) in cases {
        let line = format!("binary-cross-entropy FILE --reduction {reduction} --axis {axis}");
        on_both(&file, &line, |out| {
            holds(&out["values"], &expected);
            assert_eq!((&out["reduction"], &out["axis"]), (&reduction.into(), &axis.into()));
            match &denominator {
                Some(denominator) => holds(&out["denominator"], denominator),
                None => assert!(out.get("denominator").is_none()),
            }
        });
    }
}

#[test]
fn weights_of_every_form() {
    let folder = Folder::new();
    let file = file(&folder);
    let [a, b, c, d, e, f] = BINARY;
    let cases = [
        ("w", "element", a + 2.0 * c + 0.5 * d + e + 3.0 * f, 7.5),
        ("v", "row", a + b + c + 3.0 * (d + e + f), 12.0),
        ("u", "column", 2.0 * (a + d) + b + e + 0.5 * (c + f), 7.0),
    ];
    for (weights, form, sum, total) in cases {
        for (reduction, divisor) in [("sum", 1.0), ("mean", 6.0), ("weighted-mean", total)] {
            let line =
                format!("binary-cross-entropy FILE --weights {weights} --reduction {reduction}");
            on_both(&file, &line, |out| {
                holds(&out["values"], &[sum / divisor]);
                assert_eq!(out["weights"], form);
            });
        }
    }
}

/// As many rows as columns: a vector could be of either.
#[test]
fn axes_of_square_matrices_are_chosen() {
    let folder = Folder::new();
    let tensors = [
        ("input", "F32", &[2, 2][..], floats(&[1.0, 2.0, 3.0, 4.0])),
        ("target", "F32", &[2, 2], floats(&[0.0; 4])),
        ("s", "F32", &[2], floats(&[1.0, 10.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    for (axis, expected) in [("row", [1.0, 4.0, 90.0, 160.0]), ("column", [1.0, 40.0, 9.0, 160.0])]
    {
        let line = format!("squared-error FILE --reduction none --weights s --weights-axis {axis}");
        on_both(&file, &line, |out| holds(&out["values"], &expected));
    }
    super::eval(&file, "squared-error FILE --weights s --device cpu")
        .fails_with("as many rows as columns, choose by --weights-axis");
    super::eval(&file, "gaussian FILE --variance s --device cpu")
        .fails_with("variance: `s` f32 [2] is ambiguous beside as many rows as columns, choose by --variance-axis");
}

#[test]
fn modes_differ_where_weights_are_zero() {
    let folder = Folder::new();
    let tensors = [
        ("input", "F32", &[1, 2][..], floats(&[f32::INFINITY, 1.0])),
        ("target", "F32", &[1, 2], floats(&[0.0; 2])),
        ("w", "F32", &[1, 2], floats(&[0.0, 1.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let line = "squared-error FILE --reduction sum --weights w";
    on_both(&file, line, |out| holds(&out["values"], &[f64::NAN]));
    on_both(&file, &format!("{line} --masked"), |out| holds(&out["values"], &[1.0]));
}
