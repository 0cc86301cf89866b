//! The adapter that tests run on; there is no skipping.

#[path = "device.rs"]
mod device;

use std::sync::OnceLock;

use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning};
use wgpu_loss::{Gpu, Kernels};

/// The adapter as it is.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(device::new_gpu)
}

/// The same with the tuning of real GPUs, but without subgroups.
#[allow(dead_code, reason = "not every test needs it")]
pub fn gpu_without_subgroups() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let capabilities = Capabilities { subgroups: None, ..*gpu().kernels().capabilities() };
        let tuning = Tuning::built_in(AdapterClass::Discrete);
        let kernels = Kernels::with(gpu().device(), capabilities, tuning).expect("kernels");
        gpu().with_kernels(kernels)
    })
}
