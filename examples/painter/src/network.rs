//! The network: its buffers, and the compute kernels around the loss.

use wgpu_loss::wgpu::{self, BufferUsages as Usage};

use crate::compute::{Kernel, words_buffer};
use crate::failure::{Failure, Result};
use crate::start;
use crate::target::CLASSES;

/// Features of a pixel, the first of which is 1; a multiple of 4.
pub const FEATURES: usize = 48;
/// Hidden units, the first of which is 1; a multiple of 4.
pub const HIDDEN: usize = 40;
/// Quads of pixels whose gradients of the weights are summed by one lane.
const PART: usize = 64;
/// The first step's learning rate.
const RATE: f32 = 0.01;
/// Lanes of a workgroup.
const LANES: usize = 64;

/// Buffers and kernels of the network.
#[derive(Clone, Debug)]
pub struct Network {
    /// The logits, `(1, CLASSES, height, width)`.
    pub logits: wgpu::Buffer,
    /// Their gradient, which the loss writes and the backward kernels read.
    pub gradient: wgpu::Buffer,
    /// The loss's [`Totals`](wgpu_loss::Totals).
    pub totals: wgpu::Buffer,
    /// The number of forward passes so far, and the loss of each.
    pub progress: wgpu::Buffer,
    forward: Vec<Kernel>,
    backward: Vec<Kernel>,
}

impl Network {
    /// Allocates and compiles everything, for a picture of `size[0] * size[1]` pixels and so many
    /// steps of training.
    ///
    /// # Errors
    /// [`Failure::Size`] unless the pixels come in fours, [`Failure::TooLarge`] where a buffer would
    /// be larger than the device's.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        size: [u32; 2],
        frames: u32,
    ) -> Result<Self> {
        let pixels = size[0] as usize * size[1] as usize;
        if pixels == 0 || !pixels.is_multiple_of(4) {
            return Err(Failure::Size { width: size[0], height: size[1] });
        }
        let weights = HIDDEN * FEATURES + CLASSES * HIDDEN;
        let quads = pixels / 4;
        let parts = quads.div_ceil(PART);
        let own = |label, words| words_buffer(device, label, words, Usage::STORAGE);
        let readable =
            |label, words| words_buffer(device, label, words, Usage::STORAGE | Usage::COPY_SRC);
        let written = |label, values: &[f32]| {
            let usage = Usage::STORAGE | Usage::COPY_DST;
            let buffer = words_buffer(device, label, values.len(), usage)?;
            queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
            Ok::<_, Failure>(buffer)
        };
        let logits = readable("logits", CLASSES * pixels)?;
        let gradient = own("gradient", CLASSES * pixels)?;
        let totals = readable("totals", size_of::<wgpu_loss::Totals>() / 4)?;
        let progress = readable("progress", 2 + frames as usize)?;
        // In the order of their bindings.
        let all = [
            written("features", &start::features(size))?,
            written("weights", &start::weights())?,
            own("hidden", pixels * HIDDEN)?,
            logits.clone(),
            gradient.clone(),
            own("hidden gradient", pixels * HIDDEN)?,
            own("partial", parts * weights)?,
            own("moments", 2 * weights)?,
            totals.clone(),
            progress.clone(),
        ];

        let constants = format!(
            "const PIXELS = {pixels}u; const FEATURES = {FEATURES}u; const HIDDEN = {HIDDEN}u; \
             const CLASSES = {CLASSES}u; const PART = {PART}u; const FRAMES = {frames}u; \
             const RATE = {RATE};\n"
        );
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("network"),
            source: wgpu::ShaderSource::Wgsl((constants + include_str!("network.wgsl")).into()),
        });
        let kernel = |name, lanes: usize, rows: usize, bindings: &[usize]| {
            let bound: Vec<_> =
                bindings.iter().map(|index| (*index as u32, &all[*index])).collect();
            Kernel::new(device, &module, name, [lanes.div_ceil(LANES) as u32, rows as u32], &bound)
        };
        let forward = vec![
            kernel("hidden_layer", quads, HIDDEN / 4, &[0, 1, 2]),
            kernel("output_layer", quads, CLASSES / 4, &[1, 2, 3]),
        ];
        let [first, second] = [FEATURES, CLASSES].map(|rows| rows / 4 * (HIDDEN / 4));
        let backward = vec![
            kernel("advance", 1, 1, &[8, 9]),
            kernel("hidden_backward", quads, HIDDEN / 4, &[1, 2, 4, 5]),
            kernel("first_layer_part", parts * first, 1, &[0, 5, 6]),
            kernel("second_layer_part", parts * second, 1, &[2, 4, 6]),
            kernel("adam", weights / 4, 1, &[1, 6, 7, 9]),
        ];
        Ok(Self { logits, gradient, totals, progress, forward, backward })
    }

    /// Records the way to the logits.
    pub fn record_forward(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.forward.iter().for_each(|kernel| kernel.record_in(pass));
    }

    /// Records the way from the logits' gradient to the next weights.
    pub fn record_backward(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.backward.iter().for_each(|kernel| kernel.record_in(pass));
    }
}
