//! Random calls of every operation, option, type and layout on the GPU and on the CPU, against the
//! oracle; what fails shrinks to a readable call. Needs an adapter.
//!
//! `cargo xtask soak MINUTES` goes on with ever new calls.

#[path = "common/device.rs"]
mod device;
#[path = "common/property.rs"]
mod property;
#[path = "common/random_call.rs"]
mod random_call;
#[path = "common/random_reduction.rs"]
mod random_reduction;
#[path = "common/reduction_laws.rs"]
mod reduction_laws;

use std::sync::OnceLock;

use device::new_gpu;
use proptest::test_runner::TestCaseError;
use random_call::call;
use random_reduction::reduction;
use reduction_laws::{
    masked_row, neighbours_make_no_difference, order_makes_no_difference, rows_in_order,
};
use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{Engine, Gpu, cpu};

/// Each call may need a kernel of its own, which takes a software device 0.1 s to compile.
const GPU_CASES: u32 = 96;

const CPU_CASES: u32 = 512;

/// Calls of each law: two or three kernels each.
const LAW_CASES: u32 = 24;

/// The adapter as it is, and with the tuning of real GPUs but without subgroups.
fn gpus() -> &'static [Gpu; 2] {
    static GPUS: OnceLock<[Gpu; 2]> = OnceLock::new();
    GPUS.get_or_init(|| {
        let gpu = new_gpu();
        let capabilities = Capabilities { subgroups: None, ..*gpu.kernels().capabilities() };
        let tuning = Tuning::built_in(AdapterClass::Discrete);
        let kernels = gpu.kernels().with_capabilities(capabilities).expect("kernels");
        [gpu.clone(), gpu.with_kernels(kernels).with_tuning(tuning).expect("kernels")]
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

#[test]
fn reductions_of_the_gpu_are_close_to_the_oracle() {
    let [gpu, other] = gpus();
    let (two_step, other_two_step) = (TwoStep(gpu), TwoStep(other));
    let engines: [&dyn Engine; 4] = [gpu, &two_step, other, &other_two_step];
    let strategy = (0..engines.len(), reduction());
    property::check("GPU reductions", GPU_CASES, strategy, |(engine, call)| {
        call.check(engines[engine])
    });
}

#[test]
fn reductions_of_the_cpu_are_close_to_the_oracle() {
    property::check("CPU reductions", CPU_CASES, reduction(), |call| call.check(&cpu::Fast));
}

/// What holds of each row of a reduction, and of masked values.
fn laws(name: &str, cases: u32, engines: &[&dyn Engine]) {
    let each = |law: &dyn Fn(&dyn Engine) -> Result<(), TestCaseError>| {
        engines.iter().try_for_each(|engine| law(*engine))
    };
    property::check(&format!("{name}, order"), cases, rows_in_order(), |(call, order, _)| {
        each(&|engine| order_makes_no_difference(engine, &call.0, &order))
    });
    property::check(&format!("{name}, neighbours"), cases, rows_in_order(), |(call, _, kept)| {
        each(&|engine| neighbours_make_no_difference(engine, &call.0, kept))
    });
    property::check(&format!("{name}, masked"), cases, masked_row(), |row| {
        each(&|engine| row.zeros_leave_out(engine))
    });
}

#[test]
fn reductions_of_the_gpu_obey_their_laws() {
    let [gpu, other] = gpus();
    laws("GPU", LAW_CASES, &[gpu, other]);
}

#[test]
fn reductions_of_the_cpu_obey_their_laws() {
    laws("CPU", CPU_CASES, &[&cpu::Oracle, &cpu::Fast]);
}
