//! What the device itself refuses, because somebody told us wrong: validation errors.

use wgpu_loss::plan::{Capabilities, SubgroupSizes};
use wgpu_loss::wgpu::{self, Limits};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Engine, Error, Gpu, Kernels, LogSumExp, Pass, Result, Shape,
};

use crate::scene::{Batch, adapter, assert_works, buffer, callers, callers_of};
use crate::watchdog::watch;

const FORWARD: Pass = Pass::Forward { save_state: false };

/// Fails unless wgpu refused, in an error that names the operation.
#[track_caller]
fn assert_refused<T>(result: Result<T>) {
    let error = result.map(drop).expect_err("refused");
    assert!(matches!(error, Error::Device { .. }), "{error:?}");
}

/// Binds buffers of that size on a device, whatever device they are of.
fn bind(gpu: &Gpu, logits: &wgpu::Buffer, targets: &wgpu::Buffer) -> Result<wgpu_loss::Step> {
    CrossEntropy::default()
        .plan(gpu.kernels(), Shape::new(37, 50), &Default::default(), FORWARD)?
        .bind(&CrossEntropyOperands::new(logits.slice(..), targets.slice(..)))
}

#[test]
fn a_buffer_of_another_device() {
    let _watchdog = watch();
    let adapter = adapter();
    let (gpu, uncaptured) = callers_of(&adapter, Limits::default());
    let (other, _) = callers_of(&adapter, Limits::default());
    let (logits, targets) = (buffer(&gpu, 4 * 37 * 50), buffer(&gpu, 4 * 37));
    let foreign = buffer(&other, 4 * 37 * 50);
    bind(&gpu, &logits, &targets).expect("its own buffers are well");
    assert_refused(bind(&gpu, &foreign, &targets));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}

/// wgpu cannot tell them from its own, but by chance: this one has a number that no buffer here has.
#[test]
fn a_buffer_of_another_instance() {
    let _watchdog = watch();
    let (gpu, uncaptured) = callers(Limits::default());
    let targets = buffer(&gpu, 4 * 37);
    let backends = wgpu::Backends::from(gpu.adapter_info().backend);
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = backends;
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    let adapter = adapters.into_iter().next().expect("the adapter there was");
    let device = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
    let (device, _queue) = device.expect("a device");
    let foreign: Vec<_> = (0..3000)
        .map(|_| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("foreign"),
                size: 4 * 37 * 50,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        })
        .collect();
    assert_refused(bind(&gpu, &foreign[2999], &targets));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}

#[test]
fn a_buffer_that_was_destroyed() {
    let _watchdog = watch();
    let (gpu, uncaptured) = callers(Limits::default());
    let (logits, targets) = (buffer(&gpu, 4 * 37 * 50), buffer(&gpu, 4 * 37));
    bind(&gpu, &logits, &targets).expect("before, it is well");
    logits.destroy();
    assert_refused(bind(&gpu, &logits, &targets));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}

#[test]
fn kernels_of_another_device() {
    let _watchdog = watch();
    let adapter = adapter();
    let (gpu, uncaptured) = callers_of(&adapter, Limits::default());
    let (other, _) = callers_of(&adapter, Limits::default());
    let batch = Batch::new(37, 50);
    let mixed = gpu.with_kernels(other.kernels().clone());
    assert_refused(mixed.log_sum_exp(batch.logits(), &LogSumExp::default()));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}

/// Kernels that believe in a larger device.
fn kernels(gpu: &Gpu, believed: Capabilities) -> Gpu {
    let tuning = gpu.kernels().tuning().clone();
    gpu.with_kernels(Kernels::with(gpu.device(), believed, tuning).expect("large enough"))
}

#[test]
fn a_buffer_that_the_device_refuses() {
    let _watchdog = watch();
    let limits = Limits { max_buffer_size: 1 << 20, ..Limits::default() };
    let limits = Limits { max_storage_buffer_binding_size: 1 << 20, ..limits };
    let (gpu, uncaptured) = callers(limits);
    let batch = Batch::new(600, 1000);
    let call = |gpu: &Gpu| gpu.log_sum_exp(batch.logits(), &LogSumExp::default());
    // Told right, it is refused before the device is asked.
    let error = call(&gpu).expect_err("too large");
    assert!(matches!(error, Error::Limit { limit: "max_buffer_size", .. }), "{error:?}");
    let honest = *gpu.kernels().capabilities();
    let believed = Capabilities { max_buffer_bytes: 1 << 30, max_binding_bytes: 1 << 30, ..honest };
    assert_refused(call(&kernels(&gpu, believed)));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}

#[test]
fn a_kernel_that_the_device_refuses() {
    let _watchdog = watch();
    // No features were asked for.
    let (gpu, uncaptured) = callers(Limits::default());
    let honest = *gpu.kernels().capabilities();
    let subgroups = Some(SubgroupSizes { smallest: 32, largest: 32 });
    let believing = kernels(&gpu, Capabilities { subgroups, ..honest })
        .with_tuning(wgpu_loss::plan::Tuning::built_in(wgpu_loss::plan::AdapterClass::Discrete))
        .expect("a built-in tuning");
    let batch = Batch::new(37, 1000);
    assert_refused(believing.log_sum_exp(batch.logits(), &LogSumExp::default()));
    // It is not kept as if it had been compiled.
    assert_refused(believing.log_sum_exp(batch.logits(), &LogSumExp::default()));
    assert_works(&gpu);
    assert!(uncaptured.lock().expect("nobody panics").is_empty());
}
