//! The operations on buffers that stay on the device: plan, bind, record, and read back what is
//! checked.

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::wgpu::{self, BufferUsages, ComputePass};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Element, Gpu, GradientPlace, Kernels, LogSumExp,
    LogSumExpOperands, OwnedValues, Pass, Reduction, RowOutputs, Step, TargetLayout, Totals,
    UpstreamSource,
};

use super::data::{Answers, Problem};
use super::op::Op;
use super::timing::{guarded, read, wait};
use crate::failure::Result;

/// Most buffers that take turns.
const MOST_COPIES: u64 = 128;

/// A problem on the device: the logits several times over, so that no cache holds all of them.
pub struct Resident<'a> {
    gpu: &'a Gpu,
    kernels: &'a Kernels,
    problem: &'a Problem,
    logits: Vec<wgpu::Buffer>,
    gradients: Vec<wgpu::Buffer>,
    targets: wgpu::Buffer,
    rows: wgpu::Buffer,
    log_sum_exp: wgpu::Buffer,
    state: wgpu::Buffer,
    totals: wgpu::Buffer,
}

/// An operation, bound to each of the buffers in turn.
pub struct Prepared {
    /// The kernel family that was planned; of a reduction, how many kernels.
    pub family: String,
    /// What the results of rows consist of.
    pub record: Record,
    /// One for each buffer.
    pub steps: Vec<Step>,
}

impl Prepared {
    /// Records one repetition.
    pub fn record(&self, pass: &mut ComputePass<'_>, repetition: usize) {
        if let Some(step) = self.steps.get(repetition % self.steps.len().max(1)) {
            step.record_in(pass);
        }
    }
}

impl<'a> Resident<'a> {
    /// Uploads the problem, as often as it takes to cover `footprint` bytes.
    pub fn new(
        gpu: &'a Gpu,
        kernels: &'a Kernels,
        problem: &'a Problem,
        footprint: u64,
    ) -> Result<Self> {
        let device = gpu.device();
        let bytes = problem.bytes();
        let copies = copies(bytes, footprint);
        // Kernels bind whole words, and half precision may end within one.
        let words = bytes.next_multiple_of(4);
        let rows = problem.shape.rows as u64;
        guarded(device, "benchmark buffers", || {
            let buffer = |label, size| buffer(device, label, size);
            let resident = Self {
                gpu,
                kernels,
                problem,
                logits: uploaded(gpu, "logits", problem.logits.values().bytes(), copies),
                gradients: (0..copies).map(|_| buffer("gradient", words)).collect(),
                targets: buffer("targets", 4 * rows),
                // Room for records of every word there is.
                rows: buffer("rows", 4 * Word::ALL.len() as u64 * rows),
                log_sum_exp: buffer("log-sum-exp", 4 * rows),
                state: buffer("state", 8 * rows),
                totals: buffer("totals", size_of::<Totals>() as u64),
            };
            gpu.queue().write_buffer(&resident.targets, 0, bytemuck::cast_slice(&problem.targets));
            resident
        })
    }

    /// Plans and binds an operation, runs it once, and compares it with the oracle. What works in
    /// place must come last: it overwrites the logits.
    pub fn prepare(&self, op: Op, answers: &Answers) -> Result<Prepared> {
        let what = format!("GPU {}", op.name());
        let prepared = match op {
            Op::LogSumExp => self.log_sum_exp()?,
            Op::Forward => self.cross_entropy(Pass::Forward { save_state: false })?,
            Op::Fused => self.cross_entropy(fused(GradientPlace::Separate))?,
            Op::FusedInPlace => self.cross_entropy(fused(GradientPlace::InPlace))?,
            Op::Backward => {
                let forward = self.cross_entropy(Pass::Forward { save_state: true })?;
                run_once(self.gpu, &forward)?;
                self.cross_entropy(Pass::Backward {
                    gradient: GradientPlace::Separate,
                    upstream: UpstreamSource::Scalar,
                })?
            }
        };
        if op != Op::Backward {
            // What an operation before wrote must not pass for this one's answer.
            let results = [&self.rows, &self.log_sum_exp].into_iter();
            clear(self.gpu, &results.chain(self.gradients.first()).collect::<Vec<_>>())?;
        }
        run_once(self.gpu, &prepared)?;
        match op {
            Op::LogSumExp => answers.check_log_sum_exp(&what, &self.values(&self.log_sum_exp)?)?,
            Op::Backward => {}
            _ => answers.check_loss(&what, &self.losses(prepared.record)?)?,
        }
        match op {
            Op::LogSumExp | Op::Forward => {}
            Op::FusedInPlace => self.check_gradient(&what, &self.logits, answers)?,
            Op::Fused | Op::Backward => self.check_gradient(&what, &self.gradients, answers)?,
        }
        Ok(prepared)
    }

