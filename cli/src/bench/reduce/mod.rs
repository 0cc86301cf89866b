//! Weighted reductions: of everything, of each row and of each column, against a read of as many
//! bytes.

mod data;
mod device;

use wgpu_loss::{Axis, Element, Engine, Reduce, Statistic, cpu};

use super::ceiling::Ceilings;
use super::host;
use super::{Bench, Effort, Entry, Measured, Traffic, fits};
use crate::failure::Result;
use crate::output;
use data::Problem;
use device::Resident;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceOp {
    /// The sum of all values.
    Sum,
    /// Their mean, a weight for each.
    WeightedMean,
    /// The sum of each row.
    RowSums,
    /// The sum of each column.
    ColumnSums,
}

use ReduceOp::{ColumnSums, RowSums, Sum, WeightedMean};

/// One shape, with what is timed of it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    ops: &'static [ReduceOp],
}

/// How many reductions are measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The shapes.
    pub cases: &'static [Case],
    /// The types of values and weights.
    pub elements: &'static [Element],
}

/// 64 and 128 MiB of `f32`, half of that of the other types; few and many columns.
pub const FULL: Extent = Extent {
    cases: &[
        Case { rows: 16_384, columns: 1_024, ops: &[Sum, WeightedMean, RowSums, ColumnSums] },
        Case { rows: 32_768, columns: 1_024, ops: &[Sum, WeightedMean] },
        Case { rows: 1_048_576, columns: 16, ops: &[RowSums, ColumnSums] },
        Case { rows: 64, columns: 262_144, ops: &[RowSums, ColumnSums] },
    ],
    elements: &Element::ALL,
};

/// 64 MiB.
pub const QUICK: Extent = Extent {
    cases: &[Case { rows: 16_384, columns: 1_024, ops: &[Sum, WeightedMean, RowSums, ColumnSums] }],
    elements: &[Element::F32],
};

impl ReduceOp {
    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum of all",
            Self::WeightedMean => "weighted mean of all",
            Self::RowSums => "sum of each row",
            Self::ColumnSums => "sum of each column",
        }
    }

    /// Its name in tables.
    fn short_name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::WeightedMean => "weighted mean",
            Self::RowSums => "row sums",
            Self::ColumnSums => "column sums",
        }
    }

    fn options(self) -> Reduce {
        match self {
            Self::Sum => Reduce::new(Statistic::Sum, Axis::All),
            Self::WeightedMean => Reduce::new(Statistic::Mean, Axis::All),
            Self::RowSums => Reduce::new(Statistic::Sum, Axis::EachRow),
            Self::ColumnSums => Reduce::new(Statistic::Sum, Axis::EachColumn),
        }
    }

    fn is_weighted(self) -> bool {
        self == Self::WeightedMean
    }

    /// The least bytes it can move: values once, weights once.
    fn least_bytes(self, problem: &Problem) -> u64 {
        let arrays = if self.is_weighted() { 2 } else { 1 };
        arrays * problem.bytes()
    }
}

/// Every operation of a case, on the device and on the CPU.
pub fn measure(
    bench: Option<&mut Bench>,
    ceilings: Option<&Ceilings>,
    case: &Case,
    element: Element,
    effort: Effort,
) -> Result<Vec<Entry>> {
    let size = format!("{} x {} {}", case.rows, case.columns, element.name());
    let bar = output::spinner(&size);
    let problem = Problem::new(case.rows, case.columns, element);
    let mut device = match bench.filter(|bench| fits(&bench.gpu, problem.bytes())) {
        Some(Bench { gpu, kernels, timer }) => {
            let weighted = case.ops.iter().any(|op| op.is_weighted());
            let resident = Resident::new(gpu, kernels, (&problem, weighted), effort.footprint)?;
            Some((resident, timer))
        }
        None => None,
    };
    let mut entries = Vec::new();
    for &op in case.ops {
        let entry = |engine, family, timing, timer| {
            let measured = Measured {
                op: op.name(),
                label: op.short_name(),
                element,
                shape: (case.rows, case.columns),
                least_bytes: op.least_bytes(&problem),
                traffic: Traffic::Read,
            };
            measured.entry(ceilings, engine, family, timing, timer)
        };
        bar.set_message(format!("{size}, {}", op.name()));
        let answers = problem.answers(op)?;
        if let Some((resident, timer)) = &mut device {
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(entry("gpu", Some(prepared.family), timing, timer.name()));
        }
        bar.set_message(format!("{size}, {}, cpu::Fast", op.name()));
        let (values, weights) = problem.operands(op)?;
        let run = || cpu::Fast.reduce(values, weights, &op.options());
        answers.check(&format!("cpu::Fast {}", op.name()), &run()?.values)?;
        let timing = host::time(effort.runs, run)?;
        entries.push(entry("cpu::Fast", None, timing, "wall clock"));
    }
    bar.finish_and_clear();
    Ok(entries)
}
