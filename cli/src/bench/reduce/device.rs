//! Reductions on buffers that stay on the device.

use wgpu_loss::kernel::Record;
use wgpu_loss::wgpu;
use wgpu_loss::{Gpu, Kernels, Pass, ReduceOperands, WeightLayout};

use super::ReduceOp;
use super::data::{Answers, Problem};
use crate::bench::device::{Prepared, buffer, clear, read_back, run_once, uploaded};
use crate::bench::timed::Timed;
use crate::bench::timing::guarded;
use crate::failure::Result;

/// A problem on the device: values and weights several times over, so that no cache holds all.
pub struct Resident<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    values: Vec<wgpu::Buffer>,
    weights: Vec<wgpu::Buffer>,
}

impl<'a> Resident<'a> {
    /// Uploads so many copies of the problem, its weights where the operation has them.
    pub fn new(gpu: &'a Gpu, problem: &'a Problem, op: ReduceOp, copies: u64) -> Result<Self> {
        let of_weights = if op.is_weighted() { copies } else { 0 };
        guarded(gpu.device(), "benchmark buffers", || Self {
            gpu,
            problem,
            values: uploaded(gpu, "values", problem.values.values().bytes(), copies),
            weights: uploaded(gpu, "weights", problem.weights.values().bytes(), of_weights),
        })
    }

    /// Plans and binds an operation, runs it once, and compares it with the oracle.
    pub fn prepare(&self, kernels: &Kernels, op: ReduceOp, answers: &Answers) -> Result<Prepared> {
        let shape = self.problem.shape;
        let weights = match op.is_weighted() {
            true => WeightLayout::PerElement(shape),
            false => WeightLayout::None,
        };
        let pass = Pass::Forward { save_state: false };
        let plan = op.options().plan(kernels, shape, weights, pass)?;
        let (count, words) = (plan.results(), plan.result_words() as usize);
        let results = guarded(self.gpu.device(), "benchmark buffers", || {
            buffer(self.gpu.device(), "results", (4 * words * count) as u64)
        })?;
        let steps = self.values.iter().enumerate().map(|(at, values)| {
            let weights = self.weights.get(at);
            plan.bind(&ReduceOperands {
                weights: weights.map(|weights| weights.slice(..)),
                results: Some(results.slice(..)),
                ..ReduceOperands::new(values.slice(..))
            })
        });
        let steps = steps.collect::<wgpu_loss::Result<_>>()?;
        let family = match plan.debug_view()?.pipelines.len() {
            1 => "1 kernel".to_owned(),
            kernels => format!("{kernels} kernels"),
        };
        let prepared = Prepared { family, record: Record::NONE, steps };
        clear(self.gpu, &[&results])?;
        run_once(self.gpu, &prepared)?;
        let found = read_back(self.gpu, &[(&results, 0, results.size())])?;
        let found: Vec<_> = found.chunks_exact(words).map(|words| words[0]).collect();
        answers.check(&format!("GPU {}", op.name()), &found)?;
        Ok(prepared)
    }
}
