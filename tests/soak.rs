//! Random calls with faults between them, over and over: every result is the oracle's, every fault an
//! error of its kind, and memory stays what it was. Ten seconds, or as many minutes as one likes:
//! `cargo xtask soak --faults MINUTES`. Needs an adapter.

#[path = "common/property.rs"]
#[allow(dead_code, reason = "properties of one value each are another test's")]
mod property;
#[path = "common/random_call.rs"]
mod random_call;
#[path = "common/random_reduction.rs"]
#[allow(dead_code, reason = "the laws of rows are another test's")]
mod random_reduction;
#[path = "common/resident.rs"]
mod resident;
#[path = "faults/scene.rs"]
#[allow(dead_code, reason = "each test uses a part of this")]
mod scene;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use random_call::{RandomCall, call};
use random_reduction::reduction;
use resident::{Samples, resident};
use scene::{Batch, CALLS, TINY, assert_lost, assert_works, buffer, own, poll};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Engine, Error, Gpu, LogSumExp, Pass, Shape, Softmax,
    Targets, Upstream, cpu,
};

/// Without the variable that says how long.
const USUAL: Duration = Duration::from_secs(10);

/// Calls to draw from: each needs kernels of its own, which a device keeps.
const CALLS_DRAWN: usize = 24;

/// Calls between two faults.
const BETWEEN_FAULTS: usize = 4;

