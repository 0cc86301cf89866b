//! `eval`: an operation over arrays in files.

mod mapping;
mod npy;
pub mod safetensors;
pub mod tensor;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use memmap2::Mmap;
use serde::Serialize;
use wgpu_loss::{CrossEntropy, LogSumExp, Logits, Reduction, RowOutputs, Upstream};

use crate::arguments::{
    CommonOptions, CrossEntropyOptions, EvalOptions, LogSumExpOptions, Operation,
};
use crate::device::{self, Chosen};
use crate::failure::{Failure, Result};
use crate::output::{self, Number, Output, three};
use safetensors::{Role, select};
use tensor::Tensor;
use write::{Array, Pending};

/// Evaluates and prints.
pub fn run(adapter: Option<&str>, options: &EvalOptions, out: &mut Output) -> Result<ExitCode> {
    match &options.operation {
        Operation::CrossEntropy(options) => cross_entropy(adapter, options, out),
        Operation::LogSumExp(options) => log_sum_exp(adapter, options, out),
    }
}

/// An open file of arrays.
struct Source {
    path: PathBuf,
    map: Mmap,
    npy: bool,
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        let extension =
            path.extension().and_then(|it| it.to_str()).unwrap_or("").to_ascii_lowercase();
        let map = mapping::map(path).map_err(|error| Failure::file(path, error))?;
        let npy = npy::is_npy(&map) || extension == "npy";
        if !npy && extension != "safetensors" {
            return Err(Failure::file(path, "unknown format, expected .safetensors or .npy"));
        }
        Ok(Self { path: path.to_owned(), map, npy })
    }

    fn fail(&self, message: String) -> Failure {
        Failure::file(&self.path, message)
    }

    /// The tensor for a role; a .npy file has only one.
    fn tensor(&self, role: Role, name: Option<&str>) -> Result<Tensor<'_>> {
        if self.npy {
            return npy::parse(&self.map).map_err(|message| self.fail(message));
        }
        safetensors::parse(&self.map)
            .and_then(|tensors| select(&tensors, role, name).cloned())
            .map_err(|message| self.fail(message))
    }
}

/// What both operations report.
#[derive(Serialize)]
struct Common<'a> {
    operation: &'static str,
    file: String,
    device: &'static str,
    engine: String,
    rows: usize,
    classes: usize,
    gradient: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Number>,
    seconds: f64,
    gigabytes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Path>,
}

impl<'a> Common<'a> {
    fn new(
        operation: &'static str,
        file: &Path,
        chosen: &Chosen,
        (rows, classes): (usize, usize),
        options: &'a CommonOptions,
        seconds: f64,
    ) -> Self {
        // The least that must move: the logits once, and as much again for a gradient.
        let passes = if options.gradient { 2.0 } else { 1.0 };
        let least = passes * rows as f64 * classes as f64 * size_of::<f32>() as f64;
        Self {
            operation,
            file: file.display().to_string(),
            device: chosen.kind,
            engine: chosen.engine.name(),
            rows,
            classes,
            gradient: options.gradient,
            upstream: options.gradient.then(|| Number::single(options.upstream)),
            seconds,
            gigabytes_per_second: least / seconds.max(1e-9) / 1e9,
            out: options.out.as_deref(),
        }
    }

    fn print_head(&self, out: &mut Output) -> Result<()> {
        out.field("engine", output::shorten(&self.engine, 57))?;
        out.field("logits", format_args!("{} rows, {} classes", self.rows, self.classes))
    }

    fn print_tail(&self, out: &mut Output) -> Result<()> {
        out.field(
            "seconds",
            format_args!("{:.6}, transfers and kernel compilation included", self.seconds),
        )?;
        out.field("GB/s", three(self.gigabytes_per_second))?;
        match self.out {
            Some(path) => out.field("written", path.display()),
            None => Ok(()),
        }
    }
}

fn open_engine(options: &CommonOptions, adapter: Option<&str>) -> Result<Chosen> {
    let chosen = device::choose(options.device, adapter)?;
    if let Some(error) = &chosen.fallback {
        output::note(error);
        output::note(format_args!("computing on {} instead", chosen.engine.name()));
    }
    Ok(chosen)
}

fn pending(options: &CommonOptions) -> Result<Option<Pending>> {
    options.out.as_deref().map(Pending::create).transpose()
}

#[derive(Serialize)]
struct CrossEntropyReport<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    reduction: &'static str,
    ignore_index: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_rows: Option<Vec<Number>>,
    accuracy: Number,
    correct: usize,
    counted: usize,
}

