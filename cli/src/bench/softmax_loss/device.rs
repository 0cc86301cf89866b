//! Focal loss and divergences of logits on buffers that stay on the device.

use wgpu_loss::kernel::Record;
use wgpu_loss::wgpu;
use wgpu_loss::{
    Gpu, GradientPlace, Kernels, SoftmaxLossOperands, SoftmaxLossPass, Totals, UpstreamSource,
};

use super::SoftmaxLossOp;
use super::data::{Answers, Problem};
use crate::bench::device::{Prepared, buffer, clear, read_back, read_values, run_once, uploaded};
use crate::bench::timed::Timed;
use crate::bench::timing::guarded;
use crate::failure::Result;

/// A problem on the device: logits, teacher and gradient several times over, so that no cache holds
/// all.
pub struct Resident<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    logits: Vec<wgpu::Buffer>,
    /// The teacher's, or the targets once.
    against: Vec<wgpu::Buffer>,
    gradients: Vec<wgpu::Buffer>,
    losses: wgpu::Buffer,
    totals: wgpu::Buffer,
}

impl<'a> Resident<'a> {
    /// Uploads so many copies of the problem.
    pub fn new(gpu: &'a Gpu, problem: &'a Problem, op: SoftmaxLossOp, copies: u64) -> Result<Self> {
        let device = gpu.device();
        let gradients = if op.fused { copies } else { 0 };
        // Kernels bind whole words, and half precision may end within one.
        let bytes = problem.bytes().next_multiple_of(4);
        let rows = 4 * problem.shape().rows as u64;
        guarded(device, "benchmark buffers", || Self {
            gpu,
            problem,
            logits: uploaded(gpu, "logits", problem.logits().values().bytes(), copies),
            against: match op.has_teacher() {
                true => uploaded(gpu, "teacher", problem.teacher.values().bytes(), copies),
                false => uploaded(gpu, "targets", bytemuck::cast_slice(problem.targets()), 1),
            },
            gradients: (0..gradients).map(|_| buffer(device, "gradient", bytes)).collect(),
            losses: buffer(device, "losses", rows),
            totals: buffer(device, "totals", size_of::<Totals>() as u64),
        })
    }

    /// Plans and binds an operation, runs it once, and compares it with the oracle.
    pub fn prepare(
        &self,
        kernels: &Kernels,
        op: SoftmaxLossOp,
        answers: &Answers,
    ) -> Result<Prepared> {
        let (shape, options) = (self.problem.shape(), op.options());
        let pass = match op.fused {
            true => SoftmaxLossPass::Fused {
                gradient: GradientPlace::Separate,
                upstream: UpstreamSource::Scalar,
            },
            false => SoftmaxLossPass::Forward,
        };
        let (_, against) = self.problem.operands(op)?;
        let plan = options.plan(kernels, shape, &against.layout(), pass)?;
        let against = self.against.iter().cycle();
        let steps = self.logits.iter().zip(against).enumerate().map(|(at, (logits, against))| {
            let gradient = self.gradients.get(at).filter(|_| op.fused);
            plan.bind(&SoftmaxLossOperands {
                gradient: gradient.map(|gradient| gradient.slice(..)),
                loss_rows: Some(self.losses.slice(..)),
                totals: Some(self.totals.slice(..)),
                ..SoftmaxLossOperands::new(logits.slice(..), against.slice(..))
            })
        });
        let steps = steps.collect::<wgpu_loss::Result<_>>()?;
        let family = match plan.reads() {
            1 => "one read".to_owned(),
            reads => format!("{reads} reads"),
        };
        let prepared = Prepared { family, record: Record::NONE, steps };
        let gradient = self.gradients.first().filter(|_| op.fused);
        clear(self.gpu, &gradient.into_iter().chain([&self.losses]).collect::<Vec<_>>())?;
        run_once(self.gpu, &prepared)?;
        let what = format!("GPU {}", op.name());
        let found = read_back(self.gpu, &[(&self.losses, 0, self.losses.size())])?;
        answers.check_losses(&what, &found)?;
        if let Some(gradient) = gradient {
            let found = read_values(self.gpu, gradient, self.problem.bytes(), shape.element)?;
            answers.check_gradient(&what, self.problem.view(&found)?)?;
        }
        Ok(prepared)
    }
}
