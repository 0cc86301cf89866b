//! Element-wise losses on buffers that stay on the device.

use wgpu_loss::kernel::Record;
use wgpu_loss::wgpu;
use wgpu_loss::{
    ElementwiseLayout, ElementwiseOperands, ElementwisePass, ElementwiseUpstreamLayout, Gpu,
    GradientPlace, Kernels, UpstreamOperand,
};

use super::LossOp;
use super::data::{Answers, Problem};
use crate::bench::device::{Prepared, buffer, clear, read_back, read_values, run_once, uploaded};
use crate::bench::timed::Timed;
use crate::bench::timing::guarded;
use crate::failure::Result;

/// A problem on the device: input, target and gradient several times over, so that no cache holds
/// all.
pub struct Resident<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    inputs: Vec<wgpu::Buffer>,
    targets: Vec<wgpu::Buffer>,
    gradients: Vec<wgpu::Buffer>,
}

impl<'a> Resident<'a> {
    /// Uploads so many copies of the problem.
    pub fn new(gpu: &'a Gpu, problem: &'a Problem, fused: bool, copies: u64) -> Result<Self> {
        let gradients = if fused { copies } else { 0 };
        // Kernels bind whole words, and half precision may end within one.
        let bytes = problem.bytes().next_multiple_of(4);
        guarded(gpu.device(), "benchmark buffers", || Self {
            gpu,
            problem,
            inputs: uploaded(gpu, "inputs", problem.input.values().bytes(), copies),
            targets: uploaded(gpu, "targets", problem.target.values().bytes(), copies),
            gradients: (0..gradients).map(|_| buffer(gpu.device(), "gradient", bytes)).collect(),
        })
    }

    /// Plans and binds an operation, runs it once, and compares it with the oracle.
    pub fn prepare(&self, kernels: &Kernels, op: LossOp, answers: &Answers) -> Result<Prepared> {
        let shape = self.problem.shape;
        let pass = match op.fused {
            true => ElementwisePass::Fused {
                gradient: GradientPlace::Separate,
                upstream: ElementwiseUpstreamLayout::Scalar,
            },
            false => ElementwisePass::Forward,
        };
        let layout = ElementwiseLayout::new(shape, shape);
        let plan = op.options().plan(kernels, &layout, pass)?;
        let device = self.gpu.device();
        let result = guarded(device, "benchmark buffers", || buffer(device, "result", 4))?;
        let steps =
            self.inputs.iter().zip(&self.targets).enumerate().map(|(at, (input, target))| {
                let gradient = self.gradients.get(at).filter(|_| op.fused);
                plan.bind(&ElementwiseOperands {
                    target: Some(target.slice(..)),
                    results: Some(result.slice(..)),
                    gradient: gradient.map(|gradient| gradient.slice(..)),
                    upstream: UpstreamOperand::Scalar(LossOp::upstream(self.problem)),
                    ..ElementwiseOperands::new(input.slice(..))
                })
            });
        let steps = steps.collect::<wgpu_loss::Result<_>>()?;
        let family = if plan.is_one_read() { "one read" } else { "two reads" };
        let prepared = Prepared { family: family.to_owned(), record: Record::NONE, steps };
        let gradient = self.gradients.first().filter(|_| op.fused);
        clear(self.gpu, &gradient.into_iter().chain([&result]).collect::<Vec<_>>())?;
        run_once(self.gpu, &prepared)?;
        let what = format!("GPU {}", op.name());
        let found = read_back(self.gpu, &[(&result, 0, 4)])?;
        answers.check_value(&what, found.first().copied().unwrap_or(f32::NAN))?;
        if let Some(gradient) = gradient {
            let found = read_values(self.gpu, gradient, self.problem.bytes(), shape.element)?;
            answers.check_gradient(&what, &found.into_f32())?;
        }
        Ok(prepared)
    }
}
