//! `tune`: which geometries are the fastest on this adapter, and by how much.

mod batch;
mod candidates;
mod duel;
mod list;
mod report;
mod search;
mod session;
mod table;

use std::process::ExitCode;

use wgpu_loss::plan::{Tuning, TuningFile};

use crate::arguments::{TuneOptions, TuneTable};
use crate::device::{self, Description};
use crate::failure::{Failure, Result};
use crate::output::{self, Output};
use crate::pending::Pending;
use crate::tuning;
use batch::Size;
use list::{List, MOST_CLASSES, bands};
use report::Report;
use search::Effort;
use session::{Extent, Session};
use table::merged;

impl TuneTable {
    fn list(self) -> List {
        match self {
            Self::Entries => List::Entries,
            Self::FromState => List::FromState,
            Self::Strided => List::Strided,
        }
    }
}

/// Measures, prints, and writes the file.
pub fn run(adapter: Option<&str>, options: &TuneOptions, out: &mut Output) -> Result<ExitCode> {
    let gpu = device::open(adapter)?;
    let capabilities = *gpu.kernels().capabilities();
    let built_in = gpu.kernels().tuning().clone();
    let path = match &options.out {
        Some(path) => path.clone(),
        None => tuning::place(&gpu.adapter_info())?,
    };
    // A file that cannot be written is refused before minutes are spent.
    tuning::make_folder(&path)?;
    let pending = Pending::create(&path)?;
    out.give_way_to(Some(&path));

    let quick = options.quick;
    let extent = Extent {
        search: match quick {
            true => Effort { explored: 1, steps: 1, looks: 2, finalists: 3, runs: 4 },
            false => Effort { explored: 2, steps: 1, looks: 3, finalists: 4, runs: 7 },
        },
        turns: if quick { 9 } else { 15 },
        size: Size::of(capabilities.class, quick),
    };
    let lists: Vec<List> = match options.tables.as_slice() {
        [] => List::ALL.to_vec(),
        tables => tables.iter().map(|table| table.list()).collect(),
    };
    let bar = output::progress("tuning");
    let mut session = Session::new(&gpu, extent, bar.clone())?;
    let mut tuned = built_in.clone();
    let mut outcomes = Vec::new();
    for list in lists {
        let grid = grid(list, &built_in, options)?;
        let mut winners = Vec::new();
        for band in bands(list.of(&built_in), &grid) {
            let outcome = session.band(list, band)?;
            winners.extend(outcome.winner);
            outcomes.push(outcome);
        }
        tuned = list.replaced(&tuned, merged(list, &capabilities, &built_in, &winners));
    }
    bar.finish_and_clear();
    for left_out in &session.left_out {
        output::note(format_args!(
            "left out {} for {} classes: {}",
            left_out.candidate, left_out.classes, left_out.reason
        ));
    }
    let json = TuningFile::new(&gpu.adapter_info(), &capabilities, tuned).to_json()?;
    pending.fill(|to| to.write_all(json.as_bytes()))?;
    let report = Report {
        description: &Description::of_gpu(&gpu),
        timer: session.timer_name(),
        file: &path,
        left_out: &session.left_out,
        outcomes: &outcomes,
    };
    if options.json {
        report.json(out)?
    } else {
        report.print(out)?
    }
    Ok(ExitCode::SUCCESS)
}

/// The numbers of classes to measure at, ascending.
fn grid(list: List, built_in: &Tuning, options: &TuneOptions) -> Result<Vec<u64>> {
    if options.classes.is_empty() {
        return Ok(list.grid(built_in, options.quick));
    }
    let mut grid = options.classes.clone();
    if let Some(classes) = grid.iter().find(|classes| !(1..=MOST_CLASSES).contains(*classes)) {
        let message = format!("--classes: expected 1 to {MOST_CLASSES}, found {classes}");
        return Err(Failure::Usage(message));
    }
    grid.sort_unstable();
    grid.dedup();
    Ok(grid)
}
