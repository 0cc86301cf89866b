//! `verify`: an engine against the double-precision oracle.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use wgpu_loss::{Engine, cpu};
use wgpu_loss_verify::{Extent, Report, verify};

use crate::arguments::{VerifyDevice, VerifyOptions};
use crate::device::{self, Description};
use crate::failure::Result;
use crate::output::{self, Number, Output};

/// Failures printed before the rest is only counted.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct Json<'a> {
    adapter: Option<&'a str>,
    backend: Option<&'a str>,
    driver: Option<&'a str>,
    engine: String,
    extent: &'static str,
    checked: usize,
    failed: usize,
    worst_relative_error: Number,
    worst_case: &'a str,
    digest: String,
    seconds: f64,
    failures: Vec<JsonFailure<'a>>,
}

#[derive(Serialize)]
struct JsonFailure<'a> {
    case: &'a str,
    message: &'a str,
}

/// Verifies and prints; exit code 1 if a case failed, or if the GPU was asked for and is missing.
pub fn run(adapter: Option<&str>, options: &VerifyOptions, out: &mut Output) -> Result<ExitCode> {
    let extent = match (options.full, options.broad) {
        (true, _) => Extent::Full,
        (false, true) => Extent::Broad,
        (false, false) => Extent::Quick,
    };
    let mut missing = false;
    let gpu = match options.device {
        VerifyDevice::Cpu => None,
        VerifyDevice::Gpu => match device::find(adapter)? {
            Ok(gpu) => Some(gpu),
            Err(error) => {
                output::note(error);
                output::note("no kernel was verified; verifying cpu::Fast instead");
                missing = true;
                None
            }
        },
    };
    let engine: &dyn Engine = match &gpu {
        Some(gpu) => gpu,
        None => &cpu::Fast,
    };
    let (report, elapsed) = check(engine, extent)?;
    let description = gpu.as_ref().map(Description::of_gpu);
    if options.json {
        let json = json(engine, description.as_ref(), extent, &report, elapsed)?;
        out.write_all(json.as_bytes())?;
    } else {
        out.line(console::style(output::shorten(&engine.name(), output::WIDTH)).bold())?;
        summary(&report, elapsed, out)?;
    }
    let good = report.failed == 0 && !missing;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report as JSON.
pub fn json(
    engine: &dyn Engine,
    description: Option<&Description>,
    extent: Extent,
    report: &Report,
    elapsed: Duration,
) -> Result<String> {
    let failures = report
        .failures
        .iter()
        .map(|failure| JsonFailure { case: &failure.case, message: &failure.message });
    let json = Json {
        adapter: description.map(|it| it.name.as_str()),
        backend: description.map(|it| it.backend.as_str()),
        driver: description.map(|it| it.driver.as_str()),
        engine: engine.name(),
        extent: match extent {
            Extent::Full => "full",
            Extent::Broad => "broad",
            Extent::Quick => "quick",
        },
        checked: report.checked,
        failed: report.failed,
        worst_relative_error: Number(report.worst_relative_error),
        worst_case: &report.worst_case,
        digest: report.digest.to_string(),
        seconds: elapsed.as_secs_f64(),
        failures: failures.collect(),
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

/// Verifies with a progress bar.
pub fn check(engine: &dyn Engine, extent: Extent) -> Result<(Report, Duration)> {
    let start = Instant::now();
    let bar = output::progress("verifying");
    let report = verify(engine, extent, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok((report?, start.elapsed()))
}

/// The counts, the worst error and the cases that failed.
pub fn summary(report: &Report, elapsed: Duration, out: &mut Output) -> Result<()> {
    let verdict = match report.failed {
        0 => output::verdict(true, "all passed"),
        failed => output::verdict(false, &format!("{failed} failed")),
    };
    out.field("checked", format_args!("{} cases, {verdict}", report.checked))?;
    out.field("worst relative error", format_args!("{:.2e}", report.worst_relative_error))?;
    if !report.worst_case.is_empty() {
        out.field("seen in", output::shorten(&report.worst_case, 57))?;
    }
    out.field("digest", report.digest)?;
    out.field("seconds", format_args!("{:.1}", elapsed.as_secs_f64()))?;
    for failure in report.failures.iter().take(SHOWN) {
        out.line(format_args!("  {} {}", output::verdict(false, "failed"), failure.case))?;
        out.line(format_args!("         {}", failure.message))?;
    }
    if report.failures.len() > SHOWN {
        out.line(format_args!("  ... and {} more", report.failures.len() - SHOWN))?;
    }
    Ok(())
}
