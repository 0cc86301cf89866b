//! The CPU beside the GPU: [`cpu::Fast`] in its one-call form, outputs allocated each time.

use std::hint::black_box;
use std::time::Instant;

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, LogSumExp, Logits, OwnedValues, Reduction,
    RowOutputs, Targets, Upstream, cpu,
};

use super::data::{Answers, Problem};
use super::device::copies;
use super::op::Op;
use super::timing::Timing;
use crate::failure::Result;

/// Runs shorter than this are repeated inside one sample.
const SHORTEST: f64 = 0.002;

/// Most repetitions inside one sample.
const MOST_REPETITIONS: usize = 4096;

/// A problem in host memory: the logits several times over, so that no cache holds all of them.
pub struct Host<'a> {
    problem: &'a Problem,
    copies: Vec<OwnedValues>,
}

impl<'a> Host<'a> {
    /// Copies the logits as often as it takes to cover `footprint` bytes.
    pub fn new(problem: &'a Problem, footprint: u64) -> Self {
        let more = copies(problem.bytes(), footprint) - 1;
        Self { problem, copies: (0..more).map(|_| problem.logits.clone()).collect() }
    }

    /// Times an operation; `None` for those that the engine lacks.
    pub fn measure(&self, op: Op, answers: &Answers, runs: usize) -> Result<Option<Timing>> {
        let what = format!("cpu::Fast {}", op.name());
        let what = what.as_str();
        match op {
            Op::LogSumExp => {
                let run = |turn| cpu::Fast.log_sum_exp(self.logits(turn)?, &LogSumExp::default());
                answers.check_log_sum_exp(what, &run(0)?.log_sum_exp)?;
                time(runs, run).map(Some)
            }
            Op::Forward => {
                let run = |turn| self.cross_entropy(turn, None);
                answers.check_loss(what, &run(0)?.loss_rows.unwrap_or_default())?;
                time(runs, run).map(Some)
            }
            Op::Fused => {
                let run = |turn| self.cross_entropy(turn, Some(Upstream::default()));
                let output = run(0)?;
                answers.check_loss(what, &output.loss_rows.unwrap_or_default())?;
                let gradient = output.gradient.unwrap_or(OwnedValues::F32(Vec::new()));
                answers.check_gradient(what, self.problem.view(&gradient)?)?;
                time(runs, run).map(Some)
            }
            // The one-call form has neither.
            Op::FusedInPlace | Op::Backward => Ok(None),
        }
    }

    fn logits(&self, turn: usize) -> wgpu_loss::Result<Logits<'_>> {
        let turn = turn % (self.copies.len() + 1);
        let values = self.copies.get(turn).unwrap_or(&self.problem.logits);
        Logits::from_values(values.values(), self.problem.shape)
    }

    fn cross_entropy(
        &self,
        turn: usize,
        upstream: Option<Upstream<'_>>,
    ) -> wgpu_loss::Result<CrossEntropyOutput> {
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs { loss: true, ..Default::default() },
            ..Default::default()
        };
        let targets = Targets::classes(&self.problem.targets);
        cpu::Fast.evaluate_cross_entropy(self.logits(turn)?, targets, upstream, &options)
    }
}

/// Times calls, each told its turn.
pub fn time<T>(runs: usize, run: impl Fn(usize) -> wgpu_loss::Result<T>) -> Result<Timing> {
    let sample = |first: usize, repetitions: usize| -> Result<f64> {
        let start = Instant::now();
        for turn in first..first + repetitions {
            black_box(run(turn)?);
        }
        Ok(start.elapsed().as_secs_f64() / repetitions as f64)
    };
    let once = sample(0, 1)?;
    let repetitions = ((SHORTEST / once.max(1e-9)).ceil() as usize).clamp(1, MOST_REPETITIONS);
    let times = (0..runs.max(1)).map(|run| sample(1 + run * repetitions, repetitions));
    Ok(Timing::of(times.collect::<Result<_>>()?))
}
