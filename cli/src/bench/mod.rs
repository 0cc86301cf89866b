//! `bench`: every operation against the least it must move, on buffers that stay on the device,
//! with the CPU beside it.

mod calls;
mod ceiling;
pub(crate) mod data;
pub(crate) mod device;
mod document;
mod elementwise;
mod entry;
mod files;
mod grid;
mod host;
mod host_ceiling;
mod op;
mod picture;
mod reduce;
mod softmax_loss;
mod tables;
pub(crate) mod timing;
mod yardstick;

use std::process::ExitCode;

use wgpu_loss::wgpu::Limits;
use wgpu_loss::{Error, Gpu, Kernels, Shape};

use crate::arguments::{BenchOptions, GridOptions};
use crate::device::{Description, find};
use crate::failure::{Failure, Result};
use crate::output::{self, Output};
use ceiling::Traffic;
use data::Problem;
use device::Resident;
pub use document::Document;
use entry::{Ceilings, Entry, Measured};
pub use files::{Files, Form};
use grid::{Case, Effort, Grid, QUICK_SHAPES};
use host::Host;
use op::Op;
use timing::Timer;
use yardstick::Yardstick;

/// An opened adapter with its clock.
pub struct Bench {
    gpu: Gpu,
    kernels: Kernels,
    timer: Timer,
}

impl Bench {
    /// Of an adapter, with its own tuning.
    pub fn new(gpu: Gpu) -> Result<Self> {
        let kernels = gpu.kernels().clone();
        let timer = Timer::new(&gpu)?;
        Ok(Self { gpu, kernels, timer })
    }
}

