//! Throughput of every operation by number of classes, on the GPU and on the CPU, beside a copy of
//! as many bytes: `cargo bench --bench losses`, with `-- --quick` in about half a minute.
//!
//! Throughput counts the least bytes an operation can move: the logits once, the gradient once, the
//! weights of a reduction once.
//! GPU times are from recording to the end of the wait, one submit an iteration. Every engine's
//! answers are held against the oracle before its time is taken.

#[path = "support/device.rs"]
mod device;

use std::cell::OnceCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use wgpu_loss::kernel::{Family, Record, Variant, Word};
use wgpu_loss::plan::{AdapterClass, Tuning};
use wgpu_loss::wgpu::{self, Buffer};
use wgpu_loss::{
    Axis, CrossEntropy, CrossEntropyOperands, Engine, Gpu, GradientPlace, Kernels, LogSumExp,
    LogSumExpOperands, Logits, OwnedValues, Pass, Reduce, ReduceOperands, Reduction, RowOutputs,
    Shape, Statistic, Step, TargetLayout, Targets, Totals, Upstream, UpstreamSource, Weights, cpu,
};

use device::{gpu, group, read, run, time, upload};

const CLASSES: [usize; 5] = [10, 100, 1000, 8192, 32_000];
/// Columns of what is reduced.
const REDUCED_CLASSES: [usize; 3] = [10, 1000, 32_000];
/// 16 MiB of logits, rounded down to whole rows.
const ELEMENTS: usize = 4 << 20;
/// Rows that are held against the oracle.
const CHECKED_ROWS: usize = 7;

const FUSED: Pass =
    Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::Scalar };
const FUSED_IN_PLACE: Pass =
    Pass::Fused { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };
const FORWARD: Pass = Pass::Forward { save_state: false };
const FORWARD_WITH_STATE: Pass = Pass::Forward { save_state: true };
const BACKWARD: Pass =
    Pass::Backward { gradient: GradientPlace::Separate, upstream: UpstreamSource::Scalar };

criterion_group! {
    name = benches;
    config = Criterion::default()
        .without_plots() // they take longer than the measurements
        .nresamples(10_000)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = operations, reductions, families, overheads
}
criterion_main!(benches);

/// Each operation on each engine.
fn operations(criterion: &mut Criterion) {
    let gpu = gpu();
    let batches = CLASSES.map(Batch::new);

    let mut group = group(criterion, "log-sum-exp forward");
    copy(&mut group, &gpu, 4 * ELEMENTS);
    for batch in &batches {
        on_gpu(&mut group, "gpu", &gpu, batch, 1, |device| device.log_sum_exp());
        on_cpu(&mut group, batch, 1, |engine| {
            let out = engine.log_sum_exp(batch.logits(), &LogSumExp::default()).unwrap();
            Answers { log_sum_exp: Some(out.log_sum_exp), ..Default::default() }
        });
    }
    group.finish();

    let passes = [
        ("cross-entropy forward", FORWARD),
        ("cross-entropy fused, separate", FUSED),
        ("cross-entropy fused, in place", FUSED_IN_PLACE),
        ("cross-entropy backward from state", BACKWARD),
    ];
    for (name, pass) in passes {
        let mut group = device::group(criterion, name);
        let sweeps = if pass == FORWARD { 1 } else { 2 };
        copy(&mut group, &gpu, sweeps * 4 * ELEMENTS);
        for batch in &batches {
            on_gpu(&mut group, "gpu", &gpu, batch, sweeps, |device| {
                device.cross_entropy(gpu.kernels(), pass)
            });
            // The CPU engines return a gradient of their own, in one sweep or two as they like.
            if pass == FORWARD || pass == FUSED {
                on_cpu(&mut group, batch, sweeps, |engine| batch.cross_entropy(engine, pass));
            }
        }
        group.finish();
    }
}

/// Sum and weighted mean of everything, weighted log-sum-exp of each row: on each engine.
fn reductions(criterion: &mut Criterion) {
    let gpu = gpu();
    let batches = REDUCED_CLASSES.map(Batch::new);
    let all = Axis::All;
    let reductions = [
        ("sum of all", Reduced { statistic: Statistic::Sum, axis: all, weighted: false }),
        ("weighted mean of all", Reduced { statistic: Statistic::Mean, axis: all, weighted: true }),
        (
            "weighted log-sum-exp of each row",
            Reduced { statistic: Statistic::LogSumExp, axis: Axis::EachRow, weighted: true },
        ),
    ];
    for (name, reduction) in reductions {
        let mut group = group(criterion, name);
        let sweeps = if reduction.weighted { 2 } else { 1 };
        copy(&mut group, &gpu, sweeps * 4 * ELEMENTS);
        for batch in &batches {
            on_gpu(&mut group, "gpu", &gpu, batch, sweeps, |device| device.reduce(reduction));
            on_cpu(&mut group, batch, sweeps, |engine| {
                let out =
                    engine.reduce(batch.logits(), batch.weights(reduction), &reduction.options());
                Answers { reduced: Some((reduction, out.unwrap().values)), ..Default::default() }
            });
        }
        group.finish();
    }
}

