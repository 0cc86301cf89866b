//! What the program prints: results on standard output, notes, errors and progress on standard
//! error.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use console::{Style, style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Serialize, Serializer};

use crate::failure::Result;
use crate::place;

/// Columns that every table and line fits in.
pub const WIDTH: usize = 80;

/// Standard output, or standard error where that one is for data. A reader may close it early, as
/// `head` does: what follows is dropped.
pub struct Output {
    to: Box<dyn Write>,
    closed: bool,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self { to: Box::new(io::stdout()), closed: false }
    }

    /// Standard error from now on, where standard output is for these results.
    pub fn give_way_to(&mut self, results: Option<&Path>) {
        if results.is_some_and(place::is_stdout) {
            self.to = Box::new(io::stderr());
        }
    }

    /// Whether nobody reads any more, so that long work may stop.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// A title with a blank line before it.
    pub fn heading(&mut self, text: &str) -> Result<()> {
        writeln!(self, "\n{}", style(text).bold())?;
        Ok(())
    }

    /// One line.
    pub fn line(&mut self, text: impl std::fmt::Display) -> Result<()> {
        writeln!(self, "{text}")?;
        Ok(())
    }

    /// Text broken between words, each line indented.
    pub fn paragraph(&mut self, text: &str) -> Result<()> {
        for line in wrap(text, WIDTH - 2) {
            writeln!(self, "  {line}")?;
        }
        Ok(())
    }

    /// A value with its name before it, names of one length.
    pub fn field(&mut self, name: &str, value: impl std::fmt::Display) -> Result<()> {
        writeln!(self, "  {name:<20} {value}")?;
        Ok(())
    }

    /// A table.
    pub fn table(&mut self, table: &Table) -> Result<()> {
        for line in table.lines() {
            writeln!(self, " {}", line.trim_end())?;
        }
        Ok(())
    }

    /// A value as indented JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(text)
    }

    fn forgive<T>(&mut self, result: io::Result<T>, dropped: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(dropped)
            }
            result => result,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.to.write(bytes);
        self.forgive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.to.flush();
        self.forgive(result, ())
    }
}

/// Something worth knowing that is not a result.
pub fn note(text: impl std::fmt::Display) {
    stderr_line(format_args!("{} {text}", Style::new().for_stderr().yellow().apply_to("note:")));
}

/// Why the program ends.
pub fn error(text: impl std::fmt::Display) {
    // Drivers and shader compilers answer in several lines.
    let text = text.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    stderr_line(format_args!(
        "{} {text}",
        Style::new().for_stderr().red().bold().apply_to("error:")
    ));
}

fn stderr_line(line: std::fmt::Arguments<'_>) {
    // `eprintln!` panics where standard error is closed, and there is nowhere left to say so.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Progress on standard error, drawn only where that is a terminal.
pub fn progress(what: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Progress through so many bytes, with the rate and the time that is left; the same otherwise.
pub fn progress_of_bytes(what: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    let template = "{msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A sign of life on standard error while something of unknown length runs.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    if !bar.is_hidden() {
        let turning = bar.downgrade();
        let turn = move || {
            while let Some(bar) = turning.upgrade().filter(|bar| !bar.is_finished()) {
                bar.tick();
                thread::sleep(Duration::from_millis(100));
            }
        };
        // The bar's own way of turning panics where there is no thread for it. It stands still then.
        let _ = thread::Builder::new().name("spinner".to_owned()).spawn(turn);
    }
    bar
}

/// A table with a line below its header; the first `left` columns are aligned to the left, the
/// numbers behind them to the right.
pub fn table(header: &[&str], left: usize) -> Table {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table
        .load_style(TableStyle::new().header_separator(line))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.to_vec());
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Good in green, bad in red, where colours are wanted.
pub fn verdict(good: bool, text: &str) -> String {
    if good { style(text).green().to_string() } else { style(text).red().bold().to_string() }
}

/// Bytes in binary units: `128 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut value = count as f64;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract() == 0.0 || unit == 0 {
        format!("{value} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A number with about three digits.
pub fn three(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "-".to_owned()
    } else if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// Text of at most `width` characters, with `...` where some were left off.
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        let kept: String = text.chars().take(width.saturating_sub(3)).collect();
        format!("{kept}...")
    }
}

/// Lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A file's name as the system has it, for JSON beside the text, where that is not the name: it is
/// no UTF-8.
pub fn exact(path: &Path) -> Option<&[u8]> {
    let name = path.as_os_str();
    name.to_str().is_none().then_some(name.as_encoded_bytes())
}

/// A number whose JSON form exists for every value: what JSON lacks becomes the strings that
/// JavaScript, Python and protobuf read back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Number {
    /// The shortest decimal that reads back as this `f32`.
    pub fn single(value: f32) -> Self {
        // Widened as it stands, 0.1f32 would print as 0.10000000149011612.
        Self(value.to_string().parse().unwrap_or(f64::from(value)))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_binary_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(134_217_728), "128 MiB");
        assert_eq!(bytes(1_500), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
    }

    #[test]
    fn every_number_has_a_json_form() {
        let values = [Number::single(0.1), Number(f64::NAN), Number(f64::NEG_INFINITY)];
        let text = serde_json::to_string(&values);
        assert_eq!(text.ok().as_deref(), Some(r#"[0.1,"NaN","-Infinity"]"#));
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two  three four", 9), ["one two", "three", "four"]);
        assert!(wrap("", 9).is_empty());
    }

    #[test]
    fn long_text_is_shortened_by_characters() {
        assert_eq!(shorten("µµµµµ", 4), "µ...");
        assert_eq!(shorten("short", 5), "short");
    }
}
