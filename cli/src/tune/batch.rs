//! One batch on the device, that every candidate works on.

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::plan::AdapterClass;
use wgpu_loss::wgpu::{self, ComputePass};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Engine, Gpu, Kernels, Logits, OwnedValues, Pass, Reduction,
    RowOutputs, Shape, Step, TargetLayout, Targets, Totals, Upstream, cpu,
};

use super::list::List;
use crate::bench::data::{Draws, close};
use crate::bench::device::{buffer, clear, copies, read_back, uploaded};
use crate::bench::timing::{guarded, wait};
use crate::failure::Result;

/// Rows side by side, where the class axis lies in the middle.
const INNER: usize = 1024;

/// Bytes of a batch, and of all its copies, which no cache should hold.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    batch: usize,
    footprint: u64,
}

impl Size {
    /// For an adapter: a GPU wants more rows to be busy.
    pub fn of(class: AdapterClass, quick: bool) -> Self {
        let mebibytes =
            |batch: usize, footprint: u64| Self { batch: batch << 20, footprint: footprint << 20 };
        match (class, quick) {
            (AdapterClass::Software, true) => mebibytes(8, 128),
            (AdapterClass::Software, false) => mebibytes(16, 256),
            (_, true) => mebibytes(64, 256),
            (_, false) => mebibytes(128, 512),
        }
    }
}

/// Rows on the device, several times over, with buffers for all results.
pub struct Batch<'a> {
    gpu: &'a Gpu,
    shape: Shape,
    /// What `cpu::Fast` says of each row, and of each logit.
    losses: Vec<f32>,
    gradient: Vec<f32>,
    logits: Vec<wgpu::Buffer>,
    gradients: Vec<wgpu::Buffer>,
    targets: wgpu::Buffer,
    rows: wgpu::Buffer,
    state: wgpu::Buffer,
    totals: wgpu::Buffer,
}

/// One pass, bound to each of the copies in turn.
pub struct Bound(Vec<Step>);

impl Bound {
    /// Records one repetition.
    pub fn record(&self, pass: &mut ComputePass<'_>, repetition: usize) {
        if let Some(step) = self.0.get(repetition % self.0.len().max(1)) {
            step.record_in(pass);
        }
    }
}

/// The same for every plan, so that a result is found where it is looked for.
fn options() -> CrossEntropy {
    CrossEntropy {
        reduction: Reduction::Sum,
        rows: RowOutputs { loss: true, ..Default::default() },
        ..Default::default()
    }
}

