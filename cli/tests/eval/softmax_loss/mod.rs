//! `eval` of softmax focal loss and of divergences of logits, against their definitions computed here
//! in double precision.

mod answers;
mod formulas;
mod gradients;
mod refused;
mod written;

use crate::common::{Folder, Run, bytes, run, safetensors};
use crate::reduce::floats;

/// Four rows of three classes.
const LOGITS: [f32; 12] = [2.0, 0.5, -1.0, 0.25, 0.25, 0.25, -3.0, 1.0, 4.0, 0.0, -0.5, 1.5];

/// A teacher's.
const TEACHER: [f32; 12] = [1.5, 0.75, 0.0, 2.0, -2.0, 0.5, -2.0, 1.5, 3.0, 0.0, -0.5, 1.5];

/// A class for each row, and the same as probabilities where they are none.
const TARGETS: [i64; 4] = [0, 2, 1, 2];
const PROBABILITIES: [f32; 12] =
    [0.5, 0.25, 0.25, 0.125, 0.75, 0.125, 0.0, 0.0, 1.0, 0.25, 0.5, 0.25];

/// For each class, and for each row.
const ALPHA: [f32; 3] = [0.25, 1.0, 2.0];
const ROW_WEIGHTS: [f32; 4] = [1.0, 0.5, 2.0, 0.0];

/// The values of a row in double precision.
fn row(values: &[f32], row: usize) -> Vec<f64> {
    values[3 * row..3 * row + 3].iter().copied().map(f64::from).collect()
}

/// A row's target as probabilities.
fn one_hot(row: usize) -> Vec<f64> {
    (0..3).map(|class| f64::from(u8::from(TARGETS[row] == class))).collect()
}

fn alpha() -> Vec<f64> {
    ALPHA.map(f64::from).to_vec()
}

/// [`LOGITS`] with everything they may be compared with.
fn file(folder: &Folder) -> String {
    let matrix = |name, values: &[f32; 12]| (name, "F32", &[4, 3][..], floats(values));
    let targets =
        |name, values: &[i64; 4]| (name, "I64", &[4][..], bytes(values, i64::to_le_bytes));
    folder.write(
        "file.safetensors",
        &safetensors(&[
            matrix("logits", &LOGITS),
            matrix("teacher", &TEACHER),
            matrix("q", &PROBABILITIES),
            targets("targets", &TARGETS),
            targets("some", &[0, -100, 1, 2]),
            targets("out", &[0, 1, 2, 3]),
            ("alpha", "F32", &[3], floats(&ALPHA)),
            ("v", "F32", &[4], floats(&ROW_WEIGHTS)),
            ("g", "F32", &[4], floats(&[1.0, -2.0, 0.5, 3.0])),
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
