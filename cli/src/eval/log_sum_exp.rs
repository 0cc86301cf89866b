//! `eval log-sum-exp`.

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::{Element, LogSumExp};

use super::common::{Common, GradientReport, Run};
use super::gradient::{log_sum_exp, of_file};
use super::parts::{self, Parts};
use super::rows::Rows;
use super::write::{Destination, Planned};
use crate::arguments::LogSumExpOptions;
use crate::failure::Result;
use crate::output::Output;

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(flatten)]
    gradient: GradientReport<'a>,
    log_sum_exp: Rows<'a>,
}

/// Evaluates and prints.
pub fn run(
    adapter: Option<&str>,
    options: &LogSumExpOptions,
    out: &mut Output,
) -> Result<ExitCode> {
    let LogSumExpOptions { file, and, gradient, common } = options;
    let sources = parts::open(file, and)?;
    let batch = Parts::read(&sources, common)?;
    let logits = batch.logits()?;
    let gradient_element = gradient.element(batch.element());
    let rows = Planned::floats("log_sum_exp", &batch.layout.of_rows(), Element::F32);
    let planned_gradient =
        gradient_element.map(|it| Planned::floats("gradient", &batch.layout.dimensions, it));
    let mut destination = Destination::new(common.out.as_deref(), vec![rows], planned_gradient)?;
    let request = LogSumExp { gradient_element };
    let mut memory = destination.gradient();
    let run = Run::over(common, adapter, &logits, |chosen, at| {
        let wanted = gradient_element.map(|element| {
            (gradient.upstream, element, of_file(&mut memory, &logits, element, at))
        });
        log_sum_exp(chosen, logits[at], &request, wanted)
    })?;
    let run = run.map(|parts| parts.into_iter().flat_map(|part| part.log_sum_exp).collect());

    let values: &Vec<f32> = &run.result;
    let log_sum_exp = Rows::Numbers(values);
    destination.write(vec![log_sum_exp.array("log_sum_exp", &batch.layout.of_rows())])?;
    let least =
        batch.bytes_of(batch.element()) + gradient_element.map_or(0, |it| batch.bytes_of(it));
    let files: Vec<_> = sources.iter().collect();
    let report = Report {
        common: Common::of_files("log-sum-exp", &files, &batch.layout, common, &run, least),
        gradient: GradientReport::of(gradient.upstream, gradient_element),
        log_sum_exp,
    };
    if common.json {
        out.json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    report.common.print_head(out)?;
    log_sum_exp.print("log-sum-exp", out)?;
    report.common.print_tail(out)?;
    Ok(ExitCode::SUCCESS)
}
