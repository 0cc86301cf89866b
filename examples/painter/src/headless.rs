//! Frames without a window: a loop that looks at some of them.

use wgpu_loss::Totals;

use crate::device::Device;
use crate::failure::{Failure, Result, catching};
use crate::offscreen::{Offscreen, read_words};
use crate::painter::Painter;
use crate::panels::{self, FORMAT};
use crate::strip::Frame;

/// A painter and the texture it paints.
#[derive(Debug)]
pub struct Headless {
    /// The device.
    pub device: Device,
    /// What is recorded.
    pub painter: Painter,
    offscreen: Offscreen,
    frames: u32,
}

impl Headless {
    /// For panels of this `size` and so many steps of training.
    ///
    /// # Errors
    /// Where the device is too small or refuses a kernel.
    pub fn new(device: Device, size: [u32; 2], frames: u32) -> Result<Self> {
        let (painter, offscreen) = catching(&device.device, || {
            let canvas = panels::canvas(size);
            let offscreen = Offscreen::new(&device.device, canvas)?;
            let painter = Painter::new(&device.device, &device.queue, size, frames, FORMAT)?;
            painter.resize(&device.queue, canvas);
            Ok((painter, offscreen))
        })?;
        Ok(Self { device, painter, offscreen, frames })
    }

    /// Draws frame 0, which is untrained, and one after each step of training. Those that are
    /// `wanted` are read back and `shown`; of the others nothing leaves the device.
    ///
    /// # Errors
    /// Where the device fails, and those of `shown`.
    pub fn run(
        &self,
        wanted: impl Fn(u32) -> bool,
        mut shown: impl FnMut(Frame) -> Result<()>,
    ) -> Result<()> {
        let Device { device, queue, .. } = &self.device;
        catching(device, || {
            for number in 0..=self.frames {
                let mut encoder = device.create_command_encoder(&Default::default());
                self.painter.record_training(&mut encoder);
                self.painter.record_picture(&mut encoder, &self.offscreen.view);
                queue.submit([encoder.finish()]);
                if wanted(number) {
                    let picture = self.offscreen.read(&self.device)?;
                    shown(Frame { number, totals: self.totals()?, picture })?;
                }
            }
            Ok(())
        })
    }

    /// The loss of each frame that was drawn.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn losses(&self) -> Result<Vec<f32>> {
        let words = read_words(&self.device, &self.painter.network.progress)?;
        let (count, losses) = words.split_first().unwrap_or((&0, &[]));
        Ok(losses.iter().take(*count as usize).map(|word| f32::from_bits(*word)).collect())
    }

    fn totals(&self) -> Result<Totals> {
        let words = read_words(&self.device, &self.painter.network.totals)?;
        bytemuck::try_pod_read_unaligned(bytemuck::cast_slice(&words))
            .map_err(|error| Failure::device("reading the totals", error))
    }
}
