//! The batch that all were asked about, and what they printed.

use std::sync::OnceLock;

use serde_json::Value;

/// The batch of `inputs.json`: four rows of five classes.
pub struct Inputs {
    pub logits: Vec<f32>,
    pub probabilities: Vec<f32>,
    pub teacher: Vec<f32>,
    pub positives: Vec<f32>,
    pub labels: Vec<i64>,
    /// With a row that is ignored.
    pub padded: Vec<i64>,
    pub class_weights: Vec<f32>,
    pub row_weights: Vec<f32>,
    /// Weights of columns, of either sign.
    pub signs: Vec<f32>,
}

/// The rows of [`Inputs`].
pub const ROWS: usize = 4;
/// The classes of [`Inputs`].
pub const CLASSES: usize = 5;

/// A library's figure.
pub struct Printed {
    pub library: String,
    pub version: String,
    pub row: String,
    pub values: Vec<f64>,
}

impl Printed {
    pub fn is(&self, library: &str, row: &str) -> bool {
        self.library == library && self.row == row
    }
}

/// Read once.
pub fn inputs() -> &'static Inputs {
    static INPUTS: OnceLock<Inputs> = OnceLock::new();
    INPUTS.get_or_init(|| {
        let file: Value = serde_json::from_str(include_str!("inputs.json")).expect("JSON");
        let numbers = |name: &str| numbers(&file[name]);
        let floats = |name| numbers(name).into_iter().map(|x| x as f32).collect();
        let classes = |name| numbers(name).into_iter().map(|x| x as i64).collect();
        Inputs {
            logits: floats("logits"),
            probabilities: floats("probabilities"),
            teacher: floats("teacher"),
            positives: floats("positives"),
            labels: classes("labels"),
            padded: classes("padded"),
            class_weights: floats("class_weights"),
            row_weights: floats("row_weights"),
            signs: floats("signs"),
        }
    })
}

/// Read once.
pub fn printed() -> &'static [Printed] {
    static PRINTED: OnceLock<Vec<Printed>> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let file: Value = serde_json::from_str(include_str!("printed.json")).expect("JSON");
        let libraries = file.as_object().expect("libraries");
        let mut all = Vec::new();
        for (library, answers) in libraries {
            let version = answers["version"].as_str().expect("a version");
            for (row, value) in answers["rows"].as_object().expect("figures") {
                all.push(Printed {
                    library: library.clone(),
                    version: version.to_owned(),
                    row: row.clone(),
                    values: numbers(value),
                });
            }
        }
        all
    })
}

/// A number, or all of an array, however deep.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::String(text) if text == "NaN" => vec![f64::NAN],
        value => vec![value.as_f64().unwrap_or_else(|| panic!("a number, not {value}"))],
    }
}
