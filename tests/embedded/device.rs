//! The device, and what is done on it.

#[path = "../common/gpus.rs"]
mod gpus;

use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use wgpu_loss::plan::Capabilities;
use wgpu_loss::wgpu::{
    self, Buffer, BufferDescriptor, BufferUsages, CommandEncoder, MapMode, PollType,
};
use wgpu_loss::{Gpu, Kernels, Step, runtime};

pub use gpus::device::new_gpu;

/// Usage of every operand of these tests.
pub const USAGE: BufferUsages =
    BufferUsages::STORAGE.union(BufferUsages::COPY_SRC).union(BufferUsages::COPY_DST);

/// A device that tests share, so that few kernels are compiled more than once.
pub fn gpu() -> Gpu {
    gpus::gpu().clone()
}

/// A device made through wgpu alone, with a record of the errors that no scope caught.
pub fn recorded_gpu() -> (Gpu, Arc<Mutex<Vec<String>>>) {
    let adapter = runtime::adapters().into_iter().next().expect("an adapter, as for Gpu::new");
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))
            .expect("a device with default limits");
    let uncaptured = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&uncaptured);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        record.lock().expect("no test panics here").push(error.to_string());
    }));
    (Gpu::from_device(device, queue).expect("default limits are enough"), uncaptured)
}

/// The shared device's kernels with other capabilities.
pub fn shrunken(shrink: impl FnOnce(&mut Capabilities)) -> Kernels {
    let gpu = gpu();
    let mut capabilities = *gpu.kernels().capabilities();
    shrink(&mut capabilities);
    gpu.kernels().with_capabilities(capabilities).expect("enough for the kernels")
}

/// Bytes of a buffer.
pub fn read<T: Pod>(gpu: &Gpu, buffer: &Buffer, offset: u64, bytes: u64) -> Vec<T> {
    let staging = gpu.device().create_buffer(&BufferDescriptor {
        label: Some("staging"),
        size: bytes,
        usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    submit(gpu, |encoder| encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, bytes));
    staging.map_async(MapMode::Read, .., |mapped| mapped.expect("staging is mapped"));
    gpu.device().poll(PollType::wait_indefinitely()).expect("the device answers");
    let view = staging.get_mapped_range(..).expect("staging is mapped");
    bytemuck::pod_collect_to_vec(&view)
}

/// Records into an encoder of its own and submits it.
pub fn submit(gpu: &Gpu, record: impl FnOnce(&mut CommandEncoder)) {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    gpu.queue().submit([encoder.finish()]);
}

/// Records steps one after the other into one encoder, and submits it.
pub fn run(gpu: &Gpu, steps: &[&Step]) {
    submit(gpu, |encoder| steps.iter().for_each(|step| step.record(encoder)));
}
