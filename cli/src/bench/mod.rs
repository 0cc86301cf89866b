//! `bench`: every operation against the least it must move, on buffers that stay on the device,
//! with the CPU beside it.

mod ceiling;
mod data;
mod device;
mod host;
mod reduce;
mod timing;

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::wgpu::Limits;
use wgpu_loss::{Element, Gpu, Kernels};

use crate::arguments::BenchOptions;
use crate::device::{Description, find};
use crate::failure::Result;
use crate::output::{self, Output, three};
use ceiling::{Ceilings, Traffic};
use data::Problem;
use device::Resident;
use timing::{Timer, Timing};

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// log-sum-exp of each row.
    LogSumExp,
    /// Cross-entropy of each row, and their sum.
    Forward,
    /// The same with the gradient, to another buffer.
    Fused,
    /// The gradient alone, from a state that a forward saved, to another buffer.
    Backward,
    /// Loss and gradient, the gradient in place of the logits.
    FusedInPlace,
}

/// In this order, since the last overwrites the logits.
const OPS: [Op; 5] = [Op::LogSumExp, Op::Forward, Op::Fused, Op::Backward, Op::FusedInPlace];

impl Op {
    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogSumExp => "log-sum-exp forward",
            Self::Forward => "cross-entropy forward",
            Self::Fused => "cross-entropy fused",
            Self::Backward => "cross-entropy backward",
            Self::FusedInPlace => "cross-entropy fused in place",
        }
    }

    /// Its name in tables, of which every operation but one is cross-entropy's.
    fn short_name(self) -> &'static str {
        match self {
            Self::LogSumExp => "log-sum-exp",
            op => op.name().trim_start_matches("cross-entropy "),
        }
    }

    fn traffic(self) -> Traffic {
        match self {
            Self::LogSumExp | Self::Forward => Traffic::Read,
            Self::Fused | Self::Backward => Traffic::Copy,
            Self::FusedInPlace => Traffic::InPlace,
        }
    }

    /// The least bytes it can move: logits once, the gradient once.
    fn least_bytes(self, problem: &Problem) -> u64 {
        self.traffic().passes() * problem.bytes()
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    shapes: &'static [(usize, usize)],
    reductions: reduce::Extent,
    runs: usize,
    ceiling_runs: usize,
    footprint: u64,
}

const FULL: Effort = Effort {
    shapes: &[
        (1_048_576, 10),
        (262_144, 100),
        (32_768, 1_000),
        (8_192, 4_096),
        (1_024, 32_000),
        (256, 128_256),
        (8, 1_000_000),
    ],
    reductions: reduce::FULL,
    runs: 9,
    ceiling_runs: 5,
    footprint: 256 << 20,
};

const QUICK: Effort = Effort {
    shapes: &[(65_536, 10), (8_192, 1_000), (512, 32_000)],
    reductions: reduce::QUICK,
    runs: 5,
    ceiling_runs: 3,
    footprint: 128 << 20,
};

/// One measured number, as JSON has it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The operation.
    pub op: &'static str,
    /// The same in tables.
    #[serde(skip)]
    label: &'static str,
    /// The kernel family, or how many kernels a reduction takes; none on the CPU.
    pub family: Option<String>,
    /// What computed.
    pub engine: &'static str,
    /// The type of the logits, or of values and weights.
    pub element: &'static str,
    /// Number of rows.
    pub rows: usize,
    /// Number of classes, or columns.
    pub classes: usize,
    /// The median.
    pub milliseconds: f64,
    /// Largest minus smallest, relative to the median.
    pub spread: f64,
    /// Runs that the median is of.
    pub runs: usize,
    /// Of the least bytes that the operation can move.
    pub gigabytes_per_second: f64,
    /// Relative to a read, copy or change in place on the same adapter.
    pub fraction_of_ceiling: Option<f64>,
    /// The clock.
    pub timer: &'static str,
}

/// An operation on one shape, whatever computes it.
#[derive(Clone, Copy, Debug)]
struct Measured {
    op: &'static str,
    label: &'static str,
    element: Element,
    shape: (usize, usize),
    least_bytes: u64,
    traffic: Traffic,
}

