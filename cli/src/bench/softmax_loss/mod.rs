//! Softmax focal loss and divergences of logits, and their gradients, against a read or copy of as
//! many bytes.

mod data;
mod device;

use wgpu_loss::{
    Engine, Gpu, Kernels, Reduction, Shape, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput,
    Upstream, cpu,
};

use super::device::Prepared;
use super::timed::Timed;
use crate::failure::Result;
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
}

impl Timed for SoftmaxLossOp {
    type Problem = Problem;
    type Answers = Answers;
    type Output = SoftmaxLossOutput;

    fn name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::Focal, false) => "softmax focal forward",
            (Loss::Focal, true) => "softmax focal fused",
            (Loss::KlDivergence, false) => "softmax KL divergence forward",
            (Loss::KlDivergence, true) => "softmax KL divergence fused",
            (Loss::JensenShannon, false) => "softmax Jensen-Shannon forward",
            (Loss::JensenShannon, true) => "softmax Jensen-Shannon fused",
        }
    }

    fn short_name(self) -> &'static str {
        match (self.loss, self.fused) {
            (Loss::Focal, false) => "focal",
            (Loss::Focal, true) => "focal fused",
            (Loss::KlDivergence, false) => "KL",
            (Loss::KlDivergence, true) => "KL fused",
            (Loss::JensenShannon, false) => "JS",
            (Loss::JensenShannon, true) => "JS fused",
        }
    }

    fn operands(self) -> u64 {
        if self.has_teacher() { 2 } else { 1 }
    }

    fn has_gradient(self) -> bool {
        self.fused
    }

    fn problem(self, shape: Shape) -> Problem {
        Problem::new(shape)
    }

    fn bytes(problem: &Problem) -> u64 {
        problem.bytes()
    }

    fn answers(self, problem: &Problem) -> Result<Answers> {
        problem.answers(self)
    }

    fn prepare(
        self,
        (gpu, kernels): (&Gpu, &Kernels),
        problem: &Problem,
        answers: &Answers,
        copies: u64,
    ) -> Result<Prepared> {
        Resident::new(gpu, problem, self, copies)?.prepare(kernels, self, answers)
    }

    fn run(self, problem: &Problem) -> wgpu_loss::Result<SoftmaxLossOutput> {
        let (logits, against) = problem.operands(self)?;
        cpu::Fast.evaluate_softmax_loss(logits, against, self.upstream(), &self.options())
    }

    fn check(
        self,
        what: &str,
        found: SoftmaxLossOutput,
        problem: &Problem,
        answers: &Answers,
    ) -> Result<()> {
        answers.check_losses(what, &found.loss_rows.unwrap_or_default())?;
        match found.gradient {
            Some(gradient) => answers.check_gradient(what, problem.view(&gradient)?),
            None => Ok(()),
        }
    }
}
