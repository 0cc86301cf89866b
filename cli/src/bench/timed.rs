//! What is timed on the adapter and then on the CPU, an operation at a time: reductions, element-wise
//! losses, and the losses of logits beside cross-entropy.

use wgpu_loss::{Gpu, Kernels, Shape};

use super::ceiling::Traffic;
use super::device::{Prepared, copies};
use super::entry::{Ceilings, Entry, Measured, name};
use super::grid::{Case, Effort};
use super::host;
use super::timing::Timing;
use super::{Bench, where_it_fits};
use crate::failure::Result;
use crate::output;

/// An operation that is timed.
pub trait Timed: Copy {
    /// What it works on; cloned, so that no cache holds all of it.
    type Problem: Clone;
    /// What must come out.
    type Answers;
    /// What comes out on the CPU.
    type Output;

    /// Its name in JSON and in messages.
    fn name(self) -> &'static str;

    /// Its name in tables.
    fn short_name(self) -> &'static str;

    /// Matrices that it reads.
    fn operands(self) -> u64;

    /// Whether it writes another one.
    fn has_gradient(self) -> bool;

    /// What it works on, of this shape and type; the same in every run.
    fn problem(self, shape: Shape) -> Self::Problem;

    /// Whether another operation works on the same.
    fn shares_problem(self, _other: Self) -> bool {
        true
    }

    /// Bytes of one matrix.
    fn bytes(problem: &Self::Problem) -> u64;

    /// The oracle's.
    fn answers(self, problem: &Self::Problem) -> Result<Self::Answers>;

    /// Uploads so many copies of the problem, plans and binds the operation to each, runs it once, and
    /// compares what it gives with the oracle's.
    fn prepare(
        self,
        device: (&Gpu, &Kernels),
        problem: &Self::Problem,
        answers: &Self::Answers,
        copies: u64,
    ) -> Result<Prepared>;

    /// Calls [`cpu::Fast`](wgpu_loss::cpu::Fast).
    fn run(self, problem: &Self::Problem) -> wgpu_loss::Result<Self::Output>;

    /// Compares what that gave with the oracle's.
    fn check(
        self,
        what: &str,
        found: Self::Output,
        problem: &Self::Problem,
        answers: &Self::Answers,
    ) -> Result<()>;

    /// What a kernel that moves as much does, or the nearest there is.
    fn traffic(self) -> Traffic {
        if self.has_gradient() { Traffic::Copy } else { Traffic::Read }
    }
}

/// Every operation of a case, on the device and on the CPU.
pub fn measure<T: Timed>(
    mut bench: Option<&mut Bench>,
    ceilings: Ceilings<'_>,
    case: &Case<T>,
    effort: &Effort,
) -> Result<Vec<Entry>> {
    let bar = output::spinner(&name(case.shape));
    let mut entries = Vec::new();
    let mut last: Option<(T, T::Problem)> = None;
    for &op in &case.ops {
        let kept = last.take().filter(|(other, _)| op.shares_problem(*other));
        let (_, problem) = last.insert(kept.unwrap_or_else(|| (op, op.problem(case.shape))));
        let problem = &*problem;
        let bytes = T::bytes(problem);
        let read_bytes = op.operands() * bytes;
        let measured = Measured {
            op: op.name(),
            label: op.short_name(),
            shape: case.shape,
            least_bytes: read_bytes + if op.has_gradient() { bytes } else { 0 },
            traffic: op.traffic(),
        };
        let what = format!("{}, {}", name(case.shape), op.name());
        bar.set_message(what.clone());
        let answers = op.answers(problem)?;
        where_it_fits(bench.as_deref_mut(), &what, bytes, |Bench { gpu, kernels, timer }| {
            let copies = copies(read_bytes, effort.footprint);
            let prepared = op.prepare((&*gpu, &*kernels), problem, &answers, copies)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(measured.on_gpu(ceilings.gpu, prepared.family, timing, timer.name()));
            Ok(())
        })?;
        bar.set_message(format!("{what}, cpu::Fast"));
        let copies = copies(read_bytes, effort.host_footprint);
        let timing = on_host(op, problem, &answers, copies, effort.runs)?;
        entries.push(measured.on_cpu(ceilings.host, timing));
    }
    bar.finish_and_clear();
    Ok(entries)
}

/// With so many copies of the problem in host memory, which take turns.
fn on_host<T: Timed>(
    op: T,
    problem: &T::Problem,
    answers: &T::Answers,
    copies: u64,
    runs: usize,
) -> Result<Timing> {
    let others: Vec<_> = (1..copies).map(|_| problem.clone()).collect();
    let run = |turn: usize| op.run(others.get(turn % (others.len() + 1)).unwrap_or(problem));
    op.check(&format!("cpu::Fast {}", op.name()), run(0)?, problem, answers)?;
    host::time(runs, run)
}