impl Measured {
    fn entry(
        self,
        ceilings: Option<&Ceilings>,
        engine: &'static str,
        family: Option<String>,
        timing: Timing,
        timer: &'static str,
    ) -> Entry {
        let Self { op, label, element, shape: (rows, classes), least_bytes, traffic } = self;
        let gigabytes_per_second = least_bytes as f64 / timing.seconds.max(1e-12) / 1e9;
        let ceiling = ceilings.filter(|_| engine == "gpu").map(|it| it.of(traffic));
        Entry {
            op,
            label,
            family,
            engine,
            element: element.name(),
            rows,
            classes,
            milliseconds: 1e3 * timing.seconds,
            spread: timing.spread,
            runs: timing.runs,
            gigabytes_per_second,
            fraction_of_ceiling: ceiling.map(|it| gigabytes_per_second / it.gigabytes_per_second),
            timer,
        }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    adapter: Option<&'a str>,
    backend: Option<&'a str>,
    driver: Option<&'a str>,
    device_type: Option<&'a str>,
    ceilings: Option<&'a Ceilings>,
    results: &'a [Entry],
}

/// An opened adapter with its clock.
struct Bench {
    gpu: Gpu,
    kernels: Kernels,
    timer: Timer,
}

impl Bench {
    fn new(gpu: Gpu) -> Result<Self> {
        let kernels = Kernels::new(gpu.device())?;
        let timer = Timer::new(&gpu)?;
        Ok(Self { gpu, kernels, timer })
    }
}

/// Measures and prints.
pub fn run(adapter: Option<&str>, options: &BenchOptions, out: &mut Output) -> Result<ExitCode> {
    let effort = if options.quick { QUICK } else { FULL };
    let mut bench = match find(adapter)? {
        Ok(gpu) => Some(Bench::new(gpu)?),
        Err(error) => {
            output::note(error);
            output::note("timing cpu::Fast alone");
            None
        }
    };
    let description = bench.as_ref().map(|bench| Description::of_gpu(&bench.gpu));
    let ceilings = match &mut bench {
        Some(Bench { gpu, timer, .. }) => {
            Some(ceiling::measure(gpu, timer, effort.footprint, effort.ceiling_runs)?)
        }
        None => None,
    };
    if !options.json {
        head(description.as_ref(), ceilings.as_ref(), bench.as_ref(), out)?;
    }
    let mut results = Vec::new();
    for &(rows, classes) in effort.shapes {
        if out.closed() {
            break;
        }
        let entries = shape(bench.as_mut(), ceilings.as_ref(), (rows, classes), &OPS, effort)?;
        if !options.json {
            let size = output::bytes((rows * classes * size_of::<f32>()) as u64);
            print_entries(&format!("{rows} rows, {classes} classes ({size})"), &entries, out)?;
        }
        results.extend(entries);
    }
    let reduce::Extent { cases, elements } = effort.reductions;
    for (case, &element) in elements.iter().flat_map(|it| cases.iter().map(move |case| (case, it)))
    {
        if out.closed() {
            break;
        }
        let entries = reduce::measure(bench.as_mut(), ceilings.as_ref(), case, element, effort)?;
        if !options.json {
            let reduce::Case { rows, columns, .. } = case;
            let size = output::bytes((rows * columns * element.bytes()) as u64);
            let element = element.name();
            let title = format!("{rows} rows, {columns} columns of {element} ({size}), reduced");
            print_entries(&title, &entries, out)?;
        }
        results.extend(entries);
    }
    if options.json {
        out.json(&Json {
            adapter: description.as_ref().map(|it| it.name.as_str()),
            backend: description.as_ref().map(|it| it.backend.as_str()),
            driver: description.as_ref().map(|it| it.driver.as_str()),
            device_type: description.as_ref().map(|it| it.device_type),
            ceilings: ceilings.as_ref(),
            results: &results,
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every operation on one shape, on the device and on the CPU.
fn shape(
    bench: Option<&mut Bench>,
    ceilings: Option<&Ceilings>,
    (rows, classes): (usize, usize),
    ops: &[Op],
    effort: Effort,
) -> Result<Vec<Entry>> {
    let bar = output::spinner(&format!("{rows} x {classes}"));
    let problem = Problem::new(rows, classes);
    let answers = problem.answers()?;
    let mut entries = Vec::new();
    let entry = |op: Op, engine, family, timing, timer| {
        let measured = Measured {
            op: op.name(),
            label: op.short_name(),
            element: Element::F32,
            shape: (rows, classes),
            least_bytes: op.least_bytes(&problem),
            traffic: op.traffic(),
        };
        measured.entry(ceilings, engine, family, timing, timer)
    };
    let device = bench.filter(|bench| fits(&bench.gpu, problem.bytes()));
    if let Some(Bench { gpu, kernels, timer }) = device {
        let resident = Resident::new(gpu, kernels, &problem, effort.footprint)?;
        for &op in ops {
            bar.set_message(format!("{rows} x {classes}, {}", op.name()));
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(entry(op, "gpu", Some(prepared.family), timing, timer.name()));
        }
    }
    for &op in ops {
        bar.set_message(format!("{rows} x {classes}, cpu::Fast"));
        if let Some(timing) = host::measure(op, &problem, &answers, effort.runs)? {
            entries.push(entry(op, "cpu::Fast", None, timing, "wall clock"));
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

fn head(
    description: Option<&Description>,
    ceilings: Option<&Ceilings>,
    bench: Option<&Bench>,
    out: &mut Output,
) -> Result<()> {
    let (Some(description), Some(ceilings), Some(bench)) = (description, ceilings, bench) else {
        return Ok(());
    };
    out.line(console::style(output::shorten(&description.name, output::WIDTH)).bold())?;
    out.field("driver", output::shorten(&description.driver, 57))?;
    out.field("timer", bench.timer.name())?;
    let ceilings_by_name = [
        ("read", &ceilings.read),
        ("copy", &ceilings.copy),
        ("change in place", &ceilings.in_place),
    ];
    for (name, ceiling) in ceilings_by_name {
        let speed = three(ceiling.gigabytes_per_second);
        out.field(name, format_args!("{speed} GB/s ({})", ceiling.geometry))?;
    }
    out.line("  GB/s: the least bytes that must move; %: of the read, copy or change above;")?;
    out.line("  forward, fused and backward are cross-entropy's; kernels are a reduction's")
}

/// A table of the operations on one shape, in the order in which they were measured.
fn print_entries(title: &str, entries: &[Entry], out: &mut Output) -> Result<()> {
    out.heading(title)?;
    let header = ["operation", "family", "ms", "+-%", "GB/s", "%", "CPU ms", "CPU/GPU"];
    let mut table = output::table(&header, 2);
    let mut ops: Vec<&Entry> = Vec::new();
    for entry in entries {
        if !ops.iter().any(|op| op.op == entry.op) {
            ops.push(entry);
        }
    }
    for Entry { op, label, .. } in ops {
        let find = |engine| entries.iter().find(|it| it.op == *op && it.engine == engine);
        let (gpu, cpu) = (find("gpu"), find("cpu::Fast"));
        let of = |entry: Option<&Entry>, value: &dyn Fn(&Entry) -> String| {
            entry.map_or("-".to_owned(), value)
        };
        let ratio = gpu.zip(cpu).map(|(gpu, cpu)| cpu.milliseconds / gpu.milliseconds);
        table.add_row(vec![
            (*label).to_owned(),
            of(gpu, &|it| it.family.clone().unwrap_or_default()),
            of(gpu, &|it| three(it.milliseconds)),
            of(gpu, &|it| format!("{:.0}", 100.0 * it.spread)),
            of(gpu, &|it| three(it.gigabytes_per_second)),
            of(gpu, &|it| {
                it.fraction_of_ceiling.map_or("-".to_owned(), |it| format!("{:.0}", 100.0 * it))
            }),
            of(cpu, &|it| three(it.milliseconds)),
            ratio.map_or("-".to_owned(), three),
        ]);
    }
    out.table(&table)
}

/// The report's small table: loss and gradient on a few shapes, each beside the CPU.
pub fn small(gpu: Option<Gpu>, out: &mut Output) -> Result<()> {
    let mut bench = gpu.map(Bench::new).transpose()?;
    let header = ["rows x classes", "family", "GPU ms", "GB/s", "CPU ms", "GB/s", "CPU/GPU"];
    let mut table = output::table(&header, 2);
    for &(rows, classes) in QUICK.shapes {
        let entries = shape(bench.as_mut(), None, (rows, classes), &[Op::Fused], QUICK)?;
        let find = |engine| entries.iter().find(|it| it.engine == engine);
        let (gpu, cpu) = (find("gpu"), find("cpu::Fast"));
        let of = |entry: Option<&Entry>, value: &dyn Fn(&Entry) -> f64| {
            entry.map_or("-".to_owned(), |entry| three(value(entry)))
        };
        table.add_row(vec![
            format!("{rows} x {classes}"),
            gpu.and_then(|it| it.family.clone()).unwrap_or("-".to_owned()),
            of(gpu, &|it| it.milliseconds),
            of(gpu, &|it| it.gigabytes_per_second),
            of(cpu, &|it| it.milliseconds),
            of(cpu, &|it| it.gigabytes_per_second),
            gpu.zip(cpu)
                .map_or("-".to_owned(), |(gpu, cpu)| three(cpu.milliseconds / gpu.milliseconds)),
        ]);
    }
    out.table(&table)?;
    match bench {
        Some(Bench { timer, .. }) => out.line(format_args!(
            "  data resident on its device; GPU by {}; GB/s of the least bytes",
            timer.name()
        )),
        None => out.line("  by wall clock; GB/s of the least bytes"),
    }
}
