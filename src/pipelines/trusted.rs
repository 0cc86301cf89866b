//! The one unsafe call of the GPU side: shader modules whose loops naga leaves as they are.
#![allow(unsafe_code)]

/// Compiles `source` without the counters that naga adds to loops it cannot prove to end. They cost
/// registers and keep drivers from unrolling the loops over a lane's vectors, which turns registers
/// into memory. Bounds checks stay. Loops `of_others`, of whom nothing is known, keep their counters.
pub(super) fn create_module(
    device: &wgpu::Device,
    label: &str,
    source: String,
    of_others: bool,
) -> wgpu::ShaderModule {
    let checks = wgpu::ShaderRuntimeChecks {
        force_loop_bounding: of_others,
        ..wgpu::ShaderRuntimeChecks::checked()
    };
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    };
    // SAFETY: where the source holds no loops but those of `shaders/`: without loop bounding a loop that never ends would be undefined behaviour. Every loop
    // in `shaders/` counts to a bound that it does not change: a constant, or a uniform parameter
    // with a step that cannot jump over it without overflowing, which offsets below 2^32 exclude.
    unsafe { device.create_shader_module_trusted(descriptor, checks) }
}
