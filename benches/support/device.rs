//! What all benchmarks do with a device.

use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, SamplingMode};
use wgpu_loss::wgpu::{self, Buffer, BufferUsages, CommandEncoder};
use wgpu_loss::{Engine, Gpu};

/// The adapter that is measured.
pub fn gpu() -> Gpu {
    let gpu = Gpu::new().expect("the benchmarks need an adapter: `cargo xtask run` installs one");
    eprintln!("adapter: {}", gpu.name());
    gpu
}

/// A group of few, long iterations.
pub fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat); // few, long iterations
    group
}

/// From recording to the end of the wait, one submit an iteration.
pub fn time(bencher: &mut Bencher<'_>, gpu: &Gpu, record: impl Fn(&mut CommandEncoder)) {
    bencher.iter_custom(|iterations| {
        let start = Instant::now();
        for _ in 0..iterations {
            run(gpu, &record);
        }
        start.elapsed()
    });
}

/// Records, submits and waits.
pub fn run(gpu: &Gpu, record: impl FnOnce(&mut CommandEncoder)) {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    gpu.queue().submit([encoder.finish()]);
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
}

/// A buffer of these bytes.
pub fn upload(gpu: &Gpu, bytes: &[u8]) -> Buffer {
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes.len() as u64,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, bytes);
    buffer
}

/// The first values of a buffer.
pub fn read(gpu: &Gpu, buffer: &Buffer, values: usize) -> Vec<f32> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4 * values as u64,
        usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, staging.size());
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
    bytemuck::pod_collect_to_vec(&staging.get_mapped_range(..).unwrap())
}
