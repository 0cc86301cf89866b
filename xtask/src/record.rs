//! Recorded results of `wgpu-loss roofline`, and the tables that README shows of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// One `bench.json`, as far as the tables need it.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// The folder's name; not in the file.
    #[serde(skip)]
    folder: String,
    /// The losses around cross-entropy, where they were measured apart.
    #[serde(skip)]
    losses: Option<Box<Record>>,
    command: String,
    date: String,
    adapter: String,
    backend: String,
    driver: String,
    ceilings: Ceilings,
    host: Host,
    small_calls: Vec<Call>,
    results: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Host {
    threads: usize,
    ceilings: Ceilings,
}

#[derive(Debug, Deserialize)]
struct Ceilings {
    read: Ceiling,
    copy: Ceiling,
    in_place: Ceiling,
    footprint_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Ceiling {
    gigabytes_per_second: f64,
}

#[derive(Debug, Deserialize)]
struct Call {
    call: String,
    engine: String,
    rows: usize,
    classes: usize,
    microseconds: f64,
}

#[derive(Debug, Deserialize)]
struct Entry {
    op: String,
    engine: String,
    element: String,
    rows: usize,
    classes: usize,
    inner: usize,
    milliseconds: f64,
    fraction_of_ceiling: Option<f64>,
    timer: String,
}

/// A column of a table: its heading and the operation, for each element type or for `f32` alone.
type Column = (&'static str, &'static str, &'static [&'static str]);

const EVERY: &[&str] = &["f32", "bf16", "f16"];
const F32: &[&str] = &["f32"];

const LOSSES: [Column; 5] = [
    ("log-sum-exp", "log-sum-exp forward", F32),
    ("cross-entropy", "cross-entropy forward", EVERY),
    ("fused", "cross-entropy fused", EVERY),
    ("fused in place", "cross-entropy fused in place", F32),
    ("backward", "cross-entropy backward", F32),
];

const REDUCTIONS: [Column; 4] = [
    ("sum", "sum of all", EVERY),
    ("weighted mean", "weighted mean of all", EVERY),
    ("row sums", "sum of each row", EVERY),
    ("column sums", "sum of each column", EVERY),
];

/// Losses around cross-entropy: what the names of their operations begin with.
const AROUND: [&str; 7] = [
    "squared error",
    "binary cross-entropy",
    "sigmoid focal",
    "KL divergence",
    "softmax focal",
    "softmax KL divergence",
    "softmax Jensen-Shannon",
];

const FUSED: &str = "cross-entropy fused";

/// What `wgpu-loss bench --op` wrote of the losses around cross-entropy alone.
const LOSSES_FILE: &str = "losses.json";

fn fail(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

fn parse(path: &Path) -> Result<Record, String> {
    let text = fs::read_to_string(path).map_err(|error| fail(path, &error))?;
    serde_json::from_str(&text).map_err(|error| fail(path, &error))
}

/// Every record in a folder of folders, by name.
pub fn read(folder: &Path) -> Result<Vec<Record>, String> {
    let entries = fs::read_dir(folder).map_err(|error| fail(folder, &error))?;
    let mut records = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| fail(folder, &error))?;
        let path = entry.path().join("bench.json");
        if !path.is_file() {
            continue;
        }
        let mut record = parse(&path)?;
        record.folder = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().join(LOSSES_FILE);
        if path.is_file() {
            record.losses = Some(Box::new(parse(&path)?));
        }
        records.push(record);
    }
    records.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(records)
}

/// What README shows of the records.
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let parts = [
            about(record),
            losses(record),
            around(record),
            table(record, "rows × columns", &REDUCTIONS, &[]),
            calls(record),
        ];
        for part in parts.iter().filter(|part| !part.is_empty()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{part}");
        }
    }
    text.trim_end().to_owned()
}

