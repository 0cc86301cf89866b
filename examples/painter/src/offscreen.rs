//! A texture to draw into, and reading what is on the device.

use std::sync::mpsc;

use wgpu_loss::wgpu;

use crate::device::Device;
use crate::failure::{Failure, Result};
use crate::panels::FORMAT;
use crate::picture::Picture;

/// A texture, and the buffer through which it is read when somebody wants to.
#[derive(Debug)]
pub struct Offscreen {
    texture: wgpu::Texture,
    /// What is drawn to.
    pub view: wgpu::TextureView,
    readback: wgpu::Buffer,
    row_bytes: u32,
}

impl Offscreen {
    /// A texture of this size.
    ///
    /// # Errors
    /// [`Failure::Picture`] where the device has none so large.
    pub fn new(device: &wgpu::Device, [width, height]: [u32; 2]) -> Result<Self> {
        let most = device.limits().max_texture_dimension_2d;
        if width.max(height) > most {
            let message = format!("{width}x{height} pixels, the device has up to {most} in a row");
            return Err(Failure::Picture(message));
        }
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let row_bytes = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let readback = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback of the picture"),
            size: u64::from(row_bytes) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let view = texture.create_view(&Default::default());
        Ok(Self { texture, view, readback, row_bytes })
    }

    /// Waits for the device and reads the picture.
    ///
    /// # Errors
    /// [`Failure::Device`] where the device fails.
    pub fn read(&self, device: &Device) -> Result<Picture> {
        let mut encoder = device.device.create_command_encoder(&Default::default());
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(self.row_bytes),
            rows_per_image: None,
        };
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &self.readback, layout },
            self.texture.size(),
        );
        device.queue.submit([encoder.finish()]);
        let bytes = map(&device.device, &self.readback)?;
        let [width, height] = [self.texture.width(), self.texture.height()];
        let rows = bytes.chunks(self.row_bytes as usize);
        let pixels = rows
            .flat_map(|row| row.chunks_exact(4).take(width as usize))
            .map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        Ok(Picture { width, height, pixels })
    }
}

/// Waits for the device and reads a buffer of 4-byte words, which needs usage `COPY_SRC`.
///
/// # Errors
/// [`Failure::Device`] where the device fails.
pub fn read_words(device: &Device, buffer: &wgpu::Buffer) -> Result<Vec<u32>> {
    let readback = device.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: buffer.size(),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &readback, 0, buffer.size());
    device.queue.submit([encoder.finish()]);
    Ok(bytemuck::pod_collect_to_vec(&map(&device.device, &readback)?))
}

fn map(device: &wgpu::Device, readback: &wgpu::Buffer) -> Result<Vec<u8>> {
    let fail = |error: &dyn ToString| Failure::device("reading back", error.to_string());
    let (sender, receiver) = mpsc::channel();
    readback.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = sender.send(result); // the receiver is gone only if polling failed
    });
    device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| fail(&error))?;
    receiver.recv().map_err(|error| fail(&error))?.map_err(|error| fail(&error))?;
    let bytes = readback.get_mapped_range(..).map_err(|error| fail(&error))?.to_vec();
    readback.unmap();
    Ok(bytes)
}
