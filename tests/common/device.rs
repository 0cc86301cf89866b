//! The device that tests run on, as the lane of `cargo xtask lanes` says; there is no skipping.

use wgpu_loss::{Gpu, GpuOptions};

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
    Gpu::with_options(&options).unwrap_or_else(|error| {
        panic!("these tests need an adapter: `cargo xtask test` installs one ({error})")
    })
}
