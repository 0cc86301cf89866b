//! A frame: the network forward, the library's loss and gradient, the network backward, the picture.

use wgpu_loss::kernel::Record;
use wgpu_loss::wgpu::{self, BufferUsages as Usage};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, GradientPlace, Kernels, Pass, RowOutputs, Shape, Step,
    TargetLayout, UpstreamSource,
};

use crate::compute::words_buffer;
use crate::failure::Result;
use crate::network::Network;
use crate::panels::Panels;
use crate::target::{self, CLASSES};

/// Everything that a frame records. Made once; frames allocate, compile and upload nothing.
#[derive(Debug)]
pub struct Painter {
    /// The network, with the buffers around the loss.
    pub network: Network,
    /// The pixels' records: loss, entropy and most likely class.
    pub rows: wgpu::Buffer,
    /// Which word of a record is what.
    pub record: Record,
    loss: Step,
    panels: Panels,
}

/// What of each pixel is drawn, and how many are right.
pub fn options() -> CrossEntropy {
    let rows = RowOutputs { loss: true, entropy: true, argmax: true, ..Default::default() };
    CrossEntropy { rows, correct: true, ..Default::default() }
}

impl Painter {
    /// For panels of this `size`, so many steps of training, and targets of this format.
    ///
    /// # Errors
    /// Where the device is too small or refuses a kernel.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        size: [u32; 2],
        frames: u32,
        format: wgpu::TextureFormat,
    ) -> Result<Self> {
        let network = Network::new(device, queue, size, frames)?;
        let labels = target::labels(size);
        let usage = Usage::STORAGE | Usage::COPY_DST;
        let targets = words_buffer(device, "targets", labels.len(), usage)?;
        queue.write_buffer(&targets, 0, bytemuck::cast_slice(&labels));

        // The library's part: choose and compile its kernels for (1, C, H, W), then bind them to
        // our buffers. The gradient leaves the logits as they are, so that they can be looked at.
        let kernels = Kernels::new(device)?;
        let shape = Shape::with_class_axis(1, CLASSES, labels.len());
        let pass =
            Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::Scalar };
        let plan = options().plan(&kernels, shape, &TargetLayout::default(), pass)?;
        let words = plan.record().words() as usize * labels.len();
        let rows = words_buffer(device, "rows", words, Usage::STORAGE | Usage::COPY_SRC)?;
        let loss = plan.bind(&CrossEntropyOperands {
            gradient: Some(network.gradient.slice(..)),
            rows: Some(rows.slice(..)),
            totals: Some(network.totals.slice(..)),
            ..CrossEntropyOperands::new(network.logits.slice(..), targets.slice(..))
        })?;

        let record = plan.record();
        let panels = Panels::new(device, format, size, frames, (&rows, record), &network.progress)?;
        Ok(Self { network, rows, record, loss, panels })
    }

    /// Tells the size of what is drawn to; once, and whenever it changes.
    pub fn resize(&self, queue: &wgpu::Queue, size: [u32; 2]) {
        self.panels.resize(queue, size);
    }

    /// Records a step of training.
    pub fn record_training(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        self.network.record_forward(&mut pass);
        self.loss.record_in(&mut pass);
        self.network.record_backward(&mut pass);
    }

    /// Records the picture of the last step's logits.
    pub fn record_picture(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::TextureView) {
        self.panels.record(encoder, target);
    }
}