/// Something that goes wrong, on a device that goes on or on one of its own; whether it did.
type Fault = (&'static str, fn(&Gpu, &Batch) -> bool);

const FAULTS: [Fault; 9] = [
    ("a device lost before a call", |_, batch| {
        let gpu = own();
        assert_works(&gpu);
        gpu.device().destroy();
        CALLS.iter().for_each(|(name, call)| assert_lost(name, call(&gpu, batch)));
        true
    }),
    ("a device lost under a call", |_, batch| {
        let gpu = own();
        let upstream = Some(Upstream::Scalar(1.0));
        let options = CrossEntropy::default();
        let mut future =
            Box::pin(gpu.cross_entropy_async(batch.logits(), batch.targets(), upstream, &options));
        if poll(&mut future).is_ready() {
            return false; // the driver is done at once
        }
        gpu.device().destroy();
        match pollster::block_on(future) {
            Err(Error::DeviceLost { .. }) => true,
            Ok(_) => false, // it was done before
            Err(error) => panic!("{error:?}"),
        }
    }),
    ("a device lost between pieces", |_, batch| {
        let gpu = own().with_streaming(TINY);
        let device = gpu.device().clone();
        let gpu = gpu.with_progress(move |_| {
            device.destroy();
            ControlFlow::Continue(())
        });
        assert_lost("a stream", gpu.log_sum_exp(batch.logits(), &LogSumExp::default()));
        true
    }),
    ("a cancelled stream", |gpu, batch| {
        let gpu = gpu.with_streaming(TINY).with_progress(|_| ControlFlow::Break(()));
        let result = gpu.softmax(batch.logits(), &Softmax::default());
        assert!(matches!(result, Err(Error::Cancelled { .. })), "{result:?}");
        true
    }),
    ("dropped futures", |gpu, batch| {
        let mut dropped = false;
        for gpu in [gpu, &gpu.with_streaming(TINY)] {
            for polls in [0, 1, 3] {
                let upstream = Some(Upstream::Scalar(1.0));
                let options = LogSumExp::default();
                let mut future =
                    Box::pin(gpu.log_sum_exp_async(batch.logits(), upstream, &options));
                dropped |= (0..polls).all(|_| poll(&mut future).is_pending());
            }
        }
        dropped
    }),
    ("a timeout", |gpu, batch| {
        let late = gpu.with_timeout(Some(Duration::from_micros(1)));
        match late.cross_entropy(batch.logits(), batch.targets(), &CrossEntropy::default()) {
            Err(Error::Timeout { .. }) => true,
            Ok(_) => false,
            Err(error) => panic!("{error:?}"),
        }
    }),
    ("a buffer that is too small", |gpu, _| {
        let result = bind(gpu, &buffer(gpu, 4), &buffer(gpu, 4 * 37));
        assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
        true
    }),
    ("a buffer of another device", |gpu, _| {
        let result = bind(gpu, &buffer(&own(), 4 * 37 * 50), &buffer(gpu, 4 * 37));
        assert!(matches!(result, Err(Error::Device { .. })), "{result:?}");
        true
    }),
    ("a target that is no class", |gpu, batch| {
        let mut targets = vec![0; batch.logits().rows()];
        targets[11] = 1_000_000;
        let options = CrossEntropy::default();
        let result = gpu.cross_entropy(batch.logits(), Targets::classes(&targets), &options);
        assert!(matches!(result, Err(Error::TargetOutOfRange { row: 11, .. })), "{result:?}");
        true
    }),
];

fn bind(
    gpu: &Gpu,
    logits: &wgpu_loss::wgpu::Buffer,
    targets: &wgpu_loss::wgpu::Buffer,
) -> wgpu_loss::Result<()> {
    CrossEntropy::default()
        .plan(
            gpu.kernels(),
            Shape::new(37, 50),
            &Default::default(),
            Pass::Forward { save_state: false },
        )?
        .bind(&CrossEntropyOperands::new(logits.slice(..), targets.slice(..)))
        .map(drop)
}

fn drawn(runner: &mut TestRunner, strategy: &impl Strategy<Value = RandomCall>) -> RandomCall {
    strategy.new_tree(runner).expect("a call").current()
}

#[track_caller]
fn check(call: &RandomCall, engine: &dyn Engine) {
    if let Err(error) = call.check(engine) {
        panic!("{call:?} on {}: {error}", engine.name());
    }
}

#[test]
fn calls_and_faults_leave_memory_as_it_was() {
    let time = property::soak_time().unwrap_or(USUAL);
    let seed = property::seed();
    println!("seed {seed:#x}, {:.1} minutes", time.as_secs_f64() / 60.0);
    let mut runner = property::runner(seed, 1);
    let calls: Vec<_> = (0..CALLS_DRAWN)
        .map(|turn| match turn % 3 {
            0 => drawn(&mut runner, &reduction()),
            _ => drawn(&mut runner, &call()),
        })
        .collect();
    let batch = Batch::new(500, 100);
    let gpu = own();
    let two_step = TwoStep(&gpu);
    let engines: [&dyn Engine; 3] = [&gpu, &two_step, &cpu::Fast];
    // All kernels there will be.
    for call in &calls {
        engines.iter().for_each(|engine| check(call, *engine));
    }

    let start = Instant::now();
    let mut met = [0u64; FAULTS.len()];
    let mut samples = Samples::default();
    let mut rounds = 0u64;
    while rounds < 3 || start.elapsed() < time {
        for (met, (_, fault)) in met.iter_mut().zip(FAULTS) {
            for _ in 0..BETWEEN_FAULTS {
                let (call, engine) = (0..CALLS_DRAWN, 0..engines.len());
                let drawn = (call, engine).new_tree(&mut runner).expect("two numbers").current();
                check(&calls[drawn.0], engines[drawn.1]);
            }
            *met += u64::from(fault(&gpu, &batch));
            assert_works(&gpu);
        }
        rounds += 1;
        samples.add(start.elapsed(), resident());
        if rounds.is_power_of_two() || rounds.is_multiple_of(64) {
            println!("{:7.1} s, round {rounds}: {samples}", start.elapsed().as_secs_f64());
        }
    }
    println!("{:7.1} s, {rounds} rounds: {samples}", start.elapsed().as_secs_f64());
    for (met, (name, _)) in met.iter().zip(FAULTS) {
        println!("{met:7} times {name}");
    }
    // Whether a driver is still at work when it is asked is its own affair.
    let at_work = ["a device lost under a call", "dropped futures", "a timeout"];
    for (met, (name, _)) in met.iter().zip(FAULTS) {
        assert!(*met == rounds || at_work.contains(&name), "{name}: only {met} of {rounds} times");
    }
    assert!(samples.are_flat(), "memory grows: {samples}, seed {seed:#x}");
}
