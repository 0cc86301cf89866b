//! Element-wise losses and their gradients, against a read or copy of as many bytes.

mod data;
mod device;

use wgpu_loss::{
    ElementwiseLoss, ElementwiseOutput, ElementwiseUpstream, Engine, Gpu, Kernels, LossFunction,
    Shape, cpu,
};

use super::device::Prepared;
use super::timed::Timed;
use crate::failure::Result;
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

    fn upstream_of(self, problem: &Problem) -> Option<ElementwiseUpstream<'static>> {
        self.fused.then(|| ElementwiseUpstream::Scalar(Self::upstream(problem)))
    }
}

impl Timed for LossOp {
    type Problem = Problem;
    type Answers = Answers;
    type Output = ElementwiseOutput;

    fn name(self) -> &'static str {
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

    fn short_name(self) -> &'static str {
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

    fn operands(self) -> u64 {
        2
    }

    fn has_gradient(self) -> bool {
        self.fused
    }

    fn problem(self, shape: Shape) -> Problem {
        Problem::new(self.loss, shape)
    }

    fn shares_problem(self, other: Self) -> bool {
        self.loss == other.loss
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
        Resident::new(gpu, problem, self.fused, copies)?.prepare(kernels, self, answers)
    }

    fn run(self, problem: &Problem) -> wgpu_loss::Result<ElementwiseOutput> {
        let upstream = self.upstream_of(problem);
        cpu::Fast.evaluate_elementwise(&problem.operands()?, upstream, &self.options())
    }

    fn check(
        self,
        what: &str,
        found: ElementwiseOutput,
        _: &Problem,
        answers: &Answers,
    ) -> Result<()> {
        answers.check_value(what, found.values.first().copied().unwrap_or(f32::NAN))?;
        match found.gradient {
            Some(gradient) => answers.check_gradient(what, &gradient.into_f32()),
            None => Ok(()),
        }
    }
}
