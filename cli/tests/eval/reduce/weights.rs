//! Weights: of what their shape says they are, in this file or in another.

use wgpu_loss::half::f16;

use super::{VALUES, WEIGHTS, file, floats, holds, on_both, reduce};
use crate::common::{Folder, bytes, npy, safetensors};

#[test]
fn per_element() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "--weights w", |out| {
        holds(&out["values"], &[8.0]);
        assert_eq!(out["weights"], "element");
    });
    on_both(&file, "--weights w --axis row", |out| holds(&out["values"], &[7.0, 1.0]));
    on_both(&file, "--weights w --axis column", |out| holds(&out["values"], &[3.0, 5.0, 0.0]));
    on_both(&file, "--weights w --statistic mean --axis row", |out| {
        holds(&out["values"], &[7.0 / 3.0, 2.0]);
        holds(&out["denominator"], &[3.0, 0.5]);
    });
    on_both(&file, "--weights w --statistic mean --axis column", |out| {
        holds(&out["values"], &[2.0, 5.0, 0.0]);
        holds(&out["denominator"], &[1.5, 1.0, 1.0]);
    });
    // 1 + 2 * 9, and 0.5 * 16 + 25 - 36.
    on_both(&file, "--weights w --statistic sum-of-squares --axis row", |out| {
        holds(&out["values"], &[19.0, -3.0]);
    });
    // 2 has weight 0.
    on_both(&file, "--weights w --statistic min --axis column", |out| {
        holds(&out["values"], &[1.0, 5.0, 3.0]);
    });
}

/// SciPy's logsumexp(x, b=w, return_sign=True).
#[test]
fn signs_of_sums_of_exponentials() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "--weights w --statistic log-sum-exp --axis row", |out| {
        holds(&out["values"], &[3.758_623_675_680, 5.428_101_694_947]);
        holds(&out["sign"], &[1.0, -1.0]);
    });
    on_both(&file, "--weights w --statistic log-sum-exp --axis column", |out| {
        holds(&out["values"], &[3.401_775_775_861, 5.0, 5.895_112_553_832]);
        holds(&out["sign"], &[1.0, 1.0, -1.0]);
    });
    on_both(&file, "--weights w --statistic log-sum-exp", |out| {
        holds(&out["values"], &[5.219_421_354_536]);
        holds(&out["sign"], &[-1.0]);
    });
}

/// The number of weights that are not 0, TensorFlow's SUM_BY_NONZERO_WEIGHTS.
#[test]
fn nonzero_weights() {
    let folder = Folder::new();
    let file = file(&folder);
    let option = "--weights w --statistic mean --nonzero-weights";
    on_both(&file, option, |out| {
        holds(&out["values"], &[1.6]);
        holds(&out["denominator"], &[5.0]);
        assert_eq!(out["options"]["nonzero_weights"], true);
    });
    on_both(&file, &format!("{option} --axis column"), |out| {
        holds(&out["values"], &[1.5, 5.0, 0.0]);
        holds(&out["denominator"], &[2.0, 1.0, 2.0]);
    });
}

#[test]
fn per_row_and_per_column() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "--weights v --statistic mean", |out| {
        holds(&out["values"], &[4.25]);
        holds(&out["denominator"], &[12.0]);
        assert_eq!(out["weights"], "row");
    });
    on_both(&file, "--weights v --axis column", |out| holds(&out["values"], &[13.0, 17.0, 21.0]));
    on_both(&file, "--weights u", |out| {
        holds(&out["values"], &[23.0]);
        assert_eq!(out["weights"], "column");
    });
    on_both(&file, "--weights u --axis row --statistic mean-and-variance --correction 1", |out| {
        holds(&out["values"], &[7.0 / 3.0, 16.0 / 3.0]);
        holds(&out["variance"], &[4.0 / 3.0, 4.0 / 3.0]);
        holds(&out["denominator"], &[3.0, 3.0]);
    });
    for (weights, axis) in [("v", "row"), ("u", "column")] {
        on_both(&file, &format!("--weights {weights} --weights-axis {axis}"), |out| {
            assert_eq!(out["weights"], axis);
        });
    }
}

