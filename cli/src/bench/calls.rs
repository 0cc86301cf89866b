//! What single calls on small batches cost, by the wall clock: recording, a submission with its
//! wait, and the one-call form with upload and readback.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;
use wgpu_loss::{
    CrossEntropy, Engine, OwnedValues, Reduction, RowOutputs, Shape, Step, Targets, Upstream, cpu,
};

use super::data::{Answers, Problem};
use super::device::Resident;
use super::entry::{CPU, GPU};
use super::op::Op;
use super::timing::{Timing, guarded, wait};
use super::{Bench, host};
use crate::failure::Result;
use crate::output;

/// Rows and classes.
pub const SHAPES: [(usize, usize); 2] = [(64, 10), (1024, 1000)];

/// Samples that a median is of, beside which a single call is short.
const RUNS: usize = 15;

/// Steps recorded in a sample.
const RECORDED: usize = 256;

/// One measured call: loss and gradient of a small batch.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// What was called.
    pub call: &'static str,
    /// What computed.
    pub engine: &'static str,
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// The median.
    pub microseconds: f64,
    /// Largest minus smallest, relative to the median.
    pub spread: f64,
    /// Samples that the median is of.
    pub runs: usize,
}

/// All calls on one shape.
pub fn measure(bench: Option<&Bench>, (rows, classes): (usize, usize)) -> Result<Vec<Call>> {
    let bar = output::spinner(&format!("single calls on {rows} x {classes}"));
    let problem = Problem::new(Shape::new(rows, classes));
    let answers = problem.answers()?;
    let call = |call, engine, timing: Timing| Call {
        call,
        engine,
        rows,
        classes,
        microseconds: 1e6 * timing.seconds,
        spread: timing.spread,
        runs: timing.runs,
    };
    let mut calls = Vec::new();
    if let Some(bench) = bench {
        let resident = Resident::new(&bench.gpu, &bench.kernels, &problem, 0)?;
        let prepared = resident.prepare(Op::Fused, &answers)?;
        if let Some(step) = prepared.steps.first() {
            calls.push(call("record", GPU, record(bench, step)?));
            calls.push(call("encoder, record, submit, wait", GPU, submit(bench, step)?));
        }
        calls.push(call("one call with readback", GPU, one_call(&bench.gpu, &problem, &answers)?));
    }
    calls.push(call("one call with readback", CPU, one_call(&cpu::Fast, &problem, &answers)?));
    bar.finish_and_clear();
    Ok(calls)
}

/// Recording alone, in an encoder that is there already.
fn record(bench: &Bench, step: &Step) -> Result<Timing> {
    let device = bench.gpu.device();
    let sample = || {
        guarded(device, "recording", || {
            let mut encoder = device.create_command_encoder(&Default::default());
            let start = Instant::now();
            (0..RECORDED).for_each(|_| step.record(black_box(&mut encoder)));
            start.elapsed().as_secs_f64() / RECORDED as f64
        })
    };
    sample()?;
    Ok(Timing::of((0..RUNS).map(|_| sample()).collect::<Result<_>>()?))
}

/// An encoder of its own, its submission, and the wait for it.
fn submit(bench: &Bench, step: &Step) -> Result<Timing> {
    let (device, queue) = (bench.gpu.device(), bench.gpu.queue());
    let sample = || {
        guarded(device, "submitting", || {
            let start = Instant::now();
            let mut encoder = device.create_command_encoder(&Default::default());
            step.record(&mut encoder);
            queue.submit([encoder.finish()]);
            wait(device).map(|()| start.elapsed().as_secs_f64())
        })?
    };
    sample()?;
    Ok(Timing::of((0..RUNS).map(|_| sample()).collect::<Result<_>>()?))
}

/// Numbers in, loss and gradient out.
fn one_call(engine: &dyn Engine, problem: &Problem, answers: &Answers) -> Result<Timing> {
    let options = CrossEntropy {
        reduction: Reduction::Sum,
        rows: RowOutputs { loss: true, ..Default::default() },
        ..Default::default()
    };
    let (logits, targets) = (problem.view(&problem.logits)?, Targets::classes(&problem.targets));
    let run = || engine.cross_entropy_with_gradient(logits, targets, Upstream::default(), &options);
    let output = run()?;
    let what = format!("{}, one call", engine.name());
    answers.check_loss(&what, &output.loss_rows.unwrap_or_default())?;
    let gradient = output.gradient.unwrap_or(OwnedValues::F32(Vec::new()));
    answers.check_gradient(&what, problem.view(&gradient)?)?;
    host::time(RUNS, |_| run())
}