/// What holding a row in registers gains: the tuning for GPUs, the same without the families that
/// hold rows, and the adapter's own, on whatever adapter there is.
fn families(criterion: &mut Criterion) {
    let gpu = gpu();
    let held = Tuning::built_in(AdapterClass::Discrete);
    let mut streamed = held.clone();
    streamed.entries.retain(|entry| entry.family == Family::Streamed);
    let kernels = |tuning| gpu.kernels().with_tuning(tuning).unwrap();
    let tunings = [
        ("own tuning", gpu.kernels().clone()),
        ("gpu tuning, held", kernels(held)),
        ("gpu tuning, streamed", kernels(streamed)),
    ];
    let mut group = group(criterion, "families, cross-entropy fused, separate");
    copy(&mut group, &gpu, 2 * 4 * ELEMENTS);
    for batch in [1000, 8192].map(Batch::new) {
        for (name, kernels) in &tunings {
            on_gpu(&mut group, name, &gpu, &batch, 2, |device| {
                let ready = device.cross_entropy(kernels, FUSED);
                eprintln!("{name}, {} classes: {}", batch.shape.classes, ready.kernel);
                ready
            });
        }
    }
    group.finish();
}

/// What does not depend on the size: recording a step, and a small batch from host to host.
fn overheads(criterion: &mut Criterion) {
    let gpu = gpu();
    let batch = Batch::with_rows(64, 10);

    let mut group = criterion.benchmark_group("recording cross-entropy fused");
    let device = Device::new(&gpu, &batch);
    let Ready { step, .. } = device.cross_entropy(gpu.kernels(), FUSED);
    group.bench_function("record", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut total = Duration::ZERO;
            for _ in 0..iterations {
                let mut encoder = gpu.device().create_command_encoder(&Default::default());
                let start = Instant::now();
                step.record(black_box(&mut encoder));
                total += start.elapsed();
            }
            total
        });
    });
    // wgpu encodes for the backend when the encoder is finished.
    group.bench_function("encoder, record, finish", |bencher| {
        bencher.iter(|| {
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            step.record(&mut encoder);
            encoder.finish()
        });
    });
    group.bench_function("encoder, record, submit, wait", |bencher| {
        bencher.iter(|| run(&gpu, |encoder| step.record(encoder)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("one call, cross-entropy with gradient, 64 x 10");
    let engines: [(&str, &dyn Engine); 2] = [("gpu", &gpu), ("cpu::Fast", &cpu::Fast)];
    for (name, engine) in engines {
        batch.check(&batch.cross_entropy(engine, FUSED));
        group.bench_function(name, |bencher| {
            bencher.iter(|| batch.cross_entropy(engine, FUSED));
        });
    }
    group.finish();
}

/// Times a step that `prepare` makes ready; what the command line leaves out is not prepared.
fn on_gpu(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    gpu: &Gpu,
    batch: &Batch,
    sweeps: usize,
    prepare: impl Fn(&Device<'_>) -> Ready,
) {
    let bytes = (sweeps * batch.bytes()) as u64;
    let mut ready = None;
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(BenchmarkId::new(name, batch.shape.classes), |bencher| {
        let Ready { step, least_bytes, .. } =
            ready.get_or_insert_with(|| prepare(&Device::new(gpu, batch)));
        assert_eq!(*least_bytes, bytes);
        time(bencher, gpu, |encoder| step.record(encoder));
    });
}

/// Times `cpu::Fast`, allocation of its results included.
fn on_cpu(
    group: &mut BenchmarkGroup<'_, WallTime>,
    batch: &Batch,
    sweeps: usize,
    evaluate: impl Fn(&dyn Engine) -> Answers,
) {
    let mut is_checked = false;
    group.throughput(Throughput::Bytes((sweeps * batch.bytes()) as u64));
    group.bench_function(BenchmarkId::new("cpu::Fast", batch.shape.classes), |bencher| {
        if !is_checked {
            batch.check(&evaluate(&cpu::Fast));
            is_checked = true;
        }
        bencher.iter(|| evaluate(&cpu::Fast));
    });
}

/// Times a copy in WGSL that moves `bytes` in all, half of them read, half of them written: what
/// a kernel can hope for on this adapter.
fn copy(group: &mut BenchmarkGroup<'_, WallTime>, gpu: &Gpu, bytes: usize) {
    const LANES: usize = 256;
    const SOURCE: &str = "
        @group(0) @binding(0) var<storage, read> source: array<vec4f>;
        @group(0) @binding(1) var<storage, read_write> destination: array<vec4f>;
        @compute @workgroup_size(256)
        fn copy(@builtin(global_invocation_id) id: vec3u) {
            destination[id.x] = source[id.x];
        }";
    let mut ready = None;
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("copy", |bencher| {
        let (pipeline, bind_group) = ready.get_or_insert_with(|| {
            let device = gpu.device();
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("copy"),
                source: wgpu::ShaderSource::Wgsl(SOURCE.into()),
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("copy"),
                layout: None,
                module: &module,
                entry_point: Some("copy"),
                compilation_options: Default::default(),
                cache: None,
            });
            let values: Vec<u32> = (0..bytes as u32 / 8).collect();
            let [source, destination] =
                [(); 2].map(|()| upload(gpu, bytemuck::cast_slice(&values)));
            let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("copy"),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &[(0, &source), (1, &destination)].map(|(binding, buffer)| {
                    wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }
                }),
            });
            (pipeline, bind_group)
        });
        time(bencher, gpu, |encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &*bind_group, &[]);
            pass.dispatch_workgroups((bytes / 2 / 16 / LANES) as u32, 1, 1);
        });
    });
}