/// Measures, prints, and writes what the options name.
pub fn run(adapter: Option<&str>, options: &BenchOptions, out: &mut Output) -> Result<ExitCode> {
    let files = Files::new(options)?;
    let mut bench = match find(adapter)? {
        Ok(gpu) => Some(Bench::new(gpu)?),
        Err(error) => {
            output::note(error);
            output::note("timing cpu::Fast alone");
            None
        }
    };
    measure(bench.as_mut(), &options.grid, files, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Measures a grid, prints it as it comes, and writes the files.
pub fn measure(
    mut bench: Option<&mut Bench>,
    options: &GridOptions,
    files: Files,
    out: &mut Output,
) -> Result<()> {
    let class = bench.as_ref().map(|bench| bench.kernels.capabilities().class);
    let effort = match options.quick {
        true => Effort::QUICK,
        false => Effort::full(class, host_ceiling::last_level_cache().unwrap_or(0)),
    };
    let grid = Grid::new(options, effort.buffer_bytes);
    if files.have_a_picture() && grid.losses.is_empty() {
        let message = "--svg draws losses, and neither --op nor --shape leaves one";
        return Err(Failure::Usage(message.to_owned()));
    }
    let tables = !files.take_stdout();
    let description = bench.as_ref().map(|bench| Description::of_gpu(&bench.gpu));
    let mut document = Document::new(description.as_ref(), options.quick);
    let mut yardstick = Yardstick::default();
    if !grid.is_without_ceilings() {
        yardstick = Yardstick::new(bench.as_deref_mut(), &effort)?;
    }
    document.ceilings = yardstick.gpu_ceilings();
    document.host.ceilings = yardstick.host_ceilings();
    if tables {
        tables::head(&document, bench.as_deref().zip(description.as_ref()), out)?;
    }
    let is_over = |out: &Output| out.closed() && !files.are_wanted();
    for case in &grid.losses {
        if is_over(out) {
            break;
        }
        let traffic: Vec<_> = case.ops.iter().map(|op| op.traffic()).collect();
        yardstick.beside(bench.as_deref_mut(), &effort, &traffic)?;
        let entries = losses(bench.as_deref_mut(), yardstick.ceilings(), case, &effort)?;
        if tables {
            tables::entries(&title(case.shape, "classes", ""), &entries, out)?;
        }
        document.results.extend(entries);
    }
    for case in &grid.reductions {
        if is_over(out) {
            break;
        }
        yardstick.beside(bench.as_deref_mut(), &effort, &[Traffic::Read])?;
        let ceilings = yardstick.ceilings();
        let entries = reduce::measure(bench.as_deref_mut(), ceilings, case, &effort)?;
        if tables {
            tables::entries(&title(case.shape, "columns", ", reduced"), &entries, out)?;
        }
        document.results.extend(entries);
    }
    for case in &grid.elementwise {
        if is_over(out) {
            break;
        }
        yardstick.beside(bench.as_deref_mut(), &effort, &[Traffic::Read, Traffic::Copy])?;
        let ceilings = yardstick.ceilings();
        let entries = elementwise::measure(bench.as_deref_mut(), ceilings, case, &effort)?;
        if tables {
            tables::entries(&title(case.shape, "columns", ", element-wise"), &entries, out)?;
        }
        document.results.extend(entries);
    }
    for case in &grid.softmax_losses {
        if is_over(out) {
            break;
        }
        yardstick.beside(bench.as_deref_mut(), &effort, &[Traffic::Read, Traffic::Copy])?;
        let ceilings = yardstick.ceilings();
        let entries = softmax_loss::measure(bench.as_deref_mut(), ceilings, case, &effort)?;
        if tables {
            tables::entries(&title(case.shape, "classes", ", softmax"), &entries, out)?;
        }
        document.results.extend(entries);
    }
    if grid.small_calls && !is_over(out) {
        for shape in calls::SHAPES {
            document.small_calls.extend(calls::measure(bench.as_deref(), shape)?);
        }
        if tables {
            tables::calls(&document.small_calls, out)?;
        }
    }
    files.write(&document, out)
}

/// The heading of a table.
fn title(shape: Shape, columns: &str, more: &str) -> String {
    let Shape { rows, classes, inner, element, .. } = shape;
    let size = output::bytes((rows * classes * element.bytes()) as u64);
    let beside = if inner == 1 { String::new() } else { format!(", {inner} rows side by side") };
    format!("{rows} rows, {classes} {columns} of {} ({size}{beside}){more}", element.name())
}

/// Every operation on one shape, on the device and on the CPU.
fn losses(
    bench: Option<&mut Bench>,
    ceilings: Ceilings<'_>,
    case: &Case<Op>,
    effort: &Effort,
) -> Result<Vec<Entry>> {
    let name = entry::name(case.shape);
    let bar = output::spinner(&name);
    let problem = Problem::new(case.shape);
    let answers = problem.answers()?;
    let mut entries = Vec::new();
    let measured = |op: Op| Measured {
        op: op.name(),
        label: op.short_name(),
        shape: case.shape,
        least_bytes: op.least_bytes(&problem),
        traffic: op.traffic(),
    };
    let mut on_device = |bench: &mut Bench| -> Result<()> {
        let Bench { gpu, kernels, timer } = bench;
        let resident = Resident::new(gpu, kernels, &problem, effort.footprint)?;
        for &op in &case.ops {
            bar.set_message(format!("{name}, {}", op.name()));
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            let (family, clock) = (prepared.family, timer.name());
            entries.push(measured(op).on_gpu(ceilings.gpu, family, timing, clock));
        }
        Ok(())
    };
    match bench {
        Some(bench) if !fits(&bench.gpu, problem.bytes()) => {
            output::note(format_args!("{name}: larger than a binding of the adapter, left out"));
        }
        Some(bench) => match on_device(bench) {
            // What was measured before stays worth having.
            Err(Failure::Library(error @ Error::OutOfMemory { .. })) => {
                output::note(format_args!("{name}: {error}"));
            }
            result => result?,
        },
        None => {}
    }
    bar.set_message(format!("{name}, cpu::Fast"));
    let host = Host::new(&problem, effort.host_footprint);
    for &op in &case.ops {
        if let Some(timing) = host.measure(op, &answers, effort.runs)? {
            entries.push(measured(op).on_cpu(ceilings.host, timing));
        }
    }
    bar.finish_and_clear();
    Ok(entries)
}

/// Whether the device holds so many bytes in one binding.
fn fits(gpu: &Gpu, bytes: u64) -> bool {
    let Limits { max_storage_buffer_binding_size, max_buffer_size, .. } = gpu.device().limits();
    bytes <= max_storage_buffer_binding_size.min(max_buffer_size)
}

/// The report's small table: loss and gradient on a few shapes, each beside the CPU.
pub fn small(gpu: Option<Gpu>, out: &mut Output) -> Result<()> {
    let mut bench = gpu.map(Bench::new).transpose()?;
    let shapes = QUICK_SHAPES.iter().map(|(rows, classes)| {
        let case = Case { shape: Shape::new(*rows, *classes), ops: vec![Op::Fused] };
        losses(bench.as_mut(), Ceilings::default(), &case, &Effort::QUICK)
    });
    let shapes = shapes.collect::<Result<Vec<_>>>()?;
    tables::small(&shapes, bench.as_ref().map(|bench| bench.timer.name()), out)
}