fn cross_entropy(
    adapter: Option<&str>,
    options: &CrossEntropyOptions,
    out: &mut Output,
) -> Result<ExitCode> {
    let common = &options.common;
    let source = Source::open(&options.file)?;
    let targets_path = options.targets_path.as_deref().or(options.targets_file.as_deref());
    if source.npy && targets_path.is_none() {
        return Err(Failure::Usage(
            "a .npy file holds one array: give the targets' file after it or by --targets-file"
                .to_owned(),
        ));
    }
    let matrix = source
        .tensor(Role::Logits, common.logits.as_deref())?
        .logits()
        .map_err(|message| source.fail(message))?;
    let targets_source = targets_path.map(Source::open).transpose()?;
    let targets_source = targets_source.as_ref().unwrap_or(&source);
    let targets = targets_source
        .tensor(Role::Targets, options.targets.as_deref())?
        .targets()
        .map_err(|message| targets_source.fail(message))?;

    let logits = Logits::new(&matrix.values, matrix.rows, matrix.classes)?;
    let pending = pending(common)?;
    let request = CrossEntropy {
        reduction: options.reduction.library(),
        ignore_index: options.ignore_index.0,
        rows: RowOutputs { loss: pending.is_some(), log_sum_exp: pending.is_some(), argmax: true },
    };
    let chosen = open_engine(common, adapter)?;
    let start = Instant::now();
    let result = if common.gradient {
        let upstream = Upstream::Scalar(common.upstream);
        chosen.engine.cross_entropy_with_gradient(logits, &targets, upstream, &request)?
    } else {
        chosen.engine.cross_entropy(logits, &targets, &request)?
    };
    let seconds = start.elapsed().as_secs_f64();

    let shape = (matrix.rows, matrix.classes);
    let correct = correct(&targets, result.argmax.as_deref().unwrap_or(&[]), request.ignore_index);
    let none = request.reduction == Reduction::None;
    let rows = result.loss_rows.as_deref();
    let report = CrossEntropyReport {
        common: Common::new("cross-entropy", &options.file, &chosen, shape, common, seconds),
        reduction: options.reduction.name(),
        ignore_index: request.ignore_index,
        loss: (!none).then(|| Number::single(result.loss)),
        loss_rows: rows
            .filter(|_| none && common.json)
            .map(|rows| rows.iter().copied().map(Number::single).collect()),
        accuracy: Number(correct as f64 / result.counted as f64),
        correct,
        counted: result.counted,
    };
    if let Some(pending) = pending {
        let mut arrays = Vec::new();
        push_rows(&mut arrays, "loss", rows);
        push_rows(&mut arrays, "log_sum_exp", result.log_sum_exp.as_deref());
        push_matrix(&mut arrays, result.gradient.as_deref(), shape);
        pending.write(&arrays)?;
    }
    if common.json {
        out.json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    report.common.print_head(out)?;
    match rows {
        Some(rows) if none => print_rows("loss of the rows", rows, out)?,
        _ => out.field("loss", format_args!("{} ({})", result.loss, report.reduction))?,
    }
    match result.counted {
        0 => out.field("accuracy", "-")?,
        _ => out.field("accuracy", format_args!("{:.6}", report.accuracy.0))?,
    }
    out.field("counted rows", format_args!("{}, {correct} of them correct", result.counted))?;
    report.common.print_tail(out)?;
    Ok(ExitCode::SUCCESS)
}

/// Counted rows whose most likely class is the target.
pub fn correct(targets: &[i32], argmax: &[u32], ignore_index: Option<i32>) -> usize {
    targets
        .iter()
        .zip(argmax)
        .filter(|(target, best)| {
            Some(**target) != ignore_index && u32::try_from(**target) == Ok(**best)
        })
        .count()
}

#[derive(Serialize)]
struct LogSumExpReport<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    log_sum_exp: Vec<Number>,
}

fn log_sum_exp(
    adapter: Option<&str>,
    options: &LogSumExpOptions,
    out: &mut Output,
) -> Result<ExitCode> {
    let common = &options.common;
    let source = Source::open(&options.file)?;
    let matrix = source
        .tensor(Role::Logits, common.logits.as_deref())?
        .logits()
        .map_err(|message| source.fail(message))?;
    let logits = Logits::new(&matrix.values, matrix.rows, matrix.classes)?;
    let pending = pending(common)?;
    let chosen = open_engine(common, adapter)?;
    let request = LogSumExp::default();
    let start = Instant::now();
    let result = if common.gradient {
        let upstream = Upstream::Scalar(common.upstream);
        chosen.engine.log_sum_exp_with_gradient(logits, upstream, &request)?
    } else {
        chosen.engine.log_sum_exp(logits, &request)?
    };
    let seconds = start.elapsed().as_secs_f64();

    let shape = (matrix.rows, matrix.classes);
    if let Some(pending) = pending {
        let mut arrays = Vec::new();
        push_rows(&mut arrays, "log_sum_exp", Some(&result.log_sum_exp));
        push_matrix(&mut arrays, result.gradient.as_deref(), shape);
        pending.write(&arrays)?;
    }
    let report = Common::new("log-sum-exp", &options.file, &chosen, shape, common, seconds);
    if common.json {
        let log_sum_exp = result.log_sum_exp.iter().copied().map(Number::single).collect();
        out.json(&LogSumExpReport { common: report, log_sum_exp })?;
        return Ok(ExitCode::SUCCESS);
    }
    report.print_head(out)?;
    print_rows("log-sum-exp", &result.log_sum_exp, out)?;
    report.print_tail(out)?;
    Ok(ExitCode::SUCCESS)
}

fn push_rows<'a>(arrays: &mut Vec<Array<'a>>, name: &'static str, values: Option<&'a [f32]>) {
    if let Some(values) = values {
        arrays.push(Array { name, shape: vec![values.len()], values });
    }
}

fn push_matrix<'a>(
    arrays: &mut Vec<Array<'a>>,
    values: Option<&'a [f32]>,
    (rows, classes): (usize, usize),
) {
    if let Some(values) = values {
        arrays.push(Array { name: "gradient", shape: vec![rows, classes], values });
    }
}

/// Smallest, mean and largest value; the mean in double precision, as a check by eye only.
fn print_rows(name: &str, values: &[f32], out: &mut Output) -> Result<()> {
    if values.is_empty() {
        return out.field(name, "no rows");
    }
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64;
    let smallest = values.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    out.field(name, format_args!("{smallest} to {largest}, mean {mean:.6}"))
}

#[cfg(test)]
mod tests {
    use super::correct;

    #[test]
    fn ignored_and_negative_targets_are_never_correct() {
        assert_eq!(correct(&[0, 1, 2, -100], &[0, 1, 1, 0], Some(-100)), 2);
        assert_eq!(correct(&[0, 1, -1], &[0, 1, u32::MAX], Some(1)), 1);
    }
}