impl<'a> Batch<'a> {
    /// Draws, evaluates on the CPU, and uploads.
    pub fn new(gpu: &'a Gpu, list: List, classes: usize, size: Size) -> Result<Self> {
        let most = gpu.kernels().capabilities().max_binding_bytes;
        let bytes = size.batch.min(usize::try_from(most).unwrap_or(usize::MAX));
        let rows = (bytes / (4 * classes)).max(1);
        let (rows, inner) = match list.is_strided() {
            true => ((rows / INNER).max(1) * INNER, INNER),
            false => (rows, 1),
        };
        let shape = Shape::with_class_axis(rows / inner, classes, inner);
        let mut draws = Draws::new();
        let values: Vec<f32> = (0..rows * classes).map(|_| draws.uniform(-8.0, 8.0)).collect();
        let classes_of_rows: Vec<i32> =
            (0..rows).map(|_| draws.uniform(0.0, classes as f32) as i32).collect();
        let output = cpu::Fast.cross_entropy_with_gradient(
            Logits::with_class_axis(&values, rows / inner, classes, inner)?,
            Targets::classes(&classes_of_rows),
            Upstream::default(),
            &options(),
        )?;

        let device = gpu.device();
        let bytes = size_of_val(values.as_slice()) as u64;
        let copies = copies(bytes, size.footprint);
        let (logits, gradients) = guarded(device, "a batch", || {
            let logits = uploaded(gpu, "logits", bytemuck::cast_slice(&values), copies);
            let gradient = |_| buffer(device, "gradient", bytes);
            (logits, (0..copies).map(gradient).collect())
        })?;
        let count = rows as u64;
        let [targets, rows, state, totals] = guarded(device, "a batch", || {
            let targets = buffer(device, "targets", 4 * count);
            gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(&classes_of_rows));
            let rows = buffer(device, "rows", 4 * Word::ALL.len() as u64 * count);
            let state = buffer(device, "state", 8 * count);
            [targets, rows, state, buffer(device, "totals", size_of::<Totals>() as u64)]
        })?;
        Ok(Self {
            gpu,
            shape,
            losses: output.loss_rows.unwrap_or_default(),
            gradient: output.gradient.map_or_else(Vec::new, OwnedValues::into_f32),
            logits,
            gradients,
            targets,
            rows,
            state,
            totals,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape.rows
    }

    /// Plans and binds a pass, runs it, and compares every loss and gradient with those of `cpu::Fast`.
    ///
    /// # Errors
    /// [`Failure::WrongAnswer`](crate::failure::Failure::WrongAnswer) where one differs.
    pub fn prepare(&self, kernels: &Kernels, pass: Pass, what: &str) -> Result<Bound> {
        let is_backward = matches!(pass, Pass::Backward { .. });
        if is_backward {
            // By the built-in table's forward, whose answers are compared on the way.
            self.prepare(self.gpu.kernels(), Pass::Forward { save_state: true }, what)?;
        }
        let mut cleared: Vec<_> = self.gradients.first().into_iter().collect();
        if !is_backward {
            cleared.push(&self.rows);
        }
        clear(self.gpu, &cleared)?;
        let (bound, record) = self.bind(kernels, pass)?;
        self.run(&bound)?;
        if !is_backward {
            self.check_losses(record, what)?;
        }
        if is_backward || matches!(pass, Pass::Fused { .. }) {
            self.check_gradient(what)?;
        }
        Ok(bound)
    }

    fn bind(&self, kernels: &Kernels, pass: Pass) -> Result<(Bound, Record)> {
        let forward = !matches!(pass, Pass::Backward { .. });
        let has_gradient = !matches!(pass, Pass::Forward { .. });
        let keeps_state = !forward || matches!(pass, Pass::Forward { save_state: true });
        let plan = options().plan(kernels, self.shape, &TargetLayout::default(), pass)?;
        let steps = self.logits.iter().zip(&self.gradients).map(|(logits, gradient)| {
            plan.bind(&CrossEntropyOperands {
                rows: forward.then(|| self.rows.slice(..)),
                totals: forward.then(|| self.totals.slice(..)),
                state: keeps_state.then(|| self.state.slice(..)),
                gradient: has_gradient.then(|| gradient.slice(..)),
                ..CrossEntropyOperands::new(logits.slice(..), self.targets.slice(..))
            })
        });
        Ok((Bound(steps.collect::<wgpu_loss::Result<_>>()?), plan.record()))
    }

    fn run(&self, bound: &Bound) -> Result<()> {
        let device = self.gpu.device();
        guarded(device, "a candidate", || {
            let mut encoder = device.create_command_encoder(&Default::default());
            bound.record(&mut encoder.begin_compute_pass(&Default::default()), 0);
            self.gpu.queue().submit([encoder.finish()]);
        })?;
        wait(device)
    }

    fn check_losses(&self, record: Record, what: &str) -> Result<()> {
        let (words, place) = (record.words().max(1) as usize, record.place(Word::Loss));
        let bytes = (4 * words * self.shape.rows) as u64;
        let records = read_back(self.gpu, &[(&self.rows, 0, bytes)])?;
        let place = place.unwrap_or(0) as usize;
        let found = records.chunks_exact(words).map(|record| record[place.min(words - 1)]);
        for (row, (found, expected)) in found.zip(&self.losses).enumerate() {
            // Both round in float32.
            let tolerance = 8e-6 * expected.abs().max(1e-3);
            close(|| format!("{what}, row {row}"), found, *expected, tolerance)?;
        }
        Ok(())
    }

    fn check_gradient(&self, what: &str) -> Result<()> {
        let Some(gradient) = self.gradients.first() else { return Ok(()) };
        let found = read_back(self.gpu, &[(gradient, 0, gradient.size())])?;
        for (index, (found, expected)) in found.iter().zip(&self.gradient).enumerate() {
            // Relative too: of many classes, a gradient of zeros is close absolutely.
            let tolerance = (2e-9 + 2e-4 * expected.abs()).min(8e-6);
            close(|| format!("{what}, gradient {index}"), *found, *expected, tolerance)?;
        }
        Ok(())
    }
}