fn about(record: &Record) -> String {
    let Record { folder, command, date, adapter, backend, driver, ceilings, host, .. } = record;
    let speeds = |it: &Ceilings| {
        let [read, copy, in_place] =
            [&it.read, &it.copy, &it.in_place].map(|ceiling| short(ceiling.gigabytes_per_second));
        format!("read {read}, copy {copy}, change in place {in_place} GB/s")
    };
    let timer = record.results.iter().find(|entry| entry.engine == "gpu");
    let timer = timer.map_or("", |entry| entry.timer.as_str());
    let day = date.split('T').next().unwrap_or_default();
    let mebibytes = ceilings.footprint_bytes >> 20;
    let path = format!("benches/record/{folder}");
    format!(
        "**{adapter}** ({backend}, {driver}; {day}, `{command}`, by {timer}; [all figures]({path}/bench.json))\n\
         \n\
         * adapter: {}; logits of {mebibytes} MiB take turns\n\
         * CPU, {} threads: {}\n\
         \n\
         ![Share of the ceiling by number of classes, {adapter}]({path}/bench.svg)\n",
        speeds(ceilings),
        host.threads,
        speeds(&host.ceilings),
    )
}

fn losses(record: &Record) -> String {
    let beside: [(&str, Cell); 2] = [("`cpu::Fast`, fused", on_cpu), ("CPU / adapter", ratio)];
    let text = table(record, "rows × classes", &LOSSES, &beside);
    if text.is_empty() {
        return text;
    }
    format!(
        "{text}\n\
         Three values are of `f32`, `bf16` and `f16` logits. `cpu::Fast` is relative to the CPU's own \
         copy; the last column is its time over the adapter's, fused, `f32`: below 1 the CPU wins.\n"
    )
}

/// What a cell shows of a record's shape.
type Cell = fn(&Record, Size) -> String;

/// Rows, classes, and rows side by side.
type Size = (usize, usize, usize);

fn on_cpu(record: &Record, size: Size) -> String {
    record.share(FUSED, "cpu::Fast", size)
}

fn ratio(record: &Record, size: Size) -> String {
    record.ratio(FUSED, size)
}

/// A line for each loss around cross-entropy and each shape; empty without either.
fn around(record: &Record) -> String {
    let Some(apart) = &record.losses else { return lines_around(record) };
    let Record { ceilings, host, date, .. } = &**apart;
    format!(
        "Losses around cross-entropy, measured apart ({}; copy {} GB/s, the CPU's {}; \
         [all figures](benches/record/{}/{LOSSES_FILE})):\n\n{}",
        date.split('T').next().unwrap_or_default(),
        short(ceilings.copy.gigabytes_per_second),
        short(host.ceilings.copy.gigabytes_per_second),
        record.folder,
        lines_around(apart),
    )
}

fn lines_around(record: &Record) -> String {
    let mut lines = String::new();
    for loss in AROUND {
        let [forward, fused] = ["forward", "fused"].map(|form| format!("{loss} {form}"));
        let of_loss =
            |entry: &&Entry| (entry.op == forward || entry.op == fused) && entry.element == "f32";
        let mut sizes: Vec<Size> = Vec::new();
        for entry in record.results.iter().filter(of_loss) {
            if !sizes.contains(&entry.size()) {
                sizes.push(entry.size());
            }
        }
        for size in sizes {
            lines += &line(&[
                loss.to_owned(),
                name(size),
                record.share(&forward, "gpu", size),
                record.share(&fused, "gpu", size),
                record.share(&fused, "cpu::Fast", size),
                record.ratio(&fused, size),
            ]);
        }
    }
    if lines.is_empty() {
        return lines;
    }
    let headings =
        ["loss", "rows × columns", "forward", "fused", "`cpu::Fast`, fused", "CPU / adapter"];
    line(&headings) + &line(&["---"; 6]) + &lines
}