    fn log_sum_exp(&self) -> Result<Prepared> {
        let pass = Pass::Forward { save_state: false };
        let plan = LogSumExp::default().plan(self.kernels, self.problem.shape, pass)?;
        let steps = self.logits.iter().map(|logits| {
            plan.bind(&LogSumExpOperands {
                log_sum_exp: Some(self.log_sum_exp.slice(..)),
                ..LogSumExpOperands::new(logits.slice(..))
            })
        });
        let steps = steps.collect::<wgpu_loss::Result<_>>()?;
        Ok(Prepared { family: family(plan.variant().family), record: Record::NONE, steps })
    }

    fn cross_entropy(&self, pass: Pass) -> Result<Prepared> {
        let forward = !matches!(pass, Pass::Backward { .. });
        let separate = matches!(
            pass,
            Pass::Fused { gradient: GradientPlace::Separate, .. }
                | Pass::Backward { gradient: GradientPlace::Separate, .. }
        );
        let keeps_state = !forward || matches!(pass, Pass::Forward { save_state: true });
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs { loss: true, ..Default::default() },
            ..Default::default()
        };
        let plan =
            options.plan(self.kernels, self.problem.shape, &TargetLayout::default(), pass)?;
        let steps = self.logits.iter().zip(&self.gradients).map(|(logits, gradient)| {
            plan.bind(&CrossEntropyOperands {
                rows: forward.then(|| self.rows.slice(..)),
                totals: forward.then(|| self.totals.slice(..)),
                state: keeps_state.then(|| self.state.slice(..)),
                gradient: separate.then(|| gradient.slice(..)),
                ..CrossEntropyOperands::new(logits.slice(..), self.targets.slice(..))
            })
        });
        let steps = steps.collect::<wgpu_loss::Result<_>>()?;
        Ok(Prepared { family: family(plan.variant().family), record: plan.record(), steps })
    }

    fn values(&self, buffer: &wgpu::Buffer) -> Result<Vec<f32>> {
        read_back(self.gpu, &[(buffer, 0, buffer.size())])
    }

    /// The loss of each row, out of the rows' records.
    fn losses(&self, record: Record) -> Result<Vec<f32>> {
        let (words, place) = (record.words().max(1) as usize, record.place(Word::Loss));
        let bytes = (4 * words * self.problem.shape.rows) as u64;
        let records = read_back(self.gpu, &[(&self.rows, 0, bytes)])?;
        let records = records.chunks_exact(words);
        Ok(records.filter_map(|record| record.get(place? as usize).copied()).collect())
    }

    fn check_gradient(
        &self,
        what: &str,
        buffers: &[wgpu::Buffer],
        answers: &Answers,
    ) -> Result<()> {
        let Some(gradient) = buffers.first() else { return Ok(()) };
        let element = self.problem.shape.element;
        let found = read_values(self.gpu, gradient, self.problem.bytes(), element)?;
        answers.check_gradient(what, self.problem.view(&found)?)
    }
}

/// How many buffers of so many bytes cover `footprint`.
pub fn copies(bytes: u64, footprint: u64) -> u64 {
    footprint.div_ceil(bytes.max(1)).clamp(1, MOST_COPIES)
}

