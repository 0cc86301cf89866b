//! Element-wise losses and their gradients, against a read or copy of as many bytes.

mod data;
mod device;

use wgpu_loss::{ElementwiseLoss, ElementwiseUpstream, Engine, LossFunction, cpu};

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
    /// Binary cross-entropy of logits.
    BinaryCrossEntropy,
    /// Sigmoid focal loss.
    SigmoidFocal,
    /// Squared error.
    SquaredError,
    /// Kullback-Leibler divergence of log-probabilities.
    KlDivergence,
}

/// What is timed: the mean of a loss, and with a gradient to another buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossOp {
    /// The loss.
    pub loss: Loss,
    /// Whether with the gradient.
    pub fused: bool,
}

impl LossOp {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self { loss: Loss::BinaryCrossEntropy, fused: false },
        Self { loss: Loss::BinaryCrossEntropy, fused: true },
        Self { loss: Loss::SigmoidFocal, fused: false },
        Self { loss: Loss::SigmoidFocal, fused: true },
        Self { loss: Loss::SquaredError, fused: false },
        Self { loss: Loss::SquaredError, fused: true },
        Self { loss: Loss::KlDivergence, fused: false },
        Self { loss: Loss::KlDivergence, fused: true },
    ];

    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::BinaryCrossEntropy, false) => "binary cross-entropy forward",
            (Loss::BinaryCrossEntropy, true) => "binary cross-entropy fused",
            (Loss::SigmoidFocal, false) => "sigmoid focal forward",
            (Loss::SigmoidFocal, true) => "sigmoid focal fused",
            (Loss::SquaredError, false) => "squared error forward",
            (Loss::SquaredError, true) => "squared error fused",
            (Loss::KlDivergence, false) => "KL divergence forward",
            (Loss::KlDivergence, true) => "KL divergence fused",
        }
    }

    /// Its name in tables.
    pub fn short_name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::BinaryCrossEntropy, false) => "BCE",
            (Loss::BinaryCrossEntropy, true) => "BCE fused",
            (Loss::SigmoidFocal, false) => "focal",
            (Loss::SigmoidFocal, true) => "focal fused",
            (Loss::SquaredError, false) => "squared",
            (Loss::SquaredError, true) => "squared fused",
            (Loss::KlDivergence, false) => "KL",
            (Loss::KlDivergence, true) => "KL fused",
        }
    }

    fn options(self) -> ElementwiseLoss {
        ElementwiseLoss::new(match self.loss {
            Loss::BinaryCrossEntropy => LossFunction::BinaryCrossEntropyWithLogits,
            Loss::SigmoidFocal => LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 },
            Loss::SquaredError => LossFunction::SquaredError,
            Loss::KlDivergence => LossFunction::KlDivergence { log_target: false },
        })
    }

    /// The number of elements, so that gradients of the mean are about 1 each.
    fn upstream(problem: &Problem) -> f32 {
        (problem.shape.rows * problem.shape.classes) as f32
    }

    /// What a kernel that moves as much does: it reads twice as much as it writes where a gradient
    /// is written, of which a copy is the nearest.
    pub fn traffic(self) -> Traffic {
        if self.fused { Traffic::Copy } else { Traffic::Read }
    }

    /// The least bytes it can move: input and target once, the gradient once.
    fn least_bytes(self, problem: &Problem) -> u64 {
        problem.bytes() * if self.fused { 3 } else { 2 }
    }
}

/// Every operation of a case, on the device and on the CPU.
pub fn measure(
    bench: Option<&mut Bench>,
    ceilings: Ceilings<'_>,
    case: &Case<LossOp>,
    effort: &Effort,
) -> Result<Vec<Entry>> {
    let bar = output::spinner(&name(case.shape));
    let mut entries = Vec::new();
    let mut bench = bench;
    let mut last = None;
    for &op in &case.ops {
        // Forward and fused of a loss share their problem.
        if last.as_ref().is_none_or(|(loss, _)| *loss != op.loss) {
            last = Some((op.loss, Problem::new(op.loss, case.shape)));
        }
        let Some((_, problem)) = &last else { continue };
        let measured = Measured {
            op: op.name(),
            label: op.short_name(),
            shape: case.shape,
            least_bytes: op.least_bytes(problem),
            traffic: op.traffic(),
        };
        bar.set_message(format!("{}, {}", name(case.shape), op.name()));
        let answers = problem.answers(op)?;
        if let Some(Bench { gpu, kernels, timer }) =
            bench.as_deref_mut().filter(|bench| fits(&bench.gpu, problem.bytes()))
        {
            let resident = Resident::new(gpu, kernels, problem, (op.fused, effort.footprint))?;
            let prepared = resident.prepare(op, &answers)?;
            let timing = timer.measure(effort.runs, &mut |pass, repetition| {
                prepared.record(pass, repetition);
            })?;
            entries.push(measured.on_gpu(ceilings.gpu, prepared.family, timing, timer.name()));
        }
        bar.set_message(format!("{}, {}, cpu::Fast", name(case.shape), op.name()));
        let timing = on_host(op, problem, &answers, effort)?;
        entries.push(measured.on_cpu(ceilings.host, timing));
    }
    bar.finish_and_clear();
    Ok(entries)
}

/// The problem in host memory several times over, so that no cache holds all of it.
fn on_host(op: LossOp, problem: &Problem, answers: &Answers, effort: &Effort) -> Result<Timing> {
    let more = copies(2 * problem.bytes(), effort.host_footprint) - 1;
    let others: Vec<_> = (0..more).map(|_| problem.clone()).collect();
    let upstream = op.fused.then(|| ElementwiseUpstream::Scalar(LossOp::upstream(problem)));
    let run = |turn: usize| {
        let problem = others.get(turn % (others.len() + 1)).unwrap_or(problem);
        cpu::Fast.evaluate_elementwise(&problem.operands()?, upstream, &op.options())
    };
    let found = run(0)?;
    let what = format!("cpu::Fast {}", op.name());
    answers.check_value(&what, found.values.first().copied().unwrap_or(f32::NAN))?;
    if let Some(gradient) = found.gradient {
        answers.check_gradient(&what, &gradient.into_f32())?;
    }
    host::time(effort.runs, run)
}