/// A line for each shape, a column for each operation; empty without either.
fn table(record: &Record, sizes: &str, columns: &[Column], beside: &[(&str, Cell)]) -> String {
    let columns: Vec<_> = columns
        .iter()
        .filter(|(_, op, _)| record.results.iter().any(|entry| entry.op == *op))
        .collect();
    let of_columns = |entry: &&Entry| columns.iter().any(|(_, op, _)| entry.op == *op);
    let mut shapes: Vec<Size> = Vec::new();
    for entry in record.results.iter().filter(of_columns) {
        if !shapes.contains(&entry.size()) {
            shapes.push(entry.size());
        }
    }
    if shapes.is_empty() {
        return String::new();
    }
    let mut headings = vec![sizes];
    headings.extend(columns.iter().map(|(heading, _, _)| *heading));
    headings.extend(beside.iter().map(|(heading, _)| *heading));
    let mut text = line(&headings) + &line(&vec!["---"; headings.len()]);
    for size in shapes {
        let mut cells = vec![name(size)];
        cells.extend(columns.iter().map(|(_, op, elements)| {
            let entries = elements.iter().map(|element| record.find(op, "gpu", element, size));
            let fractions = entries.map(|entry| entry.and_then(|entry| entry.fraction_of_ceiling));
            percentages(&fractions.collect::<Vec<_>>())
        }));
        cells.extend(beside.iter().map(|(_, cell)| cell(record, size)));
        text += &line(&cells);
    }
    text
}

/// `44, 30, 29 %`; a dash for what was not measured.
fn percentages(fractions: &[Option<f64>]) -> String {
    if fractions.iter().all(Option::is_none) {
        return "–".to_owned();
    }
    let number = |it: &Option<f64>| it.map_or("–".to_owned(), |it| format!("{:.0}", 100.0 * it));
    fractions.iter().map(number).collect::<Vec<_>>().join(", ") + " %"
}

