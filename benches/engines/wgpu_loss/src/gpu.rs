//! The kernels on buffers that stay on the device: planned and bound when they are first asked for,
//! then recorded.

use std::sync::mpsc;

use engine_protocol::{Answer, Engine, Hello, Operation, Problem, Result};
use wgpu_loss::wgpu::{self, BufferUsages};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Element, Engine as _, Gpu, GradientPlace, LogSumExp,
    LogSumExpOperands, OwnedValues, Pass, Shape, Step, TargetLayout, Totals, UpstreamSource,
};

use crate::{ELEMENTS, NOT_LOADED, stored, version};

/// A device, and what lies on it.
pub struct Resident {
    gpu: Gpu,
    loaded: Option<Loaded>,
}

struct Loaded {
    shape: Shape,
    logits: wgpu::Buffer,
    targets: wgpu::Buffer,
    log_sum_exp: wgpu::Buffer,
    gradient: wgpu::Buffer,
    totals: wgpu::Buffer,
    /// The operation asked for last.
    step: Option<(Operation, Step)>,
}

impl Resident {
    /// `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose the adapter.
    pub fn open() -> Result<Self> {
        Ok(Self { gpu: Gpu::new()?, loaded: None })
    }

    /// Plans and binds an operation, unless that was done.
    fn prepare(&mut self, operation: Operation) -> Result<(&Gpu, &Loaded, &Step)> {
        let loaded = self.loaded.as_mut().ok_or(NOT_LOADED)?;
        if loaded.step.as_ref().is_none_or(|(prepared, _)| *prepared != operation) {
            loaded.step = Some((operation, loaded.plan(&self.gpu, operation)?));
        }
        let loaded = self.loaded.as_ref().ok_or(NOT_LOADED)?;
        let (_, step) = loaded.step.as_ref().ok_or(NOT_LOADED)?;
        Ok((&self.gpu, loaded, step))
    }
}

impl Loaded {
    fn upload(gpu: &Gpu, problem: Problem) -> Self {
        let (logits, shape, targets) = stored(problem);
        let bytes = logits.values().bytes();
        let rows = 4 * shape.rows as u64;
        let loaded = Self {
            shape,
            logits: buffer(gpu, "logits", bytes.len() as u64),
            targets: buffer(gpu, "targets", rows),
            log_sum_exp: buffer(gpu, "log-sum-exp", rows),
            gradient: buffer(gpu, "gradient", bytes.len() as u64),
            totals: buffer(gpu, "totals", size_of::<Totals>() as u64),
            step: None,
        };
        write(gpu, &loaded.logits, bytes);
        write(gpu, &loaded.targets, bytemuck::cast_slice(&targets));
        loaded
    }

    fn plan(&self, gpu: &Gpu, operation: Operation) -> wgpu_loss::Result<Step> {
        let forward = Pass::Forward { save_state: false };
        let pass = match operation {
            Operation::LogSumExp => {
                let plan = LogSumExp::default().plan(gpu.kernels(), self.shape, forward)?;
                return plan.bind(&LogSumExpOperands {
                    log_sum_exp: Some(self.log_sum_exp.slice(..)),
                    ..LogSumExpOperands::new(self.logits.slice(..))
                });
            }
            Operation::CrossEntropy => forward,
            Operation::Fused => {
                Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::Scalar }
            }
        };
        let targets = TargetLayout::default();
        let plan = CrossEntropy::default().plan(gpu.kernels(), self.shape, &targets, pass)?;
        plan.bind(&CrossEntropyOperands {
            totals: Some(self.totals.slice(..)),
            gradient: (operation == Operation::Fused).then(|| self.gradient.slice(..)),
            ..CrossEntropyOperands::new(self.logits.slice(..), self.targets.slice(..))
        })
    }

    fn gradient(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        let bytes = read(gpu, &self.gradient)?;
        let count = self.shape.rows * self.shape.classes;
        let mut values = match self.shape.element {
            Element::F32 => bytemuck::pod_collect_to_vec(&bytes),
            Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(&bytes)).into_f32(),
            Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(&bytes)).into_f32(),
        };
        values.truncate(count); // of halves, the buffer may hold one more
        Ok(values)
    }
}

impl Engine for Resident {
    fn hello(&self) -> Hello {
        let info = self.gpu.adapter_info();
        let device = format!("{}, {}, {}", self.gpu.name(), info.backend, info.driver_info);
        Hello { version: version(), device, threads: None, elements: ELEMENTS.to_vec() }
    }

    fn load(&mut self, problem: Problem) -> Result<()> {
        self.loaded = None; // room for the next
        let gpu = &self.gpu;
        self.loaded = Some(guarded(gpu, || Loaded::upload(gpu, problem))?);
        wait(gpu)
    }

    fn answer(&mut self, operation: Operation) -> Result<Answer> {
        let (gpu, loaded, step) = self.prepare(operation)?;
        run(gpu, step, 1)?;
        if operation == Operation::LogSumExp {
            let values = bytemuck::pod_collect_to_vec(&read(gpu, &loaded.log_sum_exp)?);
            return Ok(Answer { loss: None, values });
        }
        let totals: Totals = bytemuck::try_pod_read_unaligned(&read(gpu, &loaded.totals)?)
            .map_err(|error| format!("totals: {error}"))?;
        let is_fused = operation == Operation::Fused;
        let values = if is_fused { loaded.gradient(gpu)? } else { Vec::new() };
        Ok(Answer { loss: Some(totals.loss.into()), values })
    }

    fn repeat(&mut self, operation: Operation, repetitions: usize) -> Result<()> {
        let (gpu, _, step) = self.prepare(operation)?;
        run(gpu, step, repetitions)
    }
}

/// One submission, and the wait for its end.
fn run(gpu: &Gpu, step: &Step, repetitions: usize) -> Result<()> {
    guarded(gpu, || {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        for _ in 0..repetitions {
            step.record(&mut encoder);
        }
        gpu.queue().submit([encoder.finish()]);
    })?;
    wait(gpu)
}

fn wait(gpu: &Gpu) -> Result<()> {
    gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
    Ok(())
}

fn buffer(gpu: &Gpu, label: &str, size: u64) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size.next_multiple_of(4),
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// wgpu copies multiples of 4 bytes; an odd number of halves ends between them.
fn write(gpu: &Gpu, buffer: &wgpu::Buffer, bytes: &[u8]) {
    let (whole, rest) = bytes.split_at(bytes.len() / 4 * 4);
    gpu.queue().write_buffer(buffer, 0, whole);
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        gpu.queue().write_buffer(buffer, whole.len() as u64, &last);
    }
}

fn read(gpu: &Gpu, buffer: &wgpu::Buffer) -> Result<Vec<u8>> {
    let readable = guarded(gpu, || {
        let readable = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("readable"),
            size: buffer.size(),
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &readable, 0, buffer.size());
        gpu.queue().submit([encoder.finish()]);
        readable
    })?;
    let (sender, receiver) = mpsc::channel();
    readable.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = sender.send(result); // the receiver is gone only if waiting failed
    });
    wait(gpu)?;
    receiver.recv()??;
    let bytes = readable.get_mapped_range(..)?.to_vec();
    readable.unmap();
    Ok(bytes)
}

/// Turns wgpu's errors, which would otherwise panic, into ours.
fn guarded<T>(gpu: &Gpu, work: impl FnOnce() -> T) -> Result<T> {
    let device = gpu.device();
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let value = work();
    let memory = pollster::block_on(memory.pop());
    let validation = pollster::block_on(validation.pop());
    match memory.or(validation) {
        Some(error) => Err(error.to_string().into()),
        None => Ok(value),
    }
}
