//! Digests of what the GPU returns, case by case: `cargo xtask digests` writes them to a file, and says
//! which are others than those of another build on the same machine. Needs an adapter.

#[path = "common/device.rs"]
mod device;
#[path = "common/property.rs"]
#[allow(dead_code, reason = "each test file uses a part of this")]
mod property;
#[path = "common/random_call.rs"]
#[allow(dead_code, reason = "what is compared here are digests")]
mod random_call;
#[path = "common/random_reduction.rs"]
#[allow(dead_code, reason = "the laws of rows are another test's")]
mod random_reduction;

use std::collections::HashSet;

use device::new_gpu;
use proptest::strategy::{Strategy, ValueTree as _};
use random_call::{RandomCall, call};
use random_reduction::reduction;
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{Engine, cpu};
use wgpu_loss_verify::{Call, CaseResult, Extent, cases};

/// Random calls of each kind.
const CALLS: u32 = 1000;

/// A line for `cargo xtask digests`.
fn print(name: &str, result: &CaseResult) {
    let CaseResult { digest, failure, .. } = result;
    assert!(failure.is_none(), "{name}: {failure:?}");
    println!("\ndigest\t{name}\t{digest}");
}

/// Random calls, the same at every time.
fn drawn(number: u32, strategy: impl Strategy<Value = RandomCall>) -> impl Iterator<Item = Call> {
    let mut runner = property::runner(0x1dbc_5a1e_0f0d_2b77, number);
    let call = move |_| strategy.new_tree(&mut runner).expect("a call").current().0;
    (0..number).map(call)
}

/// The digests of random calls, each on one of the engines in turn.
fn random(kind: &str, engines: &[&dyn Engine], strategy: impl Strategy<Value = RandomCall>) {
    for (number, call) in drawn(CALLS, strategy).enumerate() {
        let engine = engines[number % engines.len()];
        print(&format!("{kind} {number} on {}", engine.name()), &call.check(engine));
    }
}

/// A call has the same bits at every time, on devices of their own; other calls have others.
#[test]
fn a_call_has_the_same_digest_twice() {
    let devices = [new_gpu(), new_gpu()];
    let digests = devices
        .each_ref()
        .map(|gpu| drawn(6, call()).map(|call| call.check(gpu).digest).collect::<Vec<_>>());
    assert_eq!(digests[0], digests[1]);
    let distinct: HashSet<_> = digests[0].iter().collect();
    assert_eq!(distinct.len(), digests[0].len());
}

#[test]
#[ignore = "minutes: for `cargo xtask digests`"]
fn digests_of_verify() {
    let gpu = new_gpu();
    for case in cases(Extent::Broad) {
        print(&format!("GPU {case}"), &case.check(&gpu));
        print(&format!("CPU {case}"), &case.check(&cpu::Fast));
    }
}

#[test]
#[ignore = "minutes: for `cargo xtask digests`"]
fn digests_of_random_calls() {
    let gpu = new_gpu();
    let engines: [&dyn Engine; 3] = [&gpu, &TwoStep(&gpu), &cpu::Fast];
    random("call", &engines, call());
    random("reduction", &engines, reduction());
}
