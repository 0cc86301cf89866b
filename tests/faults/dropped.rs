//! Calls that nobody waits for any more.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;

use wgpu_loss::{
    Axis, CrossEntropy, Engine, Error, Gpu, LogSumExp, Reduce, Softmax, Statistic, Upstream,
    Weights,
};

use crate::scene::{Batch, TINY, assert_works, on_each_device, own, poll};
use crate::watchdog::watch;

/// Every kind of call as a future that has still to be polled.
fn futures<'a>(gpu: &'a Gpu, batch: &'a Batch) -> [Pin<Box<dyn Future<Output = ()> + 'a>>; 4] {
    let (logits, targets, upstream) =
        (batch.logits(), batch.targets(), Some(Upstream::Scalar(1.0)));
    [
        Box::pin(async move {
            drop(gpu.log_sum_exp_async(logits, upstream, &LogSumExp::default()).await);
        }),
        Box::pin(async move {
            let options = CrossEntropy::default();
            drop(gpu.cross_entropy_async(logits, targets, upstream, &options).await);
        }),
        Box::pin(async move {
            drop(gpu.softmax_async(logits, None, &Softmax::default()).await);
        }),
        Box::pin(async move {
            let options = Reduce::new(Statistic::Mean, Axis::EachColumn);
            drop(gpu.reduce_async(logits, Weights::None, upstream, &options).await);
        }),
    ]
}

/// Polls so many times, unless it is done before that, and drops.
fn abandon(mut future: Pin<Box<dyn Future<Output = ()> + '_>>, polls: usize) {
    for _ in 0..polls {
        if poll(&mut future).is_ready() {
            break;
        }
    }
}

#[test]
fn a_dropped_future() {
    let _watchdog = watch();
    let batch = Batch::new(500, 100);
    on_each_device(|gpu| {
        for gpu in [gpu, &gpu.with_streaming(TINY)] {
            for polls in [0, 1, 2, 7] {
                futures(gpu, &batch).into_iter().for_each(|future| abandon(future, polls));
                assert_works(gpu);
            }
        }
    });
}

#[test]
fn a_dropped_future_of_a_lost_device() {
    let _watchdog = watch();
    let batch = Batch::new(500, 100);
    on_each_device(|gpu| {
        let mut pending: Vec<_> = futures(gpu, &batch).into();
        pending.retain_mut(|future| poll(future).is_pending());
        gpu.device().destroy();
        pending.into_iter().for_each(|future| abandon(future, 1));
    });
}

#[test]
fn a_cancelled_stream() {
    let _watchdog = watch();
    let batch = Batch::new(3000, 33);
    let (logits, targets) = (batch.logits(), batch.targets());
    let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
    let gpu = own().with_streaming(TINY);
    let cancelled = gpu.with_progress(|progress| match progress.rows_done >= 1000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let mut gradient = vec![f32::NAN; 3000 * 33];
    for _ in 0..2 {
        let result =
            cancelled.cross_entropy_into(logits, targets, upstream, &options, &mut gradient);
        let Err(Error::Cancelled { rows_done: 1000..1200, rows: 3000, .. }) = result else {
            panic!("{result:?}");
        };
    }
    // What had come stays, and nothing comes later.
    let mut whole = vec![f32::NAN; 3000 * 33];
    gpu.cross_entropy_into(logits, targets, upstream, &options, &mut whole).expect("a call");
    assert!(whole.iter().any(|&value| value != 0.0));
    assert_eq!(gradient[..1000 * 33], whole[..1000 * 33]);
    assert!(gradient[1500 * 33..].iter().all(|value| value.is_nan()));
    let expected = gpu.log_sum_exp(logits, &LogSumExp::default()).expect("the device goes on");
    assert_eq!(own().log_sum_exp(logits, &LogSumExp::default()), Ok(expected));
}
