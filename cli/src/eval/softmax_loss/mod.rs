//! `eval` of softmax focal loss and of divergences of logits.

mod against;
mod report;

use std::process::ExitCode;

use wgpu_loss::SoftmaxLoss;

use super::common::{Run, pending};
use super::source::Source;
use crate::arguments::{AskedAgainst, AskedSoftmaxLoss, ReductionOption, SoftmaxLossOperation};
use crate::eval::upstream::{FileUpstream, GivenUpstream};
use crate::failure::Result;
use crate::output::Output;
use against::{AgainstFiles, FileAgainst};
use report::{Report, arrays};

/// Evaluates and prints.
pub fn run(
    adapter: Option<&str>,
    operation: &SoftmaxLossOperation,
    out: &mut Output,
) -> Result<ExitCode> {
    let asked = operation.asked();
    let (options, common) = (asked.options, &asked.options.common);
    let source = Source::open(&options.file, "LOGITS")?;
    let matrix = source.logits(common)?;
    let files = AgainstFiles::open(&asked.against, &source)?;
    let file_against = FileAgainst::read(&files, &matrix.layout)?;
    let given_upstream = GivenUpstream::find(&source, &options.upstream)?;
    let file_upstream = match options.reduction {
        ReductionOption::None => given_upstream.read(&matrix.layout.of_rows())?,
        _ => FileUpstream::One(given_upstream.read_one()?),
    };

    let (logits, against) = (matrix.logits()?, file_against.library()?);
    let (upstream, request) = (file_upstream.library(), request(&asked));
    let pending = pending(common)?;
    let run = Run::new(common, adapter, logits, |engine| match options.gradient {
        true => engine.softmax_loss_with_gradient(logits, against, upstream, &request),
        false => engine.softmax_loss(logits, against, &request),
    })?;

    if let Some(pending) = pending {
        pending.write(arrays(&run.result, &matrix))?;
    }
    let report = Report::new(&asked, &source, &matrix, &against, &run);
    if common.json {
        out.json(&report)?;
    } else {
        report.print(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the options ask of the library.
pub fn request(asked: &AskedSoftmaxLoss<'_>) -> SoftmaxLoss {
    let options = asked.options;
    let general = SoftmaxLoss {
        temperature: options.temperature,
        reduction: options.reduction.library(),
        mode: options.mode.library(),
        rows: options.rows || options.common.out.is_some(),
        gradient_element: options.gradient_element.map(|element| element.library()),
        ..SoftmaxLoss::new(asked.function)
    };
    match asked.against {
        AskedAgainst::Targets(focal) => SoftmaxLoss {
            ignore_index: focal.ignore_index.0,
            label_smoothing: focal.label_smoothing,
            ..general
        },
        AskedAgainst::Teacher(_) => general,
    }
}
