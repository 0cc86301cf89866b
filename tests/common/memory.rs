//! Buffers that are filled and read back whole.

use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu_loss::{Gpu, wgpu};

pub fn buffer(gpu: &Gpu, contents: &[u8]) -> wgpu::Buffer {
    gpu.device().create_buffer_init(&BufferInitDescriptor {
        label: None,
        contents,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
    })
}

pub fn read(gpu: &Gpu, buffer: &wgpu::Buffer) -> Vec<u8> {
    let size = buffer.size();
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("mapped"));
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    staging.get_mapped_range(..).expect("mapped").to_vec()
}
