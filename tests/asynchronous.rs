//! The one-call forms as futures: the same results as the blocking ones, under any executor, and a
//! dropped future harms nothing. Needs an adapter.

#[path = "common/device.rs"]
mod device;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use device::new_gpu;
use wgpu_loss::partial::ClassRange;
use wgpu_loss::{
    Axis, CrossEntropy, Engine, LogSumExp, Logits, Reduce, Reduction, Segments, Softmax, Statistic,
    Targets, Upstream, Weights,
};

const ROWS: usize = 37;
const CLASSES: usize = 50;

fn values() -> Vec<f32> {
    (0..ROWS * CLASSES).map(|i| ((i * 7919) % 1013) as f32 / 100.0 - 5.0).collect()
}

/// Polls a future in a plain loop, as an executor without threads would.
fn run<T>(future: impl Future<Output = T>) -> (T, usize) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for polls in 1.. {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return (value, polls);
        }
        std::thread::yield_now();
    }
    unreachable!("the loop has no end")
}

#[test]
fn futures_give_what_the_blocking_forms_give() {
    let gpu = new_gpu();
    let values = values();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let classes: Vec<i32> = (0..ROWS as i32).collect();
    let targets = Targets::classes(&classes);
    let factors: Vec<f32> = (0..ROWS).map(|row| row as f32 - 3.5).collect();
    let options = CrossEntropy { reduction: Reduction::None, ..Default::default() };
    let upstream = Upstream::PerRow(&factors);

    let blocking = gpu.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
    let (found, _) = run(gpu.cross_entropy_async(logits, targets, Some(upstream), &options));
    let found = found.unwrap();
    assert_eq!(found.loss_rows, blocking.loss_rows);
    assert_eq!(found.gradient, blocking.gradient);
    let gradient = found.gradient.unwrap().into_f32();
    assert!(gradient.iter().any(|&value| value != 0.0));

    let options = LogSumExp::default();
    let blocking = gpu.log_sum_exp(logits, &options).unwrap();
    let (found, _) = run(gpu.log_sum_exp_async(logits, None, &options));
    assert_eq!(found.unwrap(), blocking);

    let options = Softmax { log: true, ..Default::default() };
    let blocking = gpu.softmax(logits, &options).unwrap();
    let (found, _) = run(gpu.softmax_async(logits, None, &options));
    assert_eq!(found.unwrap(), blocking);
    let blocking = gpu.softmax_gradient(logits, logits, &options).unwrap();
    let (found, _) = run(gpu.softmax_async(logits, Some(logits), &options));
    assert_eq!(found.unwrap(), blocking);
}

#[test]
fn futures_of_reductions_give_what_the_blocking_forms_give() {
    let gpu = new_gpu();
    let values = values();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let weights = Weights::PerRow(&values[..ROWS]);
    let options = Reduce::new(Statistic::Mean, Axis::EachColumn);
    let upstream = Upstream::Scalar(-0.5);
    let blocking = gpu.reduce_with_gradient(logits, weights, upstream, &options).unwrap();
    let (found, _) = run(gpu.reduce_async(logits, weights, Some(upstream), &options));
    assert_eq!(found.unwrap(), blocking);
    let ids: Vec<i32> = (0..ROWS as i32).map(|row| row % 4 - 1).collect();
    let segments = Segments::Ids { ids: &ids, segments: 3 };
    let blocking = gpu.reduce_segments(logits, segments, weights, &options).unwrap();
    let (found, _) = run(gpu.reduce_segments_async(logits, segments, weights, &options));
    assert_eq!(found.unwrap(), blocking);
}

#[test]
fn futures_of_parts_give_what_the_blocking_forms_give() {
    let gpu = new_gpu();
    let values = values();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let classes: Vec<i32> = (0..ROWS as i32).collect();
    let targets = Targets::classes(&classes);
    let range = ClassRange { first: 0, total: CLASSES };
    let options = CrossEntropy::default();
    let states = gpu.partial_states(logits, range, targets, &options).unwrap();
    let (found, _) = run(gpu.partial_states_async(logits, range, targets, &options));
    assert_eq!(found.unwrap(), states);
    let blocking = gpu.cross_entropy_of_states(&states, CLASSES, targets, &options).unwrap();
    let (found, _) = run(gpu.cross_entropy_of_states_async(&states, CLASSES, targets, &options));
    assert_eq!(found.unwrap(), blocking);
    let upstream = Upstream::Scalar(0.5);
    let blocking =
        gpu.partial_gradient(logits, range, &states, targets, upstream, &options).unwrap();
    let (found, _) =
        run(gpu.partial_gradient_async(logits, range, &states, targets, upstream, &options));
    assert_eq!(found.unwrap(), blocking);
}

#[test]
fn a_dropped_future_leaves_the_device_usable() {
    let gpu = new_gpu();
    let values = values();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let options = LogSumExp::default();
    let expected = gpu.log_sum_exp(logits, &options).unwrap();
    for _ in 0..20 {
        // Polled once, so that its work is submitted, then dropped with its readback under way.
        let mut future = Box::pin(gpu.log_sum_exp_async(logits, None, &options));
        let mut context = Context::from_waker(Waker::noop());
        let _ = future.as_mut().poll(&mut context);
        drop(future);
    }
    assert_eq!(gpu.log_sum_exp(logits, &options).unwrap(), expected);
}
