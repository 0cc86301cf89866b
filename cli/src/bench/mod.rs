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
mod timed;
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
use timed::Timed;
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
    let usual = match options.quick {
        true => Effort::QUICK,
        false => Effort::full(class, host_ceiling::last_level_cache().unwrap_or(0)),
    };
    let effort = options.footprint.map_or(usual, |mebibytes| usual.over(mebibytes << 20));
    let grid = Grid::new(options, effort.buffer_bytes);
    if files.have_a_picture() && grid.losses.is_empty() {
        let message = "--svg draws losses, and neither --op nor --shape leaves one";
        return Err(Failure::Usage(message.to_owned()));
    }
    let tables = !files.take_stdout();
    let description = bench.as_ref().map(|bench| Description::of_gpu(&bench.gpu));
    let mut document = Document::new(description.as_ref(), options.quick);
    let mut yardstick = Yardstick::default();
    for shape in grid.shapes() {
        room(bytes_of(shape))?;
    }
    if !grid.is_without_ceilings() {
        // Read from one array, written to another.
        room(usize::try_from(effort.host_footprint).ok().and_then(|bytes| bytes.checked_mul(2)))?;
        yardstick = Yardstick::new(bench.as_deref_mut(), &effort)?;
    }
    document.ceilings = yardstick.gpu_ceilings();
    document.host.ceilings = yardstick.host_ceilings();
    if tables {
        tables::head(&document, bench.as_deref().zip(description.as_ref()), out)?;
    }
    let mut run = Run { bench, yardstick, effort, document, tables, files };
    let Grid { losses: rows, reductions, elementwise, softmax_losses, .. } = &grid;
    run.all(rows, ("classes", ""), Op::traffic, losses, out)?;
    run.all(reductions, ("columns", ", reduced"), Timed::traffic, timed::measure, out)?;
    run.all(elementwise, ("columns", ", element-wise"), Timed::traffic, timed::measure, out)?;
    run.all(softmax_losses, ("classes", ", softmax"), Timed::traffic, timed::measure, out)?;
    if grid.small_calls && !run.is_over(out) {
        for shape in calls::SHAPES {
            run.document.small_calls.extend(calls::measure(run.bench.as_deref(), shape)?);
        }
        if tables {
            tables::calls(&run.document.small_calls, out)?;
        }
    }
    run.files.write(&run.document)
}

/// What every table is made with, and what they all go into.
struct Run<'a> {
    bench: Option<&'a mut Bench>,
    yardstick: Yardstick,
    effort: Effort,
    document: Document,
    tables: bool,
    files: Files,
}

/// Times the operations of a case.
type Measure<T> = fn(Option<&mut Bench>, Ceilings<'_>, &Case<T>, &Effort) -> Result<Vec<Entry>>;

impl Run<'_> {
    /// Whether nobody wants to know more.
    fn is_over(&self, out: &Output) -> bool {
        out.closed() && !self.files.are_wanted()
    }

    /// A table of each case.
    fn all<T: Copy>(
        &mut self,
        cases: &[Case<T>],
        (columns, more): (&str, &str),
        traffic: fn(T) -> Traffic,
        measure: Measure<T>,
        out: &mut Output,
    ) -> Result<()> {
        for case in cases {
            if self.is_over(out) {
                break;
            }
            let traffic: Vec<_> = case.ops.iter().map(|op| traffic(*op)).collect();
            self.yardstick.beside(self.bench.as_deref_mut(), &self.effort, &traffic)?;
            let ceilings = self.yardstick.ceilings();
            let entries = measure(self.bench.as_deref_mut(), ceilings, case, &self.effort)?;
            if self.tables {
                tables::entries(&title(case.shape, columns, more), &entries, out)?;
            }
            self.document.results.extend(entries);
        }
        Ok(())
    }
}

/// Bytes on the host of a shape at the least: values as they are drawn and as they are stored, and
/// what is computed.
fn bytes_of(shape: Shape) -> Option<usize> {
    let of_element = size_of::<f32>() + 2 * shape.element.bytes();
    shape.elements()?.checked_mul(of_element)?.checked_add(shape.rows.checked_mul(8)?)
}

/// Refuses what there is no memory for.
fn room(bytes: Option<usize>) -> Result<()> {
    let bytes = bytes.unwrap_or(usize::MAX);
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
        let message = format!("{bytes} bytes of host memory");
        Failure::Library(Error::OutOfMemory { operation: "benchmark", message })
    })
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
    let on_device = |bench: &mut Bench| -> Result<()> {
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
    where_it_fits(bench, &name, problem.bytes(), on_device)?;
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

/// Measures on a device that holds so many bytes in one binding, and all that is needed; says so where
/// it does not, since what was measured before stays worth having.
fn where_it_fits(
    bench: Option<&mut Bench>,
    name: &str,
    bytes: u64,
    measure: impl FnOnce(&mut Bench) -> Result<()>,
) -> Result<()> {
    let Some(bench) = bench else { return Ok(()) };
    let Limits { max_storage_buffer_binding_size, max_buffer_size, .. } =
        bench.gpu.device().limits();
    if bytes > max_storage_buffer_binding_size.min(max_buffer_size) {
        output::note(format_args!("{name}: larger than a binding of the adapter, left out"));
        return Ok(());
    }
    match measure(bench) {
        Err(Failure::Library(error @ Error::OutOfMemory { .. })) => {
            output::note(format_args!("{name}: {error}"));
            Ok(())
        }
        result => result,
    }
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