/// A reduction of the logits, the weights a value for each where there are any.
#[derive(Clone, Copy)]
struct Reduced {
    statistic: Statistic,
    axis: Axis,
    weighted: bool,
}

impl Reduced {
    fn options(self) -> Reduce {
        Reduce::new(self.statistic, self.axis)
    }
}

/// What an engine returned for a batch; only what it was asked for.
#[derive(Default)]
struct Answers {
    loss: Option<f32>,
    loss_rows: Option<Vec<f32>>,
    log_sum_exp: Option<Vec<f32>>,
    /// Of the mean loss.
    gradient: Option<Vec<f32>>,
    reduced: Option<(Reduced, Vec<f32>)>,
}

/// Logits, targets and weights in host memory.
struct Batch {
    shape: Shape,
    logits: Vec<f32>,
    targets: Vec<i32>,
    /// For each logit.
    weights: Vec<f32>,
    /// The oracle's, once it was asked for.
    mean_loss: OnceCell<f64>,
}

impl Batch {
    fn new(classes: usize) -> Self {
        Self::with_rows(ELEMENTS / classes, classes)
    }

    /// Logits uniform in -4 to 4, targets uniform in the classes, weights uniform in 0.5 to 1.5.
    fn with_rows(rows: usize, classes: usize) -> Self {
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as u32
        };
        let logits = (0..rows * classes).map(|_| draw() as f32 / (1 << 21) as f32 - 4.0).collect();
        let targets = (0..rows).map(|_| (draw() as usize % classes) as i32).collect();
        let weights = (0..rows * classes).map(|_| draw() as f32 / (1 << 24) as f32 + 0.5).collect();
        let shape = Shape::new(rows, classes);
        Self { shape, logits, targets, weights, mean_loss: OnceCell::new() }
    }

    fn bytes(&self) -> usize {
        4 * self.logits.len()
    }

    fn logits(&self) -> Logits<'_> {
        Logits::new(&self.logits, self.shape.rows, self.shape.classes).unwrap()
    }

    fn weights(&self, reduction: Reduced) -> Weights<'_> {
        let weights = || Logits::new(&self.weights, self.shape.rows, self.shape.classes).unwrap();
        if reduction.weighted { Weights::PerElement(weights()) } else { Weights::None }
    }

    fn cross_entropy(&self, engine: &dyn Engine, pass: Pass) -> Answers {
        let options = CrossEntropy::default();
        let (logits, targets) = (self.logits(), Targets::classes(&self.targets));
        let out = match pass {
            Pass::Forward { .. } => engine.cross_entropy(logits, targets, &options),
            _ => {
                let upstream = Upstream::default();
                engine.cross_entropy_with_gradient(logits, targets, upstream, &options)
            }
        };
        let out = out.unwrap();
        let gradient = out.gradient.map(OwnedValues::into_f32);
        Answers { loss: Some(out.loss), gradient, ..Default::default() }
    }

    /// Panics unless every result of a reduction agrees with the oracle.
    fn check_reduced(&self, reduction: Reduced, values: &[f32]) {
        let (weights, options) = (self.weights(reduction), reduction.options());
        let truth = cpu::Oracle.reduce(self.logits(), weights, &options).unwrap().values;
        assert_eq!(values.len(), truth.len());
        // What the error grows with: the terms' sum, which is 2 a term on average, and of a
        // logarithm the relative error of what is below it.
        let scale = match reduction.statistic {
            Statistic::Sum => 2.0 * self.logits.len() as f64,
            Statistic::Mean => 2.0,
            _ => 10.0,
        };
        for (i, (&value, truth)) in values.iter().zip(truth).enumerate() {
            let (truth, error) = (f64::from(truth), f64::from(value - truth).abs());
            let tolerance = 2e-6 * truth.abs() + 2e-7 * scale;
            assert!(error <= tolerance, "result {i}: {value}, expected {truth}");
        }
    }

    /// Panics unless the mean loss, and rows from the first to the last, agree with the oracle.
    fn check(&self, answers: &Answers) {
        if let Some((reduction, values)) = &answers.reduced {
            self.check_reduced(*reduction, values);
            return;
        }
        let Shape { rows, classes, .. } = self.shape;
        if let Some(loss) = answers.loss {
            let truth = self.mean_loss.get_or_init(|| {
                let options = CrossEntropy::default();
                let targets = Targets::classes(&self.targets);
                let out = cpu::Oracle.cross_entropy_f64(self.logits(), targets, None, &options);
                out.unwrap().loss
            });
            agree("mean loss up to", rows - 1, loss, *truth);
        }
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs { loss: true, log_sum_exp: true, ..Default::default() },
            ..Default::default()
        };
        for i in 0..CHECKED_ROWS {
            let row = i * (rows - 1) / (CHECKED_ROWS - 1);
            let logits = self.logits().row(row);
            let logits = Logits::new(&logits, 1, classes).unwrap();
            let upstream = Upstream::Scalar(1.0 / rows as f32); // the mean's share of a row
            let targets = Targets::classes(&self.targets[row..=row]);
            let truth =
                cpu::Oracle.cross_entropy_f64(logits, targets, Some(upstream), &options).unwrap();
            if let Some(values) = &answers.loss_rows {
                agree("loss", row, values[row], truth.loss_rows.unwrap()[0]);
            }
            if let Some(values) = &answers.log_sum_exp {
                agree("log-sum-exp", row, values[row], truth.log_sum_exp.unwrap()[0]);
            }
            if let Some(values) = &answers.gradient {
                let values = &values[row * classes..][..classes];
                for (&value, truth) in values.iter().zip(truth.gradient.unwrap()) {
                    agree("gradient", row, value, truth);
                }
            }
        }
    }
}

