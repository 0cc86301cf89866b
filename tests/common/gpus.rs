//! The adapter that tests run on; there is no skipping.

#[path = "device.rs"]
pub mod device;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::OnceLock;

use wgpu_loss::Gpu;
use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning};

/// Devices that tests share. A software driver compiles for one device on one core.
const DEVICES: usize = 2;

/// That of a test, which has a thread of its name.
fn of_this_test(gpus: &'static [OnceLock<Gpu>; DEVICES]) -> &'static OnceLock<Gpu> {
    let thread = std::thread::current();
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    &gpus[hasher.hash_one(thread.name()) as usize % DEVICES]
}

/// The adapter as it is.
pub fn gpu() -> &'static Gpu {
    static GPUS: [OnceLock<Gpu>; DEVICES] = [const { OnceLock::new() }; DEVICES];
    of_this_test(&GPUS).get_or_init(device::new_gpu)
}

/// The same with the tuning of real GPUs, but without subgroups.
#[allow(dead_code, reason = "not every test needs it")]
pub fn gpu_without_subgroups() -> &'static Gpu {
    static GPUS: [OnceLock<Gpu>; DEVICES] = [const { OnceLock::new() }; DEVICES];
    of_this_test(&GPUS).get_or_init(|| {
        let capabilities = Capabilities { subgroups: None, ..*gpu().kernels().capabilities() };
        let tuning = Tuning::built_in(AdapterClass::Discrete);
        let kernels = gpu().kernels().with_capabilities(capabilities).expect("kernels");
        gpu().with_kernels(kernels).with_tuning(tuning).expect("kernels")
    })
}
