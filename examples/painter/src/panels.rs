//! The render pass: three panels and the losses so far, straight from the storage buffers.

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::wgpu;

use crate::compute::bind_group;
use crate::failure::{Failure, Result};
use crate::target::CLASSES;

/// Pixels between panels, and around them.
pub const GUTTER: u32 = 8;
/// Pixels from the top to the bottom of the losses' curve.
const CURVE_HEIGHT: u32 = 48;
/// How textures are drawn to and read back.
pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Width and height of the whole picture, for panels of `width * height`.
pub fn canvas([width, height]: [u32; 2]) -> [u32; 2] {
    [3 * width + 4 * GUTTER, height + CURVE_HEIGHT + 3 * GUTTER]
}

/// The pipeline that draws, and what it reads.
#[derive(Clone, Debug)]
pub struct Panels {
    pipeline: wgpu::RenderPipeline,
    bind_group: wgpu::BindGroup,
    view: wgpu::Buffer,
}

impl Panels {
    /// Compiles for targets of a format. `rows`: a record for each pixel; `progress`: the losses of
    /// the frames so far, of `frames` and the first.
    ///
    /// # Errors
    /// [`Failure::Picture`] where the records lack what is drawn.
    pub fn new(
        device: &wgpu::Device,
        format: wgpu::TextureFormat,
        [width, height]: [u32; 2],
        frames: u32,
        (rows, record): (&wgpu::Buffer, Record),
        progress: &wgpu::Buffer,
    ) -> Result<Self> {
        let word = |word: Word| {
            let lacking = || Failure::Picture(format!("the records have no {word:?}"));
            record.place(word).ok_or_else(lacking)
        };
        let constants = format!(
            "const WIDTH = {width}; const HEIGHT = {height}; const GUTTER = {GUTTER}; \
             const CURVE_HEIGHT = {CURVE_HEIGHT}; const FRAMES = {frames}u; \
             const CLASSES = {CLASSES}u; const RECORD_WORDS = {}u; const WORD_LOSS = {}u; \
             const WORD_ENTROPY = {}u; const WORD_ARGMAX = {}u;\n",
            record.words(),
            word(Word::Loss)?,
            word(Word::Entropy)?,
            word(Word::Argmax)?,
        );
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("panels"),
            source: wgpu::ShaderSource::Wgsl((constants + include_str!("panels.wgsl")).into()),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("panels"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("corner"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("paint"),
                compilation_options: Default::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let view = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("view"),
            size: 8,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let layout = pipeline.get_bind_group_layout(0);
        let bound = [(0, rows), (1, progress), (2, &view)];
        let bind_group = bind_group(device, "panels", &layout, &bound);
        Ok(Self { pipeline, bind_group, view })
    }

    /// Tells the size of what is drawn to; once, and whenever it changes.
    pub fn resize(&self, queue: &wgpu::Queue, [width, height]: [u32; 2]) {
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(&[width as f32, height as f32]));
    }

    /// Records the render pass.
    pub fn record(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::TextureView) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("panels"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}
