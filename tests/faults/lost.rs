//! A device that is lost, at every moment of its use.

use std::ops::ControlFlow;
use std::sync::Barrier;
use std::task::Poll;

use wgpu_loss::wgpu::{self, CommandEncoder};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyPlan, Engine, Error, Gpu, GradientPlace,
    LogSumExp, LogSumExpOperands, Pass, Reduce, ReduceOperands, Shape, Softmax, SoftmaxOperands,
    SoftmaxPass, Step, Upstream, WeightLayout,
};

use crate::scene::{
    Batch, CALLS, TINY, assert_lost, assert_works, buffer, is_done_at_once, on_each_device, poll,
};
use crate::watchdog::watch;

const FORWARD: Pass = Pass::Forward { save_state: false };
const SHAPE: Shape = Shape::new(37, 50);

fn plan(gpu: &Gpu, shape: Shape) -> wgpu_loss::Result<CrossEntropyPlan> {
    CrossEntropy::default().plan(gpu.kernels(), shape, &Default::default(), FORWARD)
}

/// A bound step, with the buffer of its totals.
fn step(gpu: &Gpu) -> (Step, wgpu::Buffer) {
    let [logits, targets, totals] = [4 * 37 * 50, 4 * 37, 32].map(|bytes| buffer(gpu, bytes));
    let operands = CrossEntropyOperands {
        totals: Some(totals.slice(..)),
        ..CrossEntropyOperands::new(logits.slice(..), targets.slice(..))
    };
    (plan(gpu, SHAPE).and_then(|plan| plan.bind(&operands)).expect("a step"), totals)
}

#[test]
fn destroyed_before_a_call() {
    let _watchdog = watch();
    let batch = Batch::new(37, 50);
    on_each_device(|gpu| {
        // So that it is the destruction that fails it.
        assert_works(gpu);
        gpu.device().destroy();
        for (name, call) in CALLS {
            assert_lost(name, call(gpu, &batch));
            // And again, once it is known.
            assert_lost(name, call(gpu, &batch));
        }
    });
}

#[test]
fn destroyed_between_plan_and_bind() {
    let _watchdog = watch();
    on_each_device(|gpu| {
        let kernels = gpu.kernels();
        let cross_entropy = plan(gpu, SHAPE).expect("a plan");
        let log_sum_exp = LogSumExp::default().plan(kernels, SHAPE, FORWARD).expect("a plan");
        let pass = SoftmaxPass::Forward { output: GradientPlace::InPlace };
        let softmax = Softmax::default().plan(kernels, SHAPE, pass).expect("a plan");
        let reduce =
            Reduce::default().plan(kernels, SHAPE, WeightLayout::None, FORWARD).expect("a plan");
        let [logits, targets, results] = [4 * 37 * 50, 4 * 37, 4 * 37].map(|it| buffer(gpu, it));
        let (logits, targets, results) = (logits.slice(..), targets.slice(..), results.slice(..));
        gpu.device().destroy();

        let operands = CrossEntropyOperands::new(logits, targets);
        assert_lost("cross-entropy", cross_entropy.bind(&operands));
        let operands =
            LogSumExpOperands { log_sum_exp: Some(results), ..LogSumExpOperands::new(logits) };
        assert_lost("log-sum-exp", log_sum_exp.bind(&operands));
        let operands = SoftmaxOperands { logits, upstream: None, output: None };
        assert_lost("softmax", softmax.bind(&operands));
        let operands = ReduceOperands { results: Some(results), ..ReduceOperands::new(logits) };
        assert_lost("a sum", reduce.bind(&operands));
        // Nor is anything compiled any more.
        assert_lost("a plan", plan(gpu, Shape::new(3, 4099)));
        assert_lost("warming up", kernels_of_another_size(gpu).map(drop));
    });
}

/// Kernels that no plan has asked for yet.
fn kernels_of_another_size(gpu: &Gpu) -> wgpu_loss::Result<()> {
    let (capabilities, tuning) = (*gpu.kernels().capabilities(), gpu.kernels().tuning().clone());
    let kernels = wgpu_loss::Kernels::with(gpu.device(), capabilities, tuning)?;
    kernels.warm_up(&gpu.kernels().compiled())
}

/// The caller's own encoder: nothing panics, nothing reaches the device's handler.
fn record_and_submit(gpu: &Gpu, destroy_at: usize) {
    let (step, totals) = step(gpu);
    let destroy = |at: usize| {
        if at == destroy_at {
            gpu.device().destroy();
        }
    };
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
    destroy(0);
    let mut encoder: CommandEncoder = gpu.device().create_command_encoder(&Default::default());
    destroy(1);
    step.record(&mut encoder);
    destroy(2);
    let commands = encoder.finish();
    destroy(3);
    gpu.queue().submit([commands]);
    destroy(4);
    let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
    let error = pollster::block_on(scope.pop());
    assert!(error.is_none(), "destroyed at {destroy_at}: {error:?}");
    drop(totals);
    let batch = Batch::new(37, 50);
    assert_lost("a call", gpu.log_sum_exp(batch.logits(), &LogSumExp::default()));
}