/// As many rows as columns, and weights that do not say which of them they are of.
#[test]
fn square_values_need_the_axis() {
    let folder = Folder::new();
    let tensors = [
        ("values", "F32", &[2, 2][..], floats(&VALUES[..4])),
        ("w", "F32", &[2], floats(&[1.0, 10.0])),
        ("e", "F32", &[2, 2], floats(&[1.0, 0.0, 0.0, 1.0])),
    ];
    let file = folder.write("square.safetensors", &safetensors(&tensors));
    reduce(&[&file, "--weights", "w", "--device", "cpu"]).fails_with(
        "weights: `w` f32 [2] is ambiguous beside as many rows as columns, choose by --weights-axis",
    );
    on_both(&file, "--weights w --weights-axis row", |out| holds(&out["values"], &[73.0]));
    on_both(&file, "--weights w --weights-axis column", |out| holds(&out["values"], &[64.0]));
    on_both(&file, "--weights e", |out| holds(&out["values"], &[5.0]));
}

/// Rows with dimensions of their own, as the file has them or all in a line.
#[test]
fn weights_of_rows_with_dimensions() {
    let folder = Folder::new();
    let values: Vec<f32> = (0..12_i8).map(f32::from).collect();
    let weights = [1.0, 2.0, 3.0, 4.0];
    let tensors = [
        ("values", "F32", &[2, 3, 2][..], floats(&values)),
        ("square", "F32", &[2, 2], floats(&weights)),
        ("line", "F32", &[4], floats(&weights)),
        ("columns", "F32", &[3], floats(&[1.0, 0.0, -1.0])),
        ("e", "F32", &[2, 3, 2], floats(&values)),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    for weights in ["square", "line"] {
        on_both(&file, &format!("--class-axis 1 --weights {weights}"), |out| {
            holds(&out["values"], &[204.0]);
            assert_eq!(out["weights"], "row");
        });
    }
    on_both(&file, "--class-axis 1 --weights columns --axis row", |out| {
        holds(&out["values"], &[-4.0; 4]);
    });
    on_both(&file, "--class-axis 1 --weights e", |out| holds(&out["values"], &[506.0]));
}

#[test]
fn weights_in_files_of_their_own() {
    let folder = Folder::new();
    let values = folder.write("x.npy", &npy("<f4", false, "(2, 3)", &floats(&VALUES)));
    let weights = folder.write("w.npy", &npy("<f4", false, "(2, 3)", &floats(&WEIGHTS)));
    on_both(&values, &format!("--weights {weights}"), |out| holds(&out["values"], &[8.0]));
    // Fortran order, and a type of their own.
    let columns = [1.0, 0.5, 0.0, 1.0, 2.0, -1.0].map(f16::from_f32);
    let data = bytes(&columns, f16::to_le_bytes);
    let weights = folder.write("half.npy", &npy("<f2", true, "(2, 3)", &data));
    on_both(&values, &format!("--weights {weights} --axis row"), |out| {
        holds(&out["values"], &[7.0, 1.0]);
    });
    for name in ["weights", "whatever"] {
        let tensors =
            [(name, "F32", &[3][..], floats(&[1.0, 0.0, 2.0])), ("ids", "U8", &[1], vec![0])];
        let weights = folder.write("w.safetensors", &safetensors(&tensors));
        on_both(&values, &format!("--weights {weights}"), |out| holds(&out["values"], &[23.0]));
    }
    // A tensor comes before a file of the same name.
    let named = text_named(&folder);
    on_both(&named, "--weights w.npy", |out| holds(&out["values"], &[51.0]));
}

fn text_named(folder: &Folder) -> String {
    folder.write(
        "named.safetensors",
        &safetensors(&[
            ("values", "F32", &[2, 3], floats(&VALUES)),
            ("w.npy", "F32", &[2], floats(&[1.0, 3.0])),
        ]),
    )
}
