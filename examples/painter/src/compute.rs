//! Compute kernels of our own, and buffers.

use wgpu_loss::wgpu;

use crate::failure::{Failure, Result};

/// A pipeline, what it is bound to, and how much of it runs.
#[derive(Clone, Debug)]
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 2],
}

impl Kernel {
    /// Compiles an entry point and binds buffers to it, each by its number in the module.
    pub fn new(
        device: &wgpu::Device,
        module: &wgpu::ShaderModule,
        entry_point: &str,
        workgroups: [u32; 2],
        buffers: &[(u32, &wgpu::Buffer)],
    ) -> Self {
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry_point),
            layout: None,
            module,
            entry_point: Some(entry_point),
            compilation_options: Default::default(),
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        let bind_group = bind_group(device, entry_point, &layout, buffers);
        Self { pipeline, bind_group, workgroups }
    }

    /// Records the dispatch.
    pub fn record_in(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, 1);
    }
}

/// Whole buffers, each at its binding.
pub fn bind_group(
    device: &wgpu::Device,
    label: &str,
    layout: &wgpu::BindGroupLayout,
    buffers: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = buffers
        .iter()
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding: *binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(label),
        layout,
        entries: &entries,
    })
}

/// A buffer of 4-byte words, zero at first.
///
/// # Errors
/// [`Failure::TooLarge`] where a kernel could not see it as a whole.
pub fn words_buffer(
    device: &wgpu::Device,
    label: &'static str,
    words: usize,
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer> {
    let needed = 4 * words as u64;
    let limits = device.limits();
    let available = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    if needed > available {
        return Err(Failure::TooLarge { what: label, needed, available });
    }
    Ok(device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: needed,
        usage,
        mapped_at_creation: false,
    }))
}
