//! Softmax focal loss and divergences of logits, and their gradients, against a read or copy of as
//! many bytes.

mod data;
mod device;

use wgpu_loss::{Engine, Reduction, SoftmaxFunction, SoftmaxLoss, Upstream, cpu};

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

/// The losses that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Focal loss against classes.
    Focal,
    /// Kullback-Leibler divergence from a teacher at a temperature of 2.
    KlDivergence,
    /// Jensen-Shannon divergence, likewise.
    JensenShannon,
}

/// What is timed: the sum of the rows' losses, and with a gradient to another buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxLossOp {
    /// The loss.
    pub loss: Loss,
    /// Whether with the gradient.
    pub fused: bool,
}

impl SoftmaxLossOp {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self { loss: Loss::Focal, fused: false },
        Self { loss: Loss::Focal, fused: true },
        Self { loss: Loss::KlDivergence, fused: false },
        Self { loss: Loss::KlDivergence, fused: true },
        Self { loss: Loss::JensenShannon, fused: false },
        Self { loss: Loss::JensenShannon, fused: true },
    ];

    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::Focal, false) => "softmax focal forward",
            (Loss::Focal, true) => "softmax focal fused",
            (Loss::KlDivergence, false) => "softmax KL divergence forward",
            (Loss::KlDivergence, true) => "softmax KL divergence fused",
            (Loss::JensenShannon, false) => "softmax Jensen-Shannon forward",
            (Loss::JensenShannon, true) => "softmax Jensen-Shannon fused",
        }
    }

    /// Its name in tables.
    pub fn short_name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::Focal, false) => "focal",
            (Loss::Focal, true) => "focal fused",
            (Loss::KlDivergence, false) => "KL",
            (Loss::KlDivergence, true) => "KL fused",
            (Loss::JensenShannon, false) => "JS",
            (Loss::JensenShannon, true) => "JS fused",
        }
    }

    fn has_teacher(self) -> bool {
        self.loss != Loss::Focal
    }

    fn options(self) -> SoftmaxLoss {
        let function = match self.loss {
            Loss::Focal => SoftmaxFunction::Focal { gamma: 2.0 },
            Loss::KlDivergence => SoftmaxFunction::KlDivergence,
            Loss::JensenShannon => SoftmaxFunction::JensenShannon,
        };
        SoftmaxLoss {
            temperature: if self.has_teacher() { 2.0 } else { 1.0 },
            reduction: Reduction::Sum,
            rows: true,
            ..SoftmaxLoss::new(function)
        }
    }

    fn upstream(self) -> Option<Upstream<'static>> {
        self.fused.then(Upstream::default)
    }

    /// What a kernel that moves as much does, or the nearest there is.
    pub fn traffic(self) -> Traffic {
        if self.fused { Traffic::Copy } else { Traffic::Read }
    }

    /// The least bytes it can move: logits, a teacher's and the gradient once.
    fn least_bytes(self, problem: &Problem) -> u64 {
        problem.bytes() * (1 + u64::from(self.has_teacher()) + u64::from(self.fused))
    }
}

/// Every operation of a case, on the device and on the CPU.
pub fn measure(
    bench: Option<&mut Bench>,
    ceilings: Ceilings<'_>,
    case: &Case<SoftmaxLossOp>,
    effort: &Effort,
) -> Result<Vec<Entry>> {
    let bar = output::spinner(&name(case.shape));
    let mut bench = bench;
    let mut entries = Vec::new();
    let problem = Problem::new(case.shape);
    for &op in &case.ops {
        let measured = Measured {
            op: op.name(),
            label: op.short_name(),
            shape: case.shape,
            least_bytes: op.least_bytes(&problem),
            traffic: op.traffic(),
        };
        bar.set_message(format!("{}, {}", name(case.shape), op.name()));
        let answers = problem.answers(op)?;
        if let Some(Bench { gpu, kernels, timer }) =
            bench.as_deref_mut().filter(|bench| fits(&bench.gpu, problem.bytes()))
        {
            let resident = Resident::new(gpu, kernels, &problem, (op, effort.footprint))?;
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(measured.on_gpu(ceilings.gpu, prepared.family, timing, timer.name()));
        }
        bar.set_message(format!("{}, {}, cpu::Fast", name(case.shape), op.name()));
        let timing = on_host(op, &problem, &answers, effort)?;
        entries.push(measured.on_cpu(ceilings.host, timing));
    }
    bar.finish_and_clear();
    Ok(entries)
}

/// The problem in host memory several times over, so that no cache holds all of it.
fn on_host(
    op: SoftmaxLossOp,
    problem: &Problem,
    answers: &Answers,
    effort: &Effort,
) -> Result<Timing> {
    let bytes = problem.bytes() * if op.has_teacher() { 2 } else { 1 };
    let more = copies(bytes, effort.host_footprint) - 1;
    let others: Vec<_> = (0..more).map(|_| problem.clone()).collect();
    let run = |turn: usize| {
        let problem = others.get(turn % (others.len() + 1)).unwrap_or(problem);
        let (logits, against) = problem.operands(op)?;
        cpu::Fast.evaluate_softmax_loss(logits, against, op.upstream(), &op.options())
    };
    let found = run(0)?;
    let what = format!("cpu::Fast {}", op.name());
    answers.check_losses(&what, &found.loss_rows.unwrap_or_default())?;
    if let Some(gradient) = found.gradient {
        answers.check_gradient(&what, problem.view(&gradient)?)?;
    }
    host::time(effort.runs, run)
}
