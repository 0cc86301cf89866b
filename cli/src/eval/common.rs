//! What all operations of `eval` have in common: choosing what computes, and the frame of what is
//! reported.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use wgpu_loss::{Element, Engine, Logits, Mode, OwnedValues, Progress, Streaming, Values};

use super::inputs::Remarks;
use super::layout::{Layout, Matrix};
use super::source::Source;
use super::write::{Array, Elements, Pending};
use crate::arguments::CommonOptions;
use crate::device::{self, Chosen};
use crate::failure::Result;
use crate::output::{self, Output, exact, three};

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
        call: impl Fn(&dyn Engine) -> wgpu_loss::Result<T>,
    ) -> Result<Self> {
        Self::of(options, adapter, &Way::through([logits]), |chosen| call(chosen.engine.as_ref()))
    }

    /// Times a call; of one that the GPU is too small for, that on the CPU where it may be.
    fn of(
        options: &CommonOptions,
        adapter: Option<&str>,
        way: &Arc<Way>,
        mut call: impl FnMut(&Chosen) -> wgpu_loss::Result<T>,
    ) -> Result<Self> {
        let mut chosen = choose(options, adapter, way)?;
        let mut start = Instant::now();
        let result = match call(&chosen) {
            Ok(result) => result,
            Err(error) => {
                chosen = chosen.instead(options.device, error)?;
                chosen.explain();
                start = Instant::now();
                call(&chosen)?
            }
        };
        Ok(Self { chosen, seconds: start.elapsed().as_secs_f64(), result })
    }
}

impl<T> Run<Vec<T>> {
    /// The same of a call for each of several files, whose logits these are.
    pub fn over(
        options: &CommonOptions,
        adapter: Option<&str>,
        logits: &[Logits<'_>],
        mut call: impl FnMut(&Chosen, usize) -> wgpu_loss::Result<T>,
    ) -> Result<Self> {
        let way = Way::through(logits.iter().copied());
        Self::of(options, adapter, &way, |chosen| {
            let each = (0..logits.len()).map(|at| {
                way.file.store(at, Ordering::Relaxed);
                call(chosen, at)
            });
            each.collect()
        })
    }

    /// With another result.
    pub fn map<U>(self, map: impl FnOnce(Vec<T>) -> U) -> Run<U> {
        Run { chosen: self.chosen, seconds: self.seconds, result: map(self.result) }
    }
}

fn choose(options: &CommonOptions, adapter: Option<&str>, way: &Arc<Way>) -> Result<Chosen> {
    let chosen = device::choose(options.device, adapter, |gpu| {
        gpu.with_streaming(streaming(options)).with_progress(reporter(Arc::clone(way)))
    })?;
    chosen.explain();
    Ok(chosen)
}

/// How far the calls have come.
struct Way {
    /// Bytes of logits before each file, and of all.
    bytes: Vec<u64>,
    /// The file under way.
    file: AtomicUsize,
}

impl Way {
    fn through<'a>(files: impl IntoIterator<Item = Logits<'a>>) -> Arc<Self> {
        let mut bytes = vec![0];
        for logits in files {
            bytes.push(bytes[bytes.len() - 1] + logits.values().bytes().len() as u64);
        }
        Arc::new(Self { bytes, file: AtomicUsize::new(0) })
    }

    /// Bytes that are done, and all.
    fn position(&self, progress: &Progress) -> (u64, u64) {
        let file = self.file.load(Ordering::Relaxed);
        let at = |file: usize| self.bytes.get(file).copied().unwrap_or_default();
        let share = progress.rows_done as f64 / progress.rows.max(1) as f64;
        let of_file = (at(file + 1) - at(file)) as f64 * share;
        (at(file) + of_file as u64, at(self.bytes.len() - 1))
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

/// Draws progress, from the first piece on.
fn reporter(way: Arc<Way>) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync {
    let bar: OnceLock<ProgressBar> = OnceLock::new();
    move |progress| {
        let (done, total) = way.position(&progress);
        let bar = bar.get_or_init(|| output::progress_of_bytes(progress.operation, total));
        bar.set_position(done);
        if done == total {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<&'a [u8]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    and: Vec<String>,
    /// Of those whose text is not the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    and_bytes: Vec<Option<&'a [u8]>>,
    #[serde(flatten)]
    remarks: Remarks,
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
    out: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_bytes: Option<&'a [u8]>,
}

impl<'a> Common<'a> {
    /// `others`: arrays beside the logits that have a value for each of them, of which each moves
    /// once at the least, as the logits do.
    pub fn new<T>(
        operation: &'static str,
        source: &'a Source,
        logits: &'a Matrix<'_>,
        options: &'a CommonOptions,
        run: &Run<T>,
        others: &[Option<Values<'_>>],
    ) -> Self {
        let values = logits.floats.values();
        let others = others.iter().flatten().map(|other| other.bytes().len());
        let least = values.bytes().len() + others.sum::<usize>();
        Self::of_files(operation, &[source], &logits.layout, options, run, least)
    }

    /// Of logits in one file, or in several, in this layout; `least`: the bytes that move at the
    /// least.
    pub fn of_files<T>(
        operation: &'static str,
        sources: &[&'a Source],
        layout: &'a Layout,
        options: &'a CommonOptions,
        run: &Run<T>,
        least: usize,
    ) -> Self {
        let mut names = sources.iter().map(|source| source.name());
        let bytes: Vec<_> = sources.iter().map(|source| exact(source.path())).collect();
        Self {
            operation,
            file: names.next().unwrap_or_default(),
            file_bytes: bytes.first().copied().flatten(),
            and: names.collect(),
            and_bytes: match bytes.iter().skip(1).any(Option::is_some) {
                true => bytes[1..].to_vec(),
                false => Vec::new(),
            },
            remarks: sources.first().map(|first| first.inputs().remarks()).unwrap_or_default(),
            device: run.chosen.kind,
            engine: run.chosen.engine.name(),
            rows: layout.shape.rows,
            classes: layout.shape.classes,
            element: layout.shape.element.name(),
            shape: &layout.dimensions,
            class_axis: layout.class_axis,
            seconds: run.seconds,
            gigabytes_per_second: least as f64 / run.seconds.max(1e-9) / 1e9,
            out: options.out.as_deref().map(|path| path.display().to_string()),
            out_bytes: options.out.as_deref().and_then(exact),
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
        self.remarks.print(out)?;
        match &self.out {
            Some(path) => out.field("written", path),
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
        Self::of(upstream, gradient.map(OwnedValues::element))
    }

    /// Of a gradient with elements of this type, or of none.
    pub fn of(upstream: impl Into<UpstreamReport<'a>>, gradient: Option<Element>) -> Self {
        Self {
            gradient: gradient.is_some(),
            upstream: gradient.map(|_| upstream.into()),
            gradient_element: gradient.map(Element::name),
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
