//! What the terminal shows.

use super::Bench;
use super::calls::Call;
use super::document::Document;
use super::entry::{CPU, Entry, GPU};
use crate::device::Description;
use crate::failure::Result;
use crate::output::{self, Output, three};

/// The adapter, the clock and the ceilings.
pub fn head(
    document: &Document,
    opened: Option<(&Bench, &Description)>,
    out: &mut Output,
) -> Result<()> {
    if let Some((bench, description)) = opened {
        let name = output::shorten(&description.name, output::WIDTH);
        out.line(console::style(name).bold())?;
        out.field("driver", output::shorten(&description.driver, 57))?;
        out.field("timer", bench.timer.name())?;
    }
    for (of, ceilings) in [("", &document.ceilings), ("CPU ", &document.host.ceilings)] {
        let Some(ceilings) = ceilings else { continue };
        let by_name = [
            ("read", &ceilings.read),
            ("copy", &ceilings.copy),
            ("change in place", &ceilings.in_place),
        ];
        for (name, ceiling) in by_name {
            let speed = three(ceiling.gigabytes_per_second);
            let value = format_args!("{speed} GB/s ({})", ceiling.geometry).to_string();
            out.field(&format!("{of}{name}"), value)?;
        }
    }
    out.line("  GB/s: the least bytes that must move; %: of the read, copy or change above;")?;
    out.line("  ratio: the CPU's time over the adapter's; +-%: largest less smallest time;")?;
    out.line("  rows of classes are of cross-entropy but for log-sum-exp; BCE is binary")
}

/// The operations on one shape, in the order in which they were measured.
pub fn entries(title: &str, entries: &[Entry], out: &mut Output) -> Result<()> {
    out.heading(title)?;
    let header = ["operation", "family", "ms", "+-%", "GB/s", "%", "CPU ms", "%", "ratio"];
    let mut table = output::table(&header, 2);
    let mut ops: Vec<&Entry> = Vec::new();
    for entry in entries {
        if !ops.iter().any(|op| op.op == entry.op) {
            ops.push(entry);
        }
    }
    for Entry { op, label, .. } in ops {
        let find = |engine| entries.iter().find(|it| it.op == *op && it.engine == engine);
        let (gpu, cpu) = (find(GPU), find(CPU));
        table.add_row(vec![
            (*label).to_owned(),
            of(gpu, |it| it.family.clone().unwrap_or_default()),
            of(gpu, |it| three(it.milliseconds)),
            of(gpu, |it| format!("{:.0}", 100.0 * it.spread)),
            of(gpu, |it| three(it.gigabytes_per_second)),
            of(gpu, percentage),
            of(cpu, |it| three(it.milliseconds)),
            of(cpu, percentage),
            ratio(gpu, cpu),
        ]);
    }
    out.table(&table)
}

/// Single calls.
pub fn calls(calls: &[Call], out: &mut Output) -> Result<()> {
    out.heading("Single calls, loss and gradient")?;
    let mut table = output::table(&["call", "engine", "rows x classes", "us", "+-%"], 3);
    for call in calls {
        table.add_row(vec![
            call.call.to_owned(),
            call.engine.to_owned(),
            format!("{} x {}", call.rows, call.classes),
            three(call.microseconds),
            format!("{:.0}", 100.0 * call.spread),
        ]);
    }
    out.table(&table)
}

/// The report's: one operation on a few shapes, each beside the CPU.
pub fn small(shapes: &[Vec<Entry>], timer: Option<&str>, out: &mut Output) -> Result<()> {
    let header = ["rows x classes", "family", "GPU ms", "GB/s", "CPU ms", "GB/s", "CPU/GPU"];
    let mut table = output::table(&header, 2);
    for entries in shapes {
        let find = |engine| entries.iter().find(|it| it.engine == engine);
        let (gpu, cpu) = (find(GPU), find(CPU));
        table.add_row(vec![
            of(gpu.or(cpu), |it| format!("{} x {}", it.rows, it.classes)),
            of(gpu, |it| it.family.clone().unwrap_or_default()),
            of(gpu, |it| three(it.milliseconds)),
            of(gpu, |it| three(it.gigabytes_per_second)),
            of(cpu, |it| three(it.milliseconds)),
            of(cpu, |it| three(it.gigabytes_per_second)),
            ratio(gpu, cpu),
        ]);
    }
    out.table(&table)?;
    match timer {
        Some(timer) => out.line(format_args!(
            "  data resident on its device; GPU by {timer}; GB/s of the least bytes"
        )),
        None => out.line("  by wall clock; GB/s of the least bytes"),
    }
}

fn of(entry: Option<&Entry>, value: impl Fn(&Entry) -> String) -> String {
    entry.map_or("-".to_owned(), value)
}

fn percentage(entry: &Entry) -> String {
    entry.fraction_of_ceiling.map_or("-".to_owned(), |it| format!("{:.0}", 100.0 * it))
}

fn ratio(gpu: Option<&Entry>, cpu: Option<&Entry>) -> String {
    gpu.zip(cpu).map_or("-".to_owned(), |(gpu, cpu)| three(cpu.milliseconds / gpu.milliseconds))
}