fn agree(what: &str, row: usize, value: f32, truth: f64) {
    let error = (f64::from(value) - truth).abs();
    assert!(error <= 1e-5 * truth.abs(), "{what} of row {row}: {value}, expected {truth}");
}

/// A batch in buffers, with room for every result.
struct Device<'a> {
    gpu: &'a Gpu,
    batch: &'a Batch,
    logits: Buffer,
    targets: Buffer,
    weights: OnceCell<Buffer>,
    gradient: Buffer,
    /// Values of rows: log-sum-exps, or records; results of a reduction.
    of_rows: Buffer,
    state: Buffer,
    totals: Buffer,
}

/// A step whose answers are right.
struct Ready {
    step: Step,
    least_bytes: u64,
    kernel: String,
    record: Record,
}

impl<'a> Device<'a> {
    fn new(gpu: &'a Gpu, batch: &'a Batch) -> Self {
        let empty = |bytes: usize| upload(gpu, &vec![0; bytes]);
        let rows = batch.shape.rows;
        Self {
            gpu,
            batch,
            logits: upload(gpu, bytemuck::cast_slice(&batch.logits)),
            targets: upload(gpu, bytemuck::cast_slice(&batch.targets)),
            weights: OnceCell::new(),
            gradient: empty(batch.bytes()),
            of_rows: empty(4 * Word::ALL.len() * rows),
            state: empty(8 * rows),
            totals: empty(size_of::<Totals>()),
        }
    }

