//! Cross-entropy inside a program that owns its wgpu device: `cargo run --example embed`.
//!
//! Each frame records three passes into one encoder. The first, ours, predicts logits; the second,
//! the library's, turns them into their gradient in place; the third, ours, takes a descent step.
//! The data never leave the device, but for the 32 bytes that hold the loss.

use std::error::Error;
use std::sync::mpsc;

use wgpu_loss::wgpu;
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, GradientPlace, Kernels, Pass, Shape, TargetLayout, Totals,
    UpstreamSource,
};

const ROWS: usize = 2048;
const CLASSES: usize = 10;
const FEATURES: usize = 16;
/// All that is ever read back: the reduced results.
const TOTALS_WORDS: usize = size_of::<Totals>() / 4;
/// Frames from one look at the loss to the next.
const EVERY: u32 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    for (i, loss) in run(100)?.into_iter().enumerate() {
        println!("frame {:3}: loss {loss:.4}", i * EVERY as usize);
    }
    Ok(())
}

/// Trains for a number of frames. Returns the losses of frame 0, [`EVERY`], twice that, ...
pub fn run(frames: u32) -> Result<Vec<f32>, Box<dyn Error>> {
    let (device, queue) = pollster::block_on(open_device())?;
    // What wgpu would report through a callback becomes an error of this function.
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let losses = train(&device, &queue, frames);
    match pollster::block_on(scope.pop()) {
        Some(error) => Err(error.into()),
        None => losses,
    }
}

fn train(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    frames: u32,
) -> Result<Vec<f32>, Box<dyn Error>> {
    use wgpu::BufferUsages as Usage;
    let buffer = |label, elements: usize, usage| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: 4 * elements as u64,
            usage,
            mapped_at_creation: false,
        })
    };
    let weights = buffer("weights", CLASSES * FEATURES, Usage::STORAGE); // wgpu fills it with 0
    let logits = buffer("logits, then gradient", ROWS * CLASSES, Usage::STORAGE);
    let targets = buffer("targets", ROWS, Usage::STORAGE);
    let totals = buffer("totals", TOTALS_WORDS, Usage::STORAGE | Usage::COPY_SRC);
    let readback = buffer("readback", TOTALS_WORDS, Usage::COPY_DST | Usage::MAP_READ);

    // The loss, once: choose and compile its kernels, then bind them to our buffers.
    let kernels = Kernels::new(device)?;
    let pass = Pass::Fused { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };
    let shape = Shape::new(ROWS, CLASSES);
    let plan = CrossEntropy::default().plan(&kernels, shape, &TargetLayout::default(), pass)?;
    let loss = plan.bind(&CrossEntropyOperands {
        totals: Some(totals.slice(..)),
        ..CrossEntropyOperands::new(logits.slice(..), targets.slice(..))
    })?;

    // Our own kernels.
    let constants = format!(
        "const ROWS = {ROWS}u; const CLASSES = {CLASSES}u; const FEATURES = {FEATURES}u; const RATE = 0.5;\n"
    );
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("embed"),
        source: wgpu::ShaderSource::Wgsl((constants + include_str!("embed.wgsl")).into()),
    });
    let predict = OwnPass::new(device, &module, "predict", ROWS, &[&weights, &logits, &targets]);
    let descend =
        OwnPass::new(device, &module, "descend", CLASSES * FEATURES, &[&weights, &logits]);

    let mut losses = Vec::new();
    for frame in 0..frames {
        let mut encoder = device.create_command_encoder(&Default::default());
        predict.record(&mut encoder);
        loss.record(&mut encoder); // allocates, submits and waits for nothing
        descend.record(&mut encoder);
        let is_looked_at = frame % EVERY == 0;
        if is_looked_at {
            encoder.copy_buffer_to_buffer(&totals, 0, &readback, 0, readback.size());
        }
        queue.submit([encoder.finish()]);
        if is_looked_at {
            losses.push(read_totals(device, &readback)?.loss);
        }
    }
    Ok(losses)
}

/// Any adapter will do. Subgroups make the kernels faster, so they are asked for where there are any.
async fn open_device() -> Result<(wgpu::Device, wgpu::Queue), Box<dyn Error>> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let instance = wgpu::Instance::new(descriptor);
    let adapter = instance.request_adapter(&Default::default()).await?;
    let descriptor = wgpu::DeviceDescriptor {
        required_features: adapter.features() & wgpu::Features::SUBGROUP,
        required_limits: adapter.limits(),
        ..Default::default()
    };
    Ok(adapter.request_device(&descriptor).await?)
}

/// Waits for the device and reads the reduced results.
fn read_totals(device: &wgpu::Device, readback: &wgpu::Buffer) -> Result<Totals, Box<dyn Error>> {
    let (sender, receiver) = mpsc::channel();
    readback.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = sender.send(result); // the receiver is gone only if polling failed
    });
    device.poll(wgpu::PollType::wait_indefinitely())?;
    receiver.recv()??;
    let totals = bytemuck::pod_read_unaligned(&readback.get_mapped_range(..)?);
    readback.unmap();
    Ok(totals)
}

/// A compute pass of our own: one kernel, a lane per item.
struct OwnPass {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: u32,
}

impl OwnPass {
    fn new(
        device: &wgpu::Device,
        module: &wgpu::ShaderModule,
        entry_point: &str,
        items: usize,
        buffers: &[&wgpu::Buffer],
    ) -> Self {
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry_point),
            layout: None,
            module,
            entry_point: Some(entry_point),
            compilation_options: Default::default(),
            cache: None,
        });
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(entry_point),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Self { pipeline, bind_group, workgroups: items.div_ceil(64) as u32 }
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(self.workgroups, 1, 1);
    }
}