fn name((rows, classes, inner): Size) -> String {
    match inner {
        0 | 1 => format!("{rows} × {classes}"),
        _ => format!("{} × {classes} × {inner}", rows / inner),
    }
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn calls(record: &Record) -> String {
    let mut shapes: Vec<(usize, usize)> = Vec::new();
    for call in &record.small_calls {
        if !shapes.contains(&(call.rows, call.classes)) {
            shapes.push((call.rows, call.classes));
        }
    }
    if shapes.is_empty() {
        return String::new();
    }
    let mut headings = vec!["one call, loss and gradient, µs".to_owned()];
    headings.extend(shapes.iter().map(|(rows, classes)| format!("{rows} × {classes}")));
    let mut text = line(&headings) + &line(&vec!["---"; headings.len()]);
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for call in &record.small_calls {
        let kind = (call.call.as_str(), call.engine.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for (call, engine) in kinds {
        let engine_name = if engine == "gpu" { "" } else { ", `cpu::Fast`" };
        let mut cells = vec![format!("{call}{engine_name}")];
        cells.extend(shapes.iter().map(|(rows, classes)| {
            let found = record.small_calls.iter().find(|it| {
                (it.call.as_str(), it.engine.as_str()) == (call, engine)
                    && (it.rows, it.classes) == (*rows, *classes)
            });
            found.map_or("–".to_owned(), |it| short(it.microseconds))
        }));
        text += &line(&cells);
    }
    text
}

/// A number with two digits or more.
fn short(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

impl Record {
    fn find(&self, op: &str, engine: &str, element: &str, size: Size) -> Option<&Entry> {
        self.results.iter().find(|it| {
            it.op == op && it.engine == engine && it.element == element && it.size() == size
        })
    }

    /// Of `f32`, relative to the ceiling.
    fn share(&self, op: &str, engine: &str, size: Size) -> String {
        let entry = self.find(op, engine, "f32", size);
        percentages(&[entry.and_then(|entry| entry.fraction_of_ceiling)])
    }

    /// The time of `cpu::Fast` over the adapter's, of `f32`.
    fn ratio(&self, op: &str, size: Size) -> String {
        let [gpu, cpu] = ["gpu", "cpu::Fast"].map(|engine| self.find(op, engine, "f32", size));
        gpu.zip(cpu).map_or("–".to_owned(), |(gpu, cpu)| {
            format!("{:.2}", cpu.milliseconds / gpu.milliseconds)
        })
    }
}

impl Entry {
    fn size(&self) -> Size {
        (self.rows, self.classes, self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{
        "command": "wgpu-loss roofline", "date": "2026-11-21T15:00:00Z", "adapter": "A", "backend": "vulkan",
        "driver": "D 1",
        "ceilings": {"read": {"gigabytes_per_second": 9.44}, "copy": {"gigabytes_per_second": 8.9},
            "in_place": {"gigabytes_per_second": 10.3}, "footprint_bytes": 536870912},
        "host": {"threads": 2, "ceilings": {"read": {"gigabytes_per_second": 20},
            "copy": {"gigabytes_per_second": 21}, "in_place": {"gigabytes_per_second": 22}}, "x": 1},
        "small_calls": [{"call": "record", "engine": "gpu", "rows": 64, "classes": 10, "microseconds": 0.77}],
        "results": [
            {"op": "cross-entropy fused", "engine": "gpu", "element": "f32", "rows": 8, "classes": 10,
             "inner": 1, "milliseconds": 2, "fraction_of_ceiling": 0.444, "timer": "wall clock"},
            {"op": "cross-entropy fused", "engine": "gpu", "element": "f16", "rows": 8, "classes": 10,
             "inner": 1, "milliseconds": 2, "fraction_of_ceiling": 0.2, "timer": "wall clock"},
            {"op": "cross-entropy fused", "engine": "cpu::Fast", "element": "f32", "rows": 8,
             "classes": 10, "inner": 1, "milliseconds": 1, "fraction_of_ceiling": 0.1, "timer": "wall clock"},
            {"op": "cross-entropy fused", "engine": "gpu", "element": "f32", "rows": 12, "classes": 21,
             "inner": 6, "milliseconds": 2, "fraction_of_ceiling": null, "timer": "wall clock"},
            {"op": "squared error forward", "engine": "gpu", "element": "f32", "rows": 8, "classes": 9,
             "inner": 1, "milliseconds": 1, "fraction_of_ceiling": 0.9, "timer": "wall clock"},
            {"op": "squared error fused", "engine": "gpu", "element": "f32", "rows": 8, "classes": 9,
             "inner": 1, "milliseconds": 4, "fraction_of_ceiling": 0.8, "timer": "wall clock"},
            {"op": "squared error fused", "engine": "cpu::Fast", "element": "f32", "rows": 8,
             "classes": 9, "inner": 1, "milliseconds": 1, "fraction_of_ceiling": 0.7, "timer": "wall clock"},
            {"op": "softmax focal fused", "engine": "gpu", "element": "f32", "rows": 8, "classes": 9,
             "inner": 1, "milliseconds": 4, "fraction_of_ceiling": 0.25, "timer": "wall clock"}
        ]
    }"#;

    #[test]
    fn tables_show_what_was_measured() {
        let record: Record = serde_json::from_str(&RECORD.replace(
            r#""in_place": {"gigabytes_per_second": 22}}"#,
            r#""in_place": {"gigabytes_per_second": 22}, "footprint_bytes": 1}"#,
        ))
        .expect("a record");
        let text = markdown(&[record]);
        for part in [
            "read 9.4, copy 8.9, change in place 10 GB/s; logits of 512 MiB take turns",
            "(vulkan, D 1; 2026-11-21, `wgpu-loss roofline`, by wall clock;",
            "| rows × classes | fused | `cpu::Fast`, fused | CPU / adapter |\n| --- | --- | --- | --- |\n",
            "| 8 × 10 | 44, –, 20 % | 10 % | 0.50 |",
            "| 2 × 21 × 6 | – | – | – |",
            "| squared error | 8 × 9 | 90 % | 80 % | 70 % | 0.25 |\n",
            "| softmax focal | 8 × 9 | – | 25 % | – | – |\n",
            "| one call, loss and gradient, µs | 64 × 10 |\n",
            "| record | 0.8 |",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("column sums"), "{text}");
    }

    #[test]
    fn losses_measured_apart_have_ceilings_of_their_own() {
        let record = |copy: &str| -> Record {
            let of_host = r#""in_place": {"gigabytes_per_second": 22}}"#;
            let text =
                RECORD.replace(of_host, &of_host.replace("}}", r#"}, "footprint_bytes": 1}"#));
            serde_json::from_str(&text.replace("8.9", copy)).expect("a record")
        };
        let losses = Some(Box::new(record("1.9")));
        let text = markdown(&[Record { folder: "a".to_owned(), losses, ..record("7.7") }]);
        for part in [
            "read 9.4, copy 7.7,",
            "(2026-11-21; copy 1.9 GB/s, the CPU's 21; [all figures](benches/record/a/losses.json))",
            "| squared error | 8 × 9 | 90 % | 80 % | 70 % | 0.25 |\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
