//! Where the results go beside the terminal.

use std::io::Write as _;
use std::path::Path;

use super::document::Document;
use super::picture;
use crate::arguments::BenchOptions;
use crate::failure::{Failure, Result};
use crate::output::Output;
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
    stdout: Option<Form>,
}

impl Files {
    /// Begins the files that the options name.
    pub fn new(options: &BenchOptions) -> Result<Self> {
        let mut files = Self::default();
        let BenchOptions { json, csv, svg, .. } = options;
        for (form, path) in [(Form::Json, json), (Form::Csv, csv), (Form::Svg, svg)] {
            let Some(path) = path else { continue };
            if path == Path::new("-") {
                if files.stdout.replace(form).is_some() {
                    let message = "standard output takes one of --json, --csv and --svg";
                    return Err(Failure::Usage(message.to_owned()));
                }
            } else {
                files.add(form, path)?;
            }
        }
        Ok(files)
    }

    /// Begins one more.
    pub fn add(&mut self, form: Form, path: &Path) -> Result<()> {
        self.files.push((form, Pending::create(path)?));
        Ok(())
    }

    /// Whether standard output is for one of them, and not for tables.
    pub fn take_stdout(&self) -> bool {
        self.stdout.is_some()
    }

    /// Whether there is anything to measure for once nobody reads standard output.
    pub fn are_wanted(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether the losses are drawn.
    pub fn have_a_picture(&self) -> bool {
        let forms = self.files.iter().map(|(form, _)| *form);
        forms.chain(self.stdout).any(|form| form == Form::Svg)
    }

    /// Writes all of them.
    pub fn write(self, document: &Document, out: &mut Output) -> Result<()> {
        for (form, file) in self.files {
            let text = text(form, document)?;
            file.fill(|file| file.write_all(text.as_bytes()))?;
        }
        if let Some(form) = self.stdout {
            out.write_all(text(form, document)?.as_bytes())?;
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
