//! The device that tests run on, as the lane of `cargo xtask lanes` says; there is no skipping.

use wgpu_loss::{Gpu, GpuOptions};

// Most tests look at no more than what is changed.
#[allow(dead_code)]
#[path = "mutants/mod.rs"]
pub mod mutants;

/// Names a device: none, for the adapter as it is, or [`MINIMAL`].
pub const DEVICE: &str = "WGPU_LOSS_TEST_DEVICE";

/// What every WebGPU device has: `Limits::default()` and no features.
pub const MINIMAL: &str = "minimal";

/// Whether the lane is that of [`MINIMAL`]; an unknown device is refused rather than taken for none.
pub fn is_minimal() -> bool {
    match std::env::var(DEVICE).unwrap_or_default().as_str() {
        "" => false,
        MINIMAL => true,
        other => panic!("{DEVICE}={other}: expected {MINIMAL}, or nothing"),
    }
}

/// A device of the test's own.
pub fn new_gpu() -> Gpu {
    let options = GpuOptions { minimal: is_minimal(), ..Default::default() };
    let gpu = Gpu::with_options(&options).unwrap_or_else(|error| {
        panic!("these tests need an adapter: `cargo xtask test` installs one ({error})")
    });
    match std::env::var(mutants::VARIABLE) {
        Ok(name) => mutated(&gpu, &name),
        Err(_) => gpu,
    }
}

/// The device with the kernels of a mutant.
#[cfg(debug_assertions)]
fn mutated(gpu: &Gpu, name: &str) -> Gpu {
    let mut all = mutants::all();
    let mutant = all.find(|mutant| mutant.name == name);
    let mutant = mutant.unwrap_or_else(|| panic!("{}={name}: no such mutant", mutants::VARIABLE));
    let mutants::Mutant { file, original, replacement, .. } = *mutant;
    let mutation = wgpu_loss::kernel::Mutation { file, original, replacement };
    gpu.with_kernels(gpu.kernels().with_mutation(mutation))
}

#[cfg(not(debug_assertions))]
fn mutated(_: &Gpu, name: &str) -> Gpu {
    panic!("{}={name}: there are no mutants in release builds", mutants::VARIABLE)
}
