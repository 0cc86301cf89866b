//! `eval` of element-wise losses, against numbers worked out by the formulas apart from the library.

mod answers;
mod gradients;
mod reductions;
mod refused;
mod written;

use std::f64::consts::LN_2;

use crate::common::{Folder, Run, run, safetensors};
use crate::reduce::floats;

/// Two rows of three columns.
const INPUT: [f32; 6] = [0.0, 2.0, -1.0, 0.5, -3.0, 1.0];

/// Of which these are positives.
const TARGET: [f32; 6] = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0];

/// Binary cross-entropy of [`INPUT`] and [`TARGET`].
const BINARY: [f64; 6] = [
    LN_2,
    2.126_928_011_043,
    1.313_261_687_518,
    0.974_076_984_180,
    0.048_587_351_574,
    0.313_261_687_518,
];

/// [`INPUT`] with every other operand there is.
fn file(folder: &Folder) -> String {
    let matrix = |name, values: [f32; 6]| (name, "F32", &[2, 3][..], floats(&values));
    folder.write(
        "file.safetensors",
        &safetensors(&[
            matrix("input", INPUT),
            matrix("target", TARGET),
            matrix("probabilities", [0.5, 0.25, 0.125, 0.75, 0.875, 0.0625]),
            matrix("others", [0.5, 0.25, 0.25, 0.125, 0.875, 0.0]),
            matrix("logs", [-1.0, -2.0, -0.5, -0.25, -3.0, -1.5]),
            matrix("other_logs", [-0.5, -1.0, -2.0, -1.5, -0.25, -3.0]),
            matrix("numbers", [1.0, -1.0, 0.0, 2.0, 0.5, 3.0]),
            matrix("counts", [1.0, 0.0, 3.0, 2.0, 0.0, 5.0]),
            matrix("rates", [0.5, 1.0, 2.0, 0.25, 4.0, 3.0]),
            matrix("variance", [1.0, 0.5, 2.0, 0.25, 4.0, 0.125]),
            matrix("w", [1.0, 0.0, 2.0, 0.5, 1.0, 3.0]),
            ("v", "F32", &[2], floats(&[1.0, 3.0])),
            ("u", "F32", &[3], floats(&[2.0, 1.0, 0.5])),
            ("variances", "F32", &[3], floats(&[0.5, 2.0, 1.0])),
        ]),
    )
}

/// Evaluates with words separated by spaces; `FILE` is the file.
fn eval(file: &str, line: &str) -> Run {
    let words = line.split_whitespace().map(|word| if word == "FILE" { file } else { word });
    run(&std::iter::once("eval").chain(words).collect::<Vec<_>>())
}

/// The same on both CPU engines, as JSON.
#[track_caller]
fn on_both(file: &str, line: &str, check: impl Fn(&serde_json::Value)) {
    for engine in crate::ENGINES {
        check(&eval(file, &format!("{line} --device {engine} --json")).json());
    }
}
