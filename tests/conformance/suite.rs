//! Suites: a manifest and its tensors, from the folder of this test and from any other folder that
//! the environment names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;

use super::generate::generate;
use super::tensor::Tensor;

/// Names a folder of further suites.
const MORE_SUITES: &str = "WGPU_LOSS_CONFORMANCE";

/// One manifest with its tensors.
pub struct Suite {
    pub name: String,
    /// Whether it comes with this test.
    pub own: bool,
    manifest: Value,
    tensors: Vec<u8>,
}

/// One case of a suite.
pub struct Case<'a> {
    pub suite: &'a str,
    pub own: bool,
    pub name: &'a str,
    raw: &'a Value,
    tensors: &'a SafeTensors<'a>,
}

/// Every suite of the test's own folder, and of the folder that the environment names.
pub fn suites() -> Vec<Suite> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/suites");
    let more = std::env::var_os(MORE_SUITES).map(PathBuf::from);
    let folders = [Some((own, true)), more.map(|folder| (folder, false))];
    let load = |(folder, own): (PathBuf, bool)| {
        in_folder(&folder, own).unwrap_or_else(|problem| panic!("{}: {problem}", folder.display()))
    };
    folders.into_iter().flatten().flat_map(load).collect()
}

/// Every suite of a folder; a folder without any is a mistake.
fn in_folder(folder: &Path, own: bool) -> Result<Vec<Suite>, String> {
    let mut manifests = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            manifests.push(path);
        }
    }
    manifests.sort();
    if manifests.is_empty() {
        return Err("no suites".into());
    }
    manifests.iter().map(|path| Suite::load(path, own)).collect()
}

impl Suite {
    fn load(path: &Path, own: bool) -> Result<Self, String> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let in_suite = |problem: &dyn ToString| format!("{name}: {}", problem.to_string());
        let text = fs::read_to_string(path).map_err(|error| in_suite(&error))?;
        let manifest: Value =
            serde_json::from_str(&quoted(&text)).map_err(|error| in_suite(&error))?;
        let file = manifest["file"].as_str().ok_or_else(|| in_suite(&"without a file"))?;
        let tensors = fs::read(path.with_file_name(file)).map_err(|error| in_suite(&error))?;
        Ok(Self { name, own, manifest, tensors })
    }

    /// Every case, as the manifest has it.
    fn raw_cases(&self) -> &[Value] {
        self.manifest["cases"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Cases of an operation.
    pub fn count(&self, op: &str) -> usize {
        self.raw_cases().iter().filter(|case| case["op"] == op).count()
    }

    /// Calls a function with each case of an operation.
    pub fn for_each(&self, op: &str, mut with: impl FnMut(&Case<'_>)) {
        let tensors = SafeTensors::deserialize(&self.tensors);
        let tensors = tensors.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for raw in self.raw_cases().iter().filter(|case| case["op"] == op) {
            let name = raw["name"].as_str().unwrap_or("a case without a name");
            with(&Case { suite: &self.name, own: self.own, name, raw, tensors: &tensors });
        }
    }
}

impl Case<'_> {
    /// A tensor, stored or generated.
    fn tensor(&self, value: &Value) -> Result<Tensor, String> {
        if let Some(spec) = value.get("gen") {
            return generate(spec);
        }
        let key = value.as_str().ok_or_else(|| format!("{value} is no tensor"))?;
        let view = self.tensors.tensor(key).map_err(|error| format!("{key}: {error}"))?;
        Tensor::read(&view)
    }

    /// One of the inputs, where the case has it.
    pub fn input(&self, name: &str) -> Result<Option<Tensor>, String> {
        self.raw["inputs"].get(name).map(|value| self.tensor(value)).transpose()
    }

    /// The names of all inputs.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.raw["inputs"]
            .as_object()
            .into_iter()
            .flat_map(|inputs| inputs.keys().map(String::as_str))
    }

    /// A group of tensors by name, such as `expected`; empty where the case has none.
    pub fn tensors(&self, group: &str) -> Result<BTreeMap<String, Tensor>, String> {
        let tensors = self.raw[group].as_object().into_iter().flatten();
        tensors.map(|(name, value)| Ok((name.clone(), self.tensor(value)?))).collect()
    }

    /// Any other field.
    pub fn field(&self, name: &str) -> &Value {
        &self.raw[name]
    }

    /// A parameter; null where the case has none of that name.
    pub fn parameter(&self, name: &str) -> &Value {
        &self.raw["params"][name]
    }

    /// Whether the manifest gives a parameter, be it null.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.raw["params"].get(name).is_some()
    }

    /// A number among the parameters, or what it is where it is not given.
    pub fn number_or(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.parameter(name) {
            Value::Null => Ok(default),
            value => number(value).map(|x| x as f32).ok_or_else(|| format!("{name}: {value}")),
        }
    }

    /// Whether the call has to be refused.
    pub fn must_be_refused(&self) -> bool {
        !matches!(self.raw["expect_error"], Value::Null | Value::Bool(false))
    }
}

/// A number of a manifest. JSON has no infinities and NaN; see [`quoted`].
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Python's JSON writes NaN and infinities as bare words: the same text with quotes around them.
fn quoted(text: &str) -> String {
    const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let mut result = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(next) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(**word));
        let length = match (word, next) {
            (Some(word), _) => {
                result.extend(["\"", word, "\""]);
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, _) => next.len_utf8(),
        };
        in_string ^= next == '"';
        result.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_become_numbers() {
        let text = r#"[NaN, -Infinity, 1.5, "a \" NaN", Infinity]"#;
        let value: Value = serde_json::from_str(&quoted(text)).expect("JSON");
        assert!(number(&value[0]).is_some_and(f64::is_nan));
        assert_eq!(number(&value[1]), Some(f64::NEG_INFINITY));
        assert_eq!(number(&value[2]), Some(1.5));
        assert_eq!(value[3], "a \" NaN");
        assert_eq!(number(&value[4]), Some(f64::INFINITY));
    }
}
