//! Focal loss and divergences of logits on buffers that stay on the device.

use wgpu_loss::kernel::Record;
use wgpu_loss::wgpu;
use wgpu_loss::{
    Element, Gpu, GradientPlace, Kernels, OwnedValues, SoftmaxLossOperands, SoftmaxLossPass,
    Totals, UpstreamSource,
};

use super::SoftmaxLossOp;
use super::data::{Answers, Problem};
use crate::bench::device::{
    Prepared, buffer, clear, copies, read_back, read_back_bytes, run_once, uploaded,
};
use crate::bench::timing::guarded;
use crate::failure::Result;

/// A problem on the device: logits, teacher and gradient several times over, so that no cache holds
/// all.
pub struct Resident<'a> {
    gpu: &'a Gpu,
    kernels: &'a Kernels,
    problem: &'a Problem,
    logits: Vec<wgpu::Buffer>,
    /// The teacher's, or the targets once.
    against: Vec<wgpu::Buffer>,
    gradients: Vec<wgpu::Buffer>,
    losses: wgpu::Buffer,
    totals: wgpu::Buffer,
}

impl<'a> Resident<'a> {
    /// Uploads the problem as often as it takes for logits and teacher to cover `footprint` bytes.
    pub fn new(
        gpu: &'a Gpu,
        kernels: &'a Kernels,
        problem: &'a Problem,
        (op, footprint): (SoftmaxLossOp, u64),
    ) -> Result<Self> {
        let device = gpu.device();
        let matrices = if op.has_teacher() { 2 } else { 1 };
        let copies = copies(matrices * problem.bytes(), footprint);
        let gradients = if op.fused { copies } else { 0 };
        // Kernels bind whole words, and half precision may end within one.
        let bytes = problem.bytes().next_multiple_of(4);
        let rows = 4 * problem.shape().rows as u64;
        guarded(device, "benchmark buffers", || Self {
            gpu,
            kernels,
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
    pub fn prepare(&self, op: SoftmaxLossOp, answers: &Answers) -> Result<Prepared> {
        let (shape, options) = (self.problem.shape(), op.options());
        let pass = match op.fused {
            true => SoftmaxLossPass::Fused {
                gradient: GradientPlace::Separate,
                upstream: UpstreamSource::Scalar,
            },
            false => SoftmaxLossPass::Forward,
        };
        let (_, against) = self.problem.operands(op)?;
        let plan = options.plan(self.kernels, shape, &against.layout(), pass)?;
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
            let mut bytes = read_back_bytes(self.gpu, &[(gradient, 0, gradient.size())])?;
            bytes.truncate(self.problem.bytes() as usize);
            let found = match shape.element {
                Element::F32 => OwnedValues::F32(bytemuck::pod_collect_to_vec(&bytes)),
                Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(&bytes)),
                Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(&bytes)),
            };
            answers.check_gradient(&what, self.problem.view(&found)?)?;
        }
        Ok(prepared)
    }
}
