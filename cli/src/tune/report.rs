//! What `tune` says.

use std::path::Path;

use serde::Serialize;

use super::duel::Duel;
use super::list::List;
use super::session::{LeftOut, Outcome};
use crate::device::Description;
use crate::failure::Result;
use crate::output::{self, Output, exact, three};

/// Everything to say.
pub struct Report<'a> {
    /// The adapter.
    pub description: &'a Description,
    /// The clock.
    pub timer: &'static str,
    /// The file that was written.
    pub file: &'a Path,
    /// Candidates that could not be chosen.
    pub left_out: &'a [LeftOut],
    /// Each band.
    pub outcomes: &'a [Outcome],
}

#[derive(Serialize)]
struct Json<'a> {
    adapter: &'a str,
    backend: &'a str,
    driver: &'a str,
    device_type: &'a str,
    timer: &'a str,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<&'a [u8]>,
    left_out: &'a [LeftOut],
    results: &'a [Outcome],
}

impl Report<'_> {
    /// For programs.
    pub fn json(&self, out: &mut Output) -> Result<()> {
        out.json(&Json {
            adapter: &self.description.name,
            backend: &self.description.backend,
            driver: &self.description.driver,
            device_type: self.description.device_type,
            timer: self.timer,
            file: self.file.display().to_string(),
            file_bytes: exact(self.file),
            left_out: self.left_out,
            results: self.outcomes,
        })
    }

    /// For people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        out.line(console::style(output::shorten(&self.description.name, output::WIDTH)).bold())?;
        out.field("driver", output::shorten(&self.description.driver, 57))?;
        out.field("timer", self.timer)?;
        for list in List::ALL {
            let outcomes: Vec<_> = self.outcomes.iter().filter(|it| it.table == list).collect();
            if outcomes.is_empty() {
                continue;
            }
            out.heading(list.name())?;
            let mut table = output::table(&["classes", "choice", "geometry", "ms", "gain"], 3);
            for outcome in outcomes {
                rows(outcome).into_iter().for_each(|row| {
                    table.add_row(row);
                });
            }
            out.table(&table)?;
        }
        let chosen = self.outcomes.iter().filter(|outcome| outcome.is_chosen).count();
        let bands = self.outcomes.len();
        out.line(format_args!("\n  {chosen} of {bands} bands of classes gain; the others keep"))?;
        out.line("  the built-in choice. ms: all passes of the largest number of classes; gain:")?;
        out.line("  built-in time over chosen time, the geometric mean of the passes")?;
        out.line(format_args!("  written: {}", self.file.display()))
    }
}

/// The built-in choice and, where there is one, the challenger.
fn rows(outcome: &Outcome) -> Vec<Vec<String>> {
    let classes = format!("{} to {}", outcome.band.from_classes, outcome.band.up_to_classes);
    let sum = |of: &dyn Fn(&super::duel::PassDuel) -> f64| {
        let total = |duel: &Duel| three(duel.passes.iter().map(of).sum());
        outcome.duel.as_ref().map_or("-".to_owned(), total)
    };
    let built_in = sum(&|pass| pass.built_in_milliseconds);
    let mut rows = vec![vec![
        classes,
        "built-in".to_owned(),
        outcome.built_in.clone(),
        built_in,
        String::new(),
    ]];
    if let (Some(challenger), Some(duel)) = (&outcome.challenger, &outcome.duel) {
        let milliseconds = sum(&|pass| pass.milliseconds);
        let verdict = if outcome.is_chosen { "chosen" } else { "no gain" };
        let gain = format!("{:.2}", 1.0 / duel.ratio());
        rows.push(vec![String::new(), verdict.to_owned(), challenger.clone(), milliseconds, gain]);
    }
    rows
}
