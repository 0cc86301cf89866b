//! What all operations of `eval` have in common: choosing what computes, and the frame of what is
//! reported.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use wgpu_loss::{Engine, Logits, Mode, OwnedValues, Progress, Streaming, Values};

use super::layout::Matrix;
use super::write::{Array, Elements, Pending};
use crate::arguments::CommonOptions;
use crate::device::{self, Chosen};
use crate::failure::Result;
use crate::output::{self, Output, three};

/// What computes, and how long it took.
pub struct Run<T> {
    chosen: Chosen,
    seconds: f64,
    /// What it computed.
    pub result: T,
}

impl<T> Run<T> {
    /// Opens what the options name, and times one call. Where that goes over these logits piece by
    /// piece, it shows how far it has come.
    pub fn new(
        options: &CommonOptions,
        adapter: Option<&str>,
        logits: Logits<'_>,
        call: impl FnOnce(&dyn Engine) -> wgpu_loss::Result<T>,
    ) -> Result<Self> {
        let total = logits.values().bytes().len() as u64;
        let chosen = device::choose(options.device, adapter, |gpu| {
            gpu.with_streaming(streaming(options)).with_progress(reporter(total))
        })?;
        if let Some(error) = &chosen.fallback {
            output::note(error);
            output::note(format_args!("computing on {} instead", chosen.engine.name()));
        }
        let start = Instant::now();
        let result = call(chosen.engine.as_ref())?;
        Ok(Self { chosen, seconds: start.elapsed().as_secs_f64(), result })
    }
}

/// What the options allow of the GPU's memory.
fn streaming(options: &CommonOptions) -> Streaming {
    let usual = Streaming::default();
    let device_bytes = options.device_memory << 20;
    // Two pieces at a time, and as much again to bring and to fetch them.
    let submission_bytes = usual.submission_bytes.min(device_bytes / 6).max(1);
    Streaming { device_bytes, submission_bytes }
}

/// Draws progress through so many bytes, from the first piece on.
fn reporter(total: u64) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync {
    let bar: OnceLock<ProgressBar> = OnceLock::new();
    move |progress| {
        let Progress { operation, rows_done, rows } = progress;
        let bar = bar.get_or_init(|| output::progress_of_bytes(operation, total));
        bar.set_position((total as f64 * rows_done as f64 / rows.max(1) as f64) as u64);
        if rows_done == rows {
            bar.finish_and_clear();
        }
        ControlFlow::Continue(())
    }
}

/// The file for the results, where one is wanted.
pub fn pending(options: &CommonOptions) -> Result<Option<Pending>> {
    options.out.as_deref().map(Pending::create).transpose()
}

/// What all operations report.
#[derive(Serialize)]
pub struct Common<'a> {
    operation: &'static str,
    file: String,
    device: &'static str,
    engine: String,
    rows: usize,
    classes: usize,
    element: &'static str,
    shape: &'a [usize],
    class_axis: usize,
    seconds: f64,
    gigabytes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Path>,
}

impl<'a> Common<'a> {
    /// `others`: arrays beside the logits that have a value for each of them, of which each moves
    /// once at the least, as the logits do.
    pub fn new<T>(
        operation: &'static str,
        file: &Path,
        logits: &'a Matrix<'_>,
        options: &'a CommonOptions,
        run: &Run<T>,
        others: &[Option<Values<'_>>],
    ) -> Self {
        let values = logits.floats.values();
        let others = others.iter().flatten().map(|other| other.bytes().len());
        let least = values.bytes().len() + others.sum::<usize>();
        let layout = &logits.layout;
        Self {
            operation,
            file: file.display().to_string(),
            device: run.chosen.kind,
            engine: run.chosen.engine.name(),
            rows: layout.shape.rows,
            classes: layout.shape.classes,
            element: values.element().name(),
            shape: &layout.dimensions,
            class_axis: layout.class_axis,
            seconds: run.seconds,
            gigabytes_per_second: least as f64 / run.seconds.max(1e-9) / 1e9,
            out: options.out.as_deref(),
        }
    }

    /// The lines before the results.
    pub fn print_head(&self, out: &mut Output) -> Result<()> {
        self.print_head_of(("logits", "classes"), out)
    }

    /// The same of an operation that calls logits and classes otherwise.
    pub fn print_head_of(&self, (input, columns): (&str, &str), out: &mut Output) -> Result<()> {
        out.field("engine", output::shorten(&self.engine, 57))?;
        let Self { rows, classes, element, shape, .. } = self;
        match shape.len() {
            2 => out.field(input, format_args!("{rows} rows, {classes} {columns}, {element}")),
            _ => out.field(
                input,
                format_args!("{rows} rows, {classes} {columns}, {element} {shape:?}"),
            ),
        }
    }

    /// The lines after them.
    pub fn print_tail(&self, out: &mut Output) -> Result<()> {
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

/// What is reported of a gradient.
#[derive(Serialize)]
pub struct GradientReport<'a> {
    gradient: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<UpstreamReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gradient_element: Option<&'static str>,
}

/// An upstream gradient, as JSON has it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum UpstreamReport<'a> {
    /// A factor for all.
    Number(output::Number),
    /// The tensor or file that holds the factors.
    Named(&'a str),
}

impl From<f32> for UpstreamReport<'_> {
    fn from(factor: f32) -> Self {
        Self::Number(output::Number::single(factor))
    }
}

impl<'a> GradientReport<'a> {
    /// Of a gradient, or of none.
    pub fn new(upstream: impl Into<UpstreamReport<'a>>, gradient: Option<&OwnedValues>) -> Self {
        Self {
            gradient: gradient.is_some(),
            upstream: gradient.map(|_| upstream.into()),
            gradient_element: gradient.map(|gradient| gradient.element().name()),
        }
    }
}

/// A mode, as on the command line.
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Strict => "strict",
        Mode::Masked => "masked",
    }
}

/// What is shaped as the logits, as an array of a file.
pub fn like_logits<'a>(
    name: &'static str,
    values: &'a OwnedValues,
    logits: &Matrix<'_>,
) -> Array<'a> {
    let shape = logits.layout.dimensions.clone();
    Array { name, shape, elements: Elements::Floats(values.values()) }
}
