//! All that a run measured, as JSON and as CSV.

use std::env;
use std::ffi::OsStr;
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
        let words = words.map(|word| quoted(&word));
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

/// A word as a shell reads it; bash's escapes where it is no text.
fn quoted(word: &OsStr) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_=+:,./@%\\".contains(letter);
    match word.to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        Some(word) => format!("'{}'", word.replace('\'', r"'\''")),
        None => {
            let bytes = word.as_encoded_bytes().iter();
            let escaped = bytes.map(|byte| match byte {
                b'\'' | b'\\' | ..b' ' | 0x7f.. => format!(r"\x{byte:02x}"),
                plain => char::from(*plain).to_string(),
            });
            format!("$'{}'", escaped.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        let cases = [("a.csv", "a.csv"), ("", "''"), ("it's", r"'it'\''s'"), ("é b", "'é b'")];
        for (word, expected) in cases {
            assert_eq!(quoted(word.as_ref()), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn words_that_are_no_text_are_escaped() {
        use std::os::unix::ffi::OsStrExt as _;
        let word = std::ffi::OsStr::from_bytes(b"a\xff'1 \\");
        assert_eq!(quoted(word), r"$'a\xff\x271 \x5c'");
    }
}
