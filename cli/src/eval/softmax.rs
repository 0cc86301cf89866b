//! `eval softmax` and `eval log-softmax`.

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::{Softmax, Values};

use super::common::{Common, Run, like_logits, pending};
use super::role::Role;
use super::rows::Range;
use super::source::{Named, Source};
use crate::arguments::SoftmaxOptions;
use crate::failure::Result;
use crate::output::{Number, Output};

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    gradient: bool,
    result_element: &'static str,
    smallest: Option<Number>,
    largest: Option<Number>,
    nan: usize,
}

/// Evaluates and prints.
pub fn run(
    adapter: Option<&str>,
    log: bool,
    options: &SoftmaxOptions,
    out: &mut Output,
) -> Result<ExitCode> {
    let common = &options.common;
    let source = Source::open(&options.file, "LOGITS")?;
    let matrix = source.logits(common)?;
    let logits = matrix.logits()?;
    let (what, name) = ("upstream gradient", options.upstream_tensor.as_deref());
    let upstream_named = match options.upstream_file.as_deref() {
        Some(path) => Some(Named::of_path(&source, path, name, what)?),
        None => {
            let given = options.upstream.as_deref().or(name);
            Named::find_any(&source, given, what, "--upstream")?
        }
    };
    let layout = &matrix.layout;
    let upstream_matrix = upstream_named
        .as_ref()
        .map(|named| named.operand(Role::Upstream(layout))?.matrix(layout.class_axis as i64))
        .transpose()?;
    let upstream = upstream_matrix.as_ref().map(|it| it.logits()).transpose()?;
    let pending = pending(common)?;
    let request = Softmax { log, element: options.element.map(|element| element.library()) };
    let run = Run::new(common, adapter, logits, |engine| match upstream {
        Some(upstream) => engine.softmax_gradient(logits, upstream, &request),
        None => engine.softmax(logits, &request),
    })?;

    let (operation, name) =
        if log { ("log-softmax", "log_softmax") } else { ("softmax", "softmax") };
    let name = if upstream.is_some() { "gradient" } else { name };
    if let Some(pending) = pending {
        pending.write(vec![like_logits(name, &run.result, &matrix)])?;
    }
    let values = run.result.values();
    let range = range(values);
    let others = [Some(values), upstream.map(|it| it.values())];
    let report = Report {
        common: Common::new(operation, &source, &matrix, common, &run, &others),
        gradient: upstream.is_some(),
        result_element: values.element().name(),
        smallest: range.ends.map(|(least, _)| Number::single(least)),
        largest: range.ends.map(|(_, most)| Number::single(most)),
        nan: range.nan,
    };
    if common.json {
        out.json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    report.common.print_head(out)?;
    let label = if upstream.is_some() { "gradient" } else { operation };
    out.field(label, format_args!("{range}, {}", report.result_element))?;
    report.common.print_tail(out)?;
    Ok(ExitCode::SUCCESS)
}

fn range(values: Values<'_>) -> Range {
    Range::of((0..values.len()).filter_map(|index| values.get(index)))
}
