//! Devices to be broken, a batch for them, and every call there is.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wgpu_loss::partial::ClassRange;
use wgpu_loss::wgpu::{self, BufferUsages};
use wgpu_loss::{
    Axis, CrossEntropy, Engine, Error, Gpu, LogSumExp, Logits, Reduce, Result, Segments, Softmax,
    Statistic, Streaming, Targets, Upstream, Weights, cpu, runtime,
};

/// Pieces of some 1000 elements.
pub const TINY: Streaming = Streaming { device_bytes: 1 << 16, submission_bytes: 1 << 12 };

/// A device of our own.
pub fn own() -> Gpu {
    Gpu::new().expect("these tests need an adapter: `cargo xtask test` installs one")
}

/// A device of the caller's with these limits, and the errors that no scope caught.
pub fn callers(limits: wgpu::Limits) -> (Gpu, Arc<Mutex<Vec<String>>>) {
    callers_of(&adapter(), limits)
}

/// The best adapter.
pub fn adapter() -> wgpu::Adapter {
    runtime::adapters().into_iter().next().expect("an adapter, as for Gpu::new")
}

/// As [`callers`], of this adapter.
pub fn callers_of(adapter: &wgpu::Adapter, limits: wgpu::Limits) -> (Gpu, Arc<Mutex<Vec<String>>>) {
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
    let (device, queue) =
        pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
    let uncaptured: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&uncaptured);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        record.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
    }));
    (Gpu::from_device(device, queue).expect("default limits are enough"), uncaptured)
}

/// The test on a device of our own and on one of the caller's, of which nobody tells us that it is
/// lost. Neither may have an error that no scope caught, and afterwards a new device works.
pub fn on_each_device(test: impl Fn(&Gpu)) {
    test(&own());
    let (gpu, uncaptured) = callers(wgpu::Limits::default());
    test(&gpu);
    let uncaptured = uncaptured.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(uncaptured.is_empty(), "errors outside any scope: {uncaptured:?}");
    drop(gpu);
    assert_works(&own());
}

/// Logits and targets.
pub struct Batch {
    values: Vec<f32>,
    targets: Vec<i32>,
    classes: usize,
}

impl Batch {
    pub fn new(rows: usize, classes: usize) -> Self {
        let value = |i: usize| ((i * 7919) % 10_007) as f32 / 1000.0 - 5.0;
        Self {
            values: (0..rows * classes).map(value).collect(),
            targets: (0..rows).map(|row| (row * 5 % classes) as i32).collect(),
            classes,
        }
    }

    /// Work of which no software adapter is done at once.
    pub fn long() -> Self {
        Self::new(1_000_000, 10)
    }

    pub fn logits(&self) -> Logits<'_> {
        Logits::new(&self.values, self.targets.len(), self.classes).expect("as many values")
    }

    pub fn targets(&self) -> Targets<'_> {
        Targets::classes(&self.targets)
    }
}

/// A call, named.
pub type Call = (&'static str, fn(&Gpu, &Batch) -> Result<()>);

/// Every one-call form.
pub const CALLS: [Call; 9] = [
    ("log-sum-exp", |gpu, batch| gpu.log_sum_exp(batch.logits(), &LogSumExp::default()).map(drop)),
    ("cross-entropy", |gpu, batch| {
        gpu.cross_entropy(batch.logits(), batch.targets(), &CrossEntropy::default()).map(drop)
    }),
    ("its gradient", |gpu, batch| {
        let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
        let (logits, targets) = (batch.logits(), batch.targets());
        gpu.cross_entropy_with_gradient(logits, targets, upstream, &options).map(drop)
    }),
    ("its gradient to given memory", |gpu, batch| {
        let mut gradient = vec![0f32; batch.values.len()];
        let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
        let (logits, targets) = (batch.logits(), batch.targets());
        gpu.cross_entropy_into(logits, targets, upstream, &options, &mut gradient).map(drop)
    }),
    ("softmax", |gpu, batch| gpu.softmax(batch.logits(), &Softmax::default()).map(drop)),
    ("a sum", |gpu, batch| gpu.reduce(batch.logits(), Weights::None, &Reduce::default()).map(drop)),
    ("sums of segments", |gpu, batch| {
        let segments = Segments::Offsets(&[0, 1, batch.targets.len() as u32]);
        let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
        gpu.reduce_segments(batch.logits(), segments, Weights::None, &options).map(drop)
    }),
    ("states of a part", |gpu, batch| {
        let range = ClassRange { first: 0, total: batch.classes };
        let options = CrossEntropy::default();
        gpu.partial_states(batch.logits(), range, batch.targets(), &options).map(drop)
    }),
    ("log-sum-exp in pieces", |gpu, batch| {
        gpu.with_streaming(TINY).log_sum_exp(batch.logits(), &LogSumExp::default()).map(drop)
    }),
];

/// Fails unless the device gives the oracle's results.
#[track_caller]
pub fn assert_works(gpu: &Gpu) {
    let batch = Batch::new(37, 50);
    let (logits, targets, options) = (batch.logits(), batch.targets(), CrossEntropy::default());
    let expected = cpu::Oracle.cross_entropy(logits, targets, &options).expect("a valid call");
    let found = gpu.cross_entropy(logits, targets, &options).expect("the device works");
    assert!((found.loss / expected.loss - 1.0).abs() < 2e-6, "{found:?}");
}

/// Fails unless the device was found to be lost.
#[track_caller]
pub fn assert_lost<T>(what: &str, result: Result<T>) {
    let error = result.map(drop).expect_err(what);
    assert!(matches!(error, Error::DeviceLost { .. }), "{what}: {error:?}");
}

/// Whether the driver works while it is submitted to, as GL's software one: nothing is under way.
pub fn is_done_at_once(gpu: &Gpu) -> bool {
    gpu.adapter_info().backend == wgpu::Backend::Gl
}

/// Polls a future once.
pub fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A storage buffer with this many bytes.
pub fn buffer(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("operand"),
        size: bytes,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