    fn log_sum_exp(&self) -> Ready {
        let plan = LogSumExp::default().plan(self.gpu.kernels(), self.batch.shape, FORWARD);
        let plan = plan.unwrap();
        let step = plan.bind(&LogSumExpOperands {
            log_sum_exp: Some(self.of_rows.slice(..)),
            ..LogSumExpOperands::new(self.logits.slice(..))
        });
        let step = step.unwrap();
        run(self.gpu, |encoder| step.record(encoder));
        let log_sum_exp = Some(read(self.gpu, &self.of_rows, self.batch.shape.rows));
        self.batch.check(&Answers { log_sum_exp, ..Default::default() });
        let kernel = Variant::Rows(*plan.variant()).to_string();
        Ready { step, least_bytes: plan.least_bytes(), kernel, record: Record::NONE }
    }

    fn reduce(&self, reduction: Reduced) -> Ready {
        let Self { gpu, batch, .. } = self;
        let layout = batch.weights(reduction).layout();
        let plan = reduction.options().plan(gpu.kernels(), batch.shape, layout, FORWARD).unwrap();
        let upload = || upload(gpu, bytemuck::cast_slice(&batch.weights));
        let weights = reduction.weighted.then(|| self.weights.get_or_init(upload).slice(..));
        let step = plan.bind(&ReduceOperands {
            weights,
            results: Some(self.of_rows.slice(..)),
            ..ReduceOperands::new(self.logits.slice(..))
        });
        let step = step.unwrap();
        run(gpu, |encoder| step.record(encoder));
        let words = plan.result_words() as usize;
        let results = read(gpu, &self.of_rows, words * plan.results());
        let values = results.chunks_exact(words).map(|result| result[0]).collect();
        batch.check(&Answers { reduced: Some((reduction, values)), ..Default::default() });
        let kernel = plan.debug_view().unwrap().to_string();
        Ready { step, least_bytes: plan.least_bytes(), kernel, record: Record::NONE }
    }

    fn cross_entropy(&self, kernels: &Kernels, pass: Pass) -> Ready {
        let Self { gpu, batch, .. } = self;
        let is_backward = matches!(pass, Pass::Backward { .. });
        let forward = is_backward.then(|| {
            let forward = self.bind(kernels, FORWARD_WITH_STATE);
            run(gpu, |encoder| forward.step.record(encoder));
            forward.record
        });
        let ready = self.bind(kernels, pass);
        run(gpu, |encoder| ready.step.record(encoder));
        let gradient = match pass {
            Pass::Forward { .. } => None,
            _ if pass == FUSED_IN_PLACE => Some(&self.logits),
            _ => Some(&self.gradient),
        };
        batch.check(&Answers {
            loss: Some(read(gpu, &self.totals, 4)[0]),
            loss_rows: self.losses(forward.unwrap_or(ready.record)),
            gradient: gradient.map(|buffer| read(gpu, buffer, batch.logits.len())),
            ..Default::default()
        });
        // In place, each further run takes the last gradient for logits. Those are all close to 0,
        // so the next gradient is about 1 / (rows * classes): no NaN, no denormals, the same work.
        ready
    }

    /// The loss of each row, out of the rows' records.
    fn losses(&self, record: Record) -> Option<Vec<f32>> {
        let (words, place) = (record.words() as usize, record.place(Word::Loss)? as usize);
        let records = read(self.gpu, &self.of_rows, words * self.batch.shape.rows);
        Some(records.chunks_exact(words).map(|record| record[place]).collect())
    }

    fn bind(&self, kernels: &Kernels, pass: Pass) -> Ready {
        let targets = TargetLayout::default();
        let plan = CrossEntropy::default().plan(kernels, self.batch.shape, &targets, pass).unwrap();
        let is_backward = matches!(pass, Pass::Backward { .. });
        let has_state = is_backward || pass == FORWARD_WITH_STATE;
        let is_separate = is_backward || pass == FUSED;
        let step = plan.bind(&CrossEntropyOperands {
            gradient: is_separate.then(|| self.gradient.slice(..)),
            rows: (!is_backward).then(|| self.of_rows.slice(..)),
            state: has_state.then(|| self.state.slice(..)),
            totals: Some(self.totals.slice(..)),
            ..CrossEntropyOperands::new(self.logits.slice(..), self.targets.slice(..))
        });
        let reads = plan.reads();
        let kernel = format!("{}, logits read {reads}x", Variant::Rows(*plan.variant()));
        let (least_bytes, record) = (plan.least_bytes(), plan.record());
        Ready { step: step.unwrap(), least_bytes, kernel, record }
    }
}
