//! The CPU beside the GPU: [`cpu::Fast`] in its one-call form, outputs allocated each time.

use std::hint::black_box;
use std::time::Instant;

use wgpu_loss::{
    CrossEntropy, Engine, LogSumExp, Logits, OwnedValues, Reduction, RowOutputs, Targets, Upstream,
    cpu,
};

use super::Op;
use super::data::{Answers, Problem};
use super::timing::Timing;
use crate::failure::Result;

/// Times an operation; `None` for those that the one-call form lacks.
pub fn measure(
    op: Op,
    problem: &Problem,
    answers: &Answers,
    runs: usize,
) -> Result<Option<Timing>> {
    let logits = Logits::new(&problem.logits, problem.rows, problem.classes)?;
    let targets = Targets::classes(&problem.targets);
    let options = CrossEntropy {
        reduction: Reduction::Sum,
        rows: RowOutputs { loss: true, ..Default::default() },
        ..Default::default()
    };
    let what = format!("cpu::Fast {}", op.name());
    let what = what.as_str();
    let rows = |values: &Option<Vec<f32>>| values.clone().unwrap_or_default();
    match op {
        Op::LogSumExp => {
            let run = || cpu::Fast.log_sum_exp(logits, &LogSumExp::default());
            answers.check_log_sum_exp(what, &run()?.log_sum_exp)?;
            time(runs, run).map(Some)
        }
        Op::Forward => {
            let run = || cpu::Fast.cross_entropy(logits, targets, &options);
            answers.check_loss(what, &rows(&run()?.loss_rows))?;
            time(runs, run).map(Some)
        }
        Op::Fused => {
            let upstream = Upstream::default();
            let run = || cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, &options);
            let output = run()?;
            answers.check_loss(what, &rows(&output.loss_rows))?;
            let gradient = output.gradient.map_or_else(Vec::new, OwnedValues::into_f32);
            answers.check_gradient(what, |row| {
                gradient.get(row * problem.classes..(row + 1) * problem.classes).unwrap_or(&[])
            })?;
            time(runs, run).map(Some)
        }
        Op::FusedInPlace | Op::Backward => Ok(None),
    }
}

/// Times calls.
pub fn time<T>(runs: usize, run: impl Fn() -> wgpu_loss::Result<T>) -> Result<Timing> {
    let times = (0..runs.max(1)).map(|_| {
        let start = Instant::now();
        black_box(run()?);
        Ok(start.elapsed().as_secs_f64())
    });
    Ok(Timing::of(times.collect::<Result<_>>()?))
}
