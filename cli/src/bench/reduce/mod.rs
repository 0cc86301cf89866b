//! Weighted reductions: of everything, of each row and of each column, against a read of as many
//! bytes.

mod data;
mod device;

use wgpu_loss::{Axis, Engine, Logits, OwnedValues, Reduce, Statistic, cpu};

use super::ceiling::Traffic;
use super::device::copies;
use super::entry::{Ceilings, Entry, Measured, name};
use super::grid::{Case, Effort};
use super::host;
use super::timing::Timing;
use super::{Bench, fits};
use crate::failure::Result;
use crate::output;
use data::{Answers, Problem};
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

impl ReduceOp {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sum, Self::WeightedMean, Self::RowSums, Self::ColumnSums];

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
    pub fn short_name(self) -> &'static str {
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
    ceilings: Ceilings<'_>,
    case: &Case<ReduceOp>,
    effort: &Effort,
) -> Result<Vec<Entry>> {
    let bar = output::spinner(&name(case.shape));
    let problem = Problem::new(case.shape);
    let mut device = match bench.filter(|bench| fits(&bench.gpu, problem.bytes())) {
        Some(Bench { gpu, kernels, timer }) => {
            let weighted = case.ops.iter().any(|op| op.is_weighted());
            let resident = Resident::new(gpu, kernels, (&problem, weighted), effort.footprint)?;
            Some((resident, timer))
        }
        None => None,
    };
    let host = Host::new(&problem, effort.host_footprint);
    let mut entries = Vec::new();
    for &op in &case.ops {
        let measured = Measured {
            op: op.name(),
            label: op.short_name(),
            shape: case.shape,
            least_bytes: op.least_bytes(&problem),
            traffic: Traffic::Read,
        };
        bar.set_message(format!("{}, {}", name(case.shape), op.name()));
        let answers = problem.answers(op)?;
        if let Some((resident, timer)) = &mut device {
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(measured.on_gpu(ceilings.gpu, prepared.family, timing, timer.name()));
        }
        bar.set_message(format!("{}, {}, cpu::Fast", name(case.shape), op.name()));
        let timing = host.measure(op, &answers, effort.runs)?;
        entries.push(measured.on_cpu(ceilings.host, timing));
    }
    bar.finish_and_clear();
    Ok(entries)
}

/// A problem in host memory: the values several times over, so that no cache holds all of them.
struct Host<'a> {
    problem: &'a Problem,
    copies: Vec<OwnedValues>,
}

impl<'a> Host<'a> {
    fn new(problem: &'a Problem, footprint: u64) -> Self {
        let more = copies(problem.bytes(), footprint) - 1;
        Self { problem, copies: (0..more).map(|_| problem.values.clone()).collect() }
    }

    fn measure(&self, op: ReduceOp, answers: &Answers, runs: usize) -> Result<Timing> {
        let run = |turn: usize| {
            let (values, weights) = self.problem.operands(op)?;
            let turn = turn % (self.copies.len() + 1);
            let values = match self.copies.get(turn) {
                Some(copy) => Logits::from_values(copy.values(), self.problem.shape)?,
                None => values,
            };
            cpu::Fast.reduce(values, weights, &op.options())
        };
        answers.check(&format!("cpu::Fast {}", op.name()), &run(0)?.values)?;
        host::time(runs, run)
    }
}
