//! Random shapes, strides, options and special values on the GPU, against the oracle; what fails
//! shrinks to a readable call. Needs an adapter.

#[path = "common/random_call.rs"]
mod random_call;

use std::sync::OnceLock;

use proptest::prelude::*;
use random_call::call;
use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{Gpu, Kernels};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..Default::default() })]

    #[test]
    fn is_close_to_the_oracle(call in call()) {
        for gpu in gpus() {
            call.check(gpu)?;
            call.check(&TwoStep(gpu))?;
        }
    }
}
