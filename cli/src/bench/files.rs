//! Where the results go beside the terminal.

use std::path::Path;

use super::document::Document;
use super::picture;
use crate::arguments::BenchOptions;
use crate::failure::{Failure, Result};
use crate::pending::Pending;

/// A form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Everything.
    Json,
    /// The results.
    Csv,
    /// The losses.
    Svg,
}

/// What is written once everything is measured.
#[derive(Default)]
pub struct Files {
    files: Vec<(Form, Pending)>,
}

impl Files {
    /// Begins the files that the options name.
    pub fn new(options: &BenchOptions) -> Result<Self> {
        let mut files = Self::default();
        let BenchOptions { json, csv, svg, .. } = options;
        for (form, path) in [(Form::Json, json), (Form::Csv, csv), (Form::Svg, svg)] {
            if let Some(path) = path {
                files.add(form, path)?;
            }
        }
        Ok(files)
    }

    /// Begins one more, which replaces none of the others.
    pub fn add(&mut self, form: Form, path: &Path) -> Result<()> {
        let pending = Pending::create(path)?;
        if pending.takes_stdout() && self.take_stdout() {
            let message = "standard output takes one of --json, --csv and --svg";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.files.iter().any(|(_, other)| other.is_same_file(&pending)) {
            return Err(Failure::Usage(format!(
                "{}: expected a file for each of --json, --csv and --svg, found one for two",
                path.display()
            )));
        }
        self.files.push((form, pending));
        Ok(())
    }

    /// Whether standard output is for one of them, and not for tables.
    pub fn take_stdout(&self) -> bool {
        self.files.iter().any(|(_, file)| file.takes_stdout())
    }

    /// Whether there is anything to measure for once nobody reads standard output.
    pub fn are_wanted(&self) -> bool {
        self.files.iter().any(|(_, file)| !file.takes_stdout())
    }

    /// Whether the losses are drawn.
    pub fn have_a_picture(&self) -> bool {
        self.files.iter().any(|(form, _)| *form == Form::Svg)
    }

    /// Writes all of them.
    pub fn write(self, document: &Document) -> Result<()> {
        for (form, file) in self.files {
            let text = text(form, document)?;
            file.fill(|to| to.write_all(text.as_bytes()))?;
        }
        Ok(())
    }
}

fn text(form: Form, document: &Document) -> Result<String> {
    Ok(match form {
        Form::Json => serde_json::to_string_pretty(document)? + "\n",
        Form::Csv => document.csv()?,
        Form::Svg => picture::draw(document)?,
    })
}
