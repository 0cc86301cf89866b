//! All that a run measured, as JSON and as CSV.

use std::env;
use std::io;
use std::time::SystemTime;

use serde::Serialize;

use super::calls::Call;
use super::ceiling::Ceilings;
use super::entry::Entry;
use super::host_ceiling;
use crate::device::Description;

/// A run.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Of the program.
    version: &'static str,
    /// What was typed.
    command: String,
    /// When, in UTC.
    date: String,
    /// Whether `--quick` was given.
    quick: bool,
    /// The adapter's name.
    pub adapter: Option<String>,
    backend: Option<String>,
    driver: Option<String>,
    device_type: Option<&'static str>,
    /// The adapter's.
    pub ceilings: Option<Ceilings>,
    /// What ran `cpu::Fast`.
    pub host: Host,
    /// Single calls on small batches.
    pub small_calls: Vec<Call>,
    /// Every operation on every shape.
    pub results: Vec<Entry>,
}

/// The CPU.
#[derive(Debug, Serialize)]
pub struct Host {
    /// Threads that the ceilings were measured with.
    pub threads: usize,
    last_level_cache_bytes: Option<u64>,
    /// What plain loops move.
    pub ceilings: Option<Ceilings>,
}

impl Document {
    /// Without results yet.
    pub fn new(description: Option<&Description>, quick: bool) -> Self {
        let words = env::args_os().skip(1);
        let words = words.map(|word| quoted(&word.to_string_lossy()));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: ["wgpu-loss".to_owned()]
                .into_iter()
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            quick,
            adapter: description.map(|it| it.name.clone()),
            backend: description.map(|it| it.backend.clone()),
            driver: description.map(|it| it.driver.clone()),
            device_type: description.map(|it| it.device_type),
            ceilings: None,
            host: Host {
                threads: host_ceiling::threads(),
                last_level_cache_bytes: host_ceiling::last_level_cache(),
                ceilings: None,
            },
            small_calls: Vec::new(),
            results: Vec::new(),
        }
    }

    /// The results, a line each.
    pub fn csv(&self) -> io::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for entry in &self.results {
            writer.serialize(entry)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_=+:,./@%\\".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
