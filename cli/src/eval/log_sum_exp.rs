//! `eval log-sum-exp`.

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::{LogSumExp, Upstream};

use super::common::{Common, GradientReport, Run, like_logits, pending};
use super::rows::Rows;
use super::source::Source;
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
    let LogSumExpOptions { file, gradient, common } = options;
    let source = Source::open(file)?;
    let matrix = source.logits(common)?;
    let logits = matrix.logits()?;
    let pending = pending(common)?;
    let request =
        LogSumExp { gradient_element: gradient.gradient_element.map(|element| element.library()) };
    let run = Run::new(common, adapter, logits, |engine| {
        if gradient.gradient {
            let upstream = Upstream::Scalar(gradient.upstream);
            engine.log_sum_exp_with_gradient(logits, upstream, &request)
        } else {
            engine.log_sum_exp(logits, &request)
        }
    })?;

    let result = &run.result;
    let log_sum_exp = Rows::Numbers(&result.log_sum_exp);
    if let Some(pending) = pending {
        let mut arrays = vec![log_sum_exp.array("log_sum_exp", &matrix.layout.of_rows())];
        arrays.extend(result.gradient.iter().map(|it| like_logits("gradient", it, &matrix)));
        pending.write(arrays)?;
    }
    let others = [result.gradient.as_ref().map(|it| it.values())];
    let report = Report {
        common: Common::new("log-sum-exp", file, &matrix, common, &run, &others),
        gradient: GradientReport::new(gradient.upstream, result.gradient.as_ref()),
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