/// A buffer that kernels and copies read and write.
pub fn buffer(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// The same bytes in several buffers.
pub fn uploaded(gpu: &Gpu, label: &str, bytes: &[u8], copies: u64) -> Vec<wgpu::Buffer> {
    let device = gpu.device();
    // Copies move whole words, and half precision may end within one.
    let size = (bytes.len() as u64).next_multiple_of(4);
    let buffers: Vec<_> = (0..copies).map(|_| buffer(device, label, size)).collect();
    if let Some((first, rest)) = buffers.split_first() {
        let (whole, rest_of_word) = bytes.split_at(bytes.len() / 4 * 4);
        gpu.queue().write_buffer(first, 0, whole);
        if !rest_of_word.is_empty() {
            let mut word = [0; 4];
            word[..rest_of_word.len()].copy_from_slice(rest_of_word);
            gpu.queue().write_buffer(first, whole.len() as u64, &word);
        }
        let mut encoder = device.create_command_encoder(&Default::default());
        for copy in rest {
            encoder.copy_buffer_to_buffer(first, 0, copy, 0, size);
        }
        gpu.queue().submit([encoder.finish()]);
    }
    buffers
}

/// The first buffer's turn.
pub fn run_once(gpu: &Gpu, prepared: &Prepared) -> Result<()> {
    let device = gpu.device();
    guarded(device, "benchmark", || {
        let mut encoder = device.create_command_encoder(&Default::default());
        prepared.record(&mut encoder.begin_compute_pass(&Default::default()), 0);
        gpu.queue().submit([encoder.finish()]);
    })?;
    wait(device)
}

/// Zeros, which are no answer.
pub fn clear(gpu: &Gpu, buffers: &[&wgpu::Buffer]) -> Result<()> {
    let device = gpu.device();
    guarded(device, "benchmark", || {
        let mut encoder = device.create_command_encoder(&Default::default());
        for buffer in buffers {
            encoder.clear_buffer(buffer, 0, None);
        }
        gpu.queue().submit([encoder.finish()]);
    })
}

/// Ranges of buffers, one behind the other.
pub fn read_back(gpu: &Gpu, ranges: &[(&wgpu::Buffer, u64, u64)]) -> Result<Vec<f32>> {
    Ok(bytemuck::pod_collect_to_vec(&read_back_bytes(gpu, ranges)?))
}

/// The same as bytes.
fn read_back_bytes(gpu: &Gpu, ranges: &[(&wgpu::Buffer, u64, u64)]) -> Result<Vec<u8>> {
    let device = gpu.device();
    let total = ranges.iter().map(|(_, _, bytes)| bytes).sum();
    let readable = guarded(device, "benchmark", || {
        let readable = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readable"),
            size: total,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut end = 0;
        for (buffer, offset, bytes) in ranges {
            encoder.copy_buffer_to_buffer(buffer, *offset, &readable, end, *bytes);
            end += bytes;
        }
        gpu.queue().submit([encoder.finish()]);
        readable
    })?;
    read(device, &readable, 0, total)
}

/// So many bytes of a buffer, as values of this type.
pub fn read_values(
    gpu: &Gpu,
    buffer: &wgpu::Buffer,
    bytes: u64,
    element: Element,
) -> Result<OwnedValues> {
    // Copies move whole words, and half precision may end within one.
    let mut found = read_back_bytes(gpu, &[(buffer, 0, buffer.size())])?;
    found.truncate(bytes as usize);
    Ok(match element {
        Element::F32 => OwnedValues::F32(bytemuck::pod_collect_to_vec(&found)),
        Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(&found)),
        Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(&found)),
    })
}

fn fused(gradient: GradientPlace) -> Pass {
    Pass::Fused { gradient, upstream: UpstreamSource::Scalar }
}

fn family(family: impl std::fmt::Debug) -> String {
    format!("{family:?}").to_lowercase()
}
