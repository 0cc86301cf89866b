//! `eval reduce`, against numbers worked out by hand.

mod answers;
mod gradients;
mod refused;
mod segments;
mod special;
mod weights;
mod written;

use serde_json::Value;

use crate::common::{Array, Folder, Run, bytes, close, run, safetensors};
use crate::on_both_of;

/// Two rows of three columns.
const VALUES: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// A weight for each of them.
const WEIGHTS: [f32; 6] = [1.0, 0.0, 2.0, 0.5, 1.0, -1.0];

pub fn floats(values: &[f32]) -> Vec<u8> {
    bytes(values, f32::to_le_bytes)
}

/// [`VALUES`] with [`WEIGHTS`] `w`, weights of rows `v` and of columns `u`, and factors of the
/// results.
fn file(folder: &Folder) -> String {
    folder.write(
        "file.safetensors",
        &safetensors(&[
            ("values", "F32", &[2, 3], floats(&VALUES)),
            ("w", "F32", &[2, 3], floats(&WEIGHTS)),
            ("v", "F32", &[2], floats(&[1.0, 3.0])),
            ("u", "F32", &[3], floats(&[1.0, 0.0, 2.0])),
            ("g", "F32", &[2], floats(&[2.0, -1.0])),
            ("one", "F32", &[], floats(&[4.0])),
        ]),
    )
}

fn reduce(arguments: &[&str]) -> Run {
    run(&[&["eval", "reduce"], arguments].concat())
}

/// Evaluates with further arguments, separated by spaces, on both CPU engines.
#[track_caller]
fn on_both(file: &str, arguments: &str, check: impl Fn(&Value)) {
    on_both_of("reduce", file, arguments, check);
}

/// Compares a list of numbers; what is not finite is a string in JSON.
#[track_caller]
pub fn holds(found: &Value, expected: &[f64]) {
    let list = found.as_array().unwrap_or_else(|| panic!("{found} is no list"));
    assert_eq!(list.len(), expected.len(), "{found}");
    for (found, expected) in list.iter().zip(expected) {
        if expected.is_nan() {
            assert_eq!(found, "NaN");
        } else if expected.is_infinite() {
            assert_eq!(found, if *expected > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            close(found, *expected);
        }
    }
}

/// Compares the values of an array of a file.
#[track_caller]
pub fn contains(array: &Array, name: &str, shape: &[usize], expected: &[f32]) {
    assert_eq!((array.name.as_str(), array.shape.as_slice()), (name, shape));
    assert_eq!(array.values.len(), expected.len(), "{name}");
    for (found, expected) in array.values.iter().zip(expected) {
        let is_close = (found - expected).abs() <= 2e-6 * expected.abs().max(1.0);
        assert!(is_close || (found.is_nan() && expected.is_nan()), "{name}: {found}, {expected}");
    }
}