#[test]
fn destroyed_before_an_encoder_is_made() {
    let _watchdog = watch();
    on_each_device(|gpu| record_and_submit(gpu, 0));
}

#[test]
fn destroyed_before_recording() {
    let _watchdog = watch();
    on_each_device(|gpu| record_and_submit(gpu, 1));
}

#[test]
fn destroyed_while_recording() {
    let _watchdog = watch();
    on_each_device(|gpu| record_and_submit(gpu, 2));
}

#[test]
fn destroyed_before_submitting() {
    let _watchdog = watch();
    on_each_device(|gpu| record_and_submit(gpu, 3));
}

#[test]
fn destroyed_once_submitted() {
    let _watchdog = watch();
    on_each_device(|gpu| record_and_submit(gpu, 4));
}

#[test]
fn destroyed_while_another_thread_calls() {
    let _watchdog = watch();
    let batch = Batch::new(1024, 1000);
    on_each_device(|gpu| {
        let (logits, options) = (batch.logits(), LogSumExp::default());
        let expected = gpu.log_sum_exp(logits, &options).expect("the device works");
        let under_way = Barrier::new(2);
        let error = std::thread::scope(|scope| {
            let calls = scope.spawn(|| {
                under_way.wait();
                loop {
                    match gpu.log_sum_exp(logits, &options) {
                        Ok(found) => assert_eq!(found, expected, "not the whole result"),
                        Err(error) => break error,
                    }
                }
            });
            under_way.wait();
            std::thread::sleep(std::time::Duration::from_millis(10));
            gpu.device().destroy();
            calls.join().expect("nothing panics")
        });
        assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
    });
}

#[test]
fn destroyed_while_mapping() {
    let _watchdog = watch();
    let batch = Batch::long();
    on_each_device(|gpu| {
        let (logits, targets) = (batch.logits(), batch.targets());
        let (upstream, options) = (Some(Upstream::Scalar(1.0)), CrossEntropy::default());
        let mut call = Box::pin(gpu.cross_entropy_async(logits, targets, upstream, &options));
        // Submitted, and its maps asked for.
        let polled = poll(&mut call);
        gpu.device().destroy();
        if polled.is_ready() {
            assert!(is_done_at_once(gpu), "it has not had the time");
            return assert_lost("a call", CALLS[0].1(gpu, &batch));
        }
        let result = loop {
            if let Poll::Ready(result) = poll(&mut call) {
                break result;
            }
        };
        assert_lost("the call", result);
    });
}

/// wgpu's own way to tell that a driver lost the device while somebody waited for it.
#[test]
fn a_poll_that_panics_over_a_lost_device() {
    let _watchdog = watch();
    let batch = Batch::long();
    on_each_device(|gpu| {
        let options = LogSumExp::default();
        let mut call = Box::pin(gpu.log_sum_exp_async(batch.logits(), None, &options));
        if poll(&mut call).is_ready() {
            // Nobody waits for such a driver.
            return assert!(is_done_at_once(gpu), "it has not had the time");
        }
        let device = gpu.device().clone();
        gpu.queue().on_submitted_work_done(move || {
            device.destroy();
            panic!("as wgpu does where a wait finds the device lost");
        });
        let result = loop {
            if let Poll::Ready(result) = poll(&mut call) {
                break result;
            }
        };
        assert_lost("the call", result);
    });
}

#[test]
fn destroyed_in_the_midst_of_a_stream() {
    let _watchdog = watch();
    let batch = Batch::new(1000, 33);
    on_each_device(|gpu| {
        let device = gpu.device().clone();
        let gpu = gpu.with_streaming(TINY).with_progress(move |progress| {
            if progress.rows_done >= 300 {
                device.destroy();
            }
            ControlFlow::Continue(())
        });
        let (logits, targets) = (batch.logits(), batch.targets());
        let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
        let mut gradient = vec![f32::NAN; 1000 * 33];
        let result = gpu.cross_entropy_into(logits, targets, upstream, &options, &mut gradient);
        assert_lost("the call", result);
        // What had come is whole, what had not is untouched.
        assert!(gradient[..300 * 33].iter().all(|value| value.is_finite()));
        assert!(gradient[900 * 33..].iter().all(|value| value.is_nan()));
    });
}

#[test]
fn destroyed_in_the_midst_of_a_stream_of_futures() {
    let _watchdog = watch();
    let batch = Batch::new(1000, 33);
    on_each_device(|gpu| {
        let device = gpu.device().clone();
        let gpu = gpu.with_streaming(TINY).with_progress(move |progress| {
            if progress.rows_done >= 300 {
                device.destroy();
            }
            ControlFlow::Continue(())
        });
        let options = LogSumExp::default();
        let call = gpu.log_sum_exp_async(batch.logits(), Some(Upstream::Scalar(1.0)), &options);
        assert_lost("the call", pollster::block_on(call));
    });
}
