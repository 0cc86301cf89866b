//! Random calls of every operation, option, type and layout on the GPU and on the CPU, against the
//! oracle; what fails shrinks to a readable call. Needs an adapter.
//!
//! `cargo xtask soak MINUTES` goes on with ever new calls.

#[path = "common/property.rs"]
mod property;
#[path = "common/random_call.rs"]
mod random_call;

use std::sync::OnceLock;

use random_call::call;
use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{Engine, Gpu, Kernels, cpu};

/// Each call may need a kernel of its own, which takes a software device 0.1 s to compile.
const GPU_CASES: u32 = 96;

const CPU_CASES: u32 = 512;

/// The adapter as it is, and with the tuning of real GPUs but without subgroups.
fn gpus() -> &'static [Gpu; 2] {
    static GPUS: OnceLock<[Gpu; 2]> = OnceLock::new();
    GPUS.get_or_init(|| {
        let gpu = Gpu::new().expect("these tests need an adapter: `cargo xtask test` installs one");
        let capabilities = Capabilities { subgroups: None, ..*gpu.kernels().capabilities() };
        let tuning = Tuning::built_in(AdapterClass::Discrete);
        let kernels = Kernels::with(gpu.device(), capabilities, tuning).expect("kernels");
        [gpu.clone(), gpu.with_kernels(kernels)]
    })
}

/// Each call meets one of the GPU's engines; a failure shrinks to the first that fails.
#[test]
fn the_gpu_is_close_to_the_oracle() {
    let [gpu, other] = gpus();
    let (two_step, other_two_step) = (TwoStep(gpu), TwoStep(other));
    let engines: [&dyn Engine; 4] = [gpu, &two_step, other, &other_two_step];
    property::check("GPU", GPU_CASES, (0..engines.len(), call()), |(engine, call)| {
        call.check(engines[engine])
    });
}

#[test]
fn the_cpu_is_close_to_the_oracle() {
    property::check("CPU", CPU_CASES, call(), |call| call.check(&cpu::Fast));
}
