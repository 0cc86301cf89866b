//! A device that takes longer than it was given.

use std::time::Duration;

use wgpu_loss::{
    CrossEntropy, Engine, Error, Gpu, GpuOptions, LogSumExp, Result, Streaming, Upstream,
};

use crate::scene::{Batch, assert_works, is_done_at_once, own};
use crate::watchdog::watch;

/// What a device is never done in.
const SHORT: Duration = Duration::from_micros(1);

/// Fails unless the time was up; then the device has still to give what it gave before.
fn check<T: PartialEq>(call: impl Fn(&Gpu) -> Result<T>) {
    let gpu = own();
    let expected = call(&gpu).expect("in its own time");
    let late = gpu.with_timeout(Some(SHORT));
    let mut timeouts = 0;
    // Several times: this thread, too, may have to wait for its turn.
    for _ in 0..5 {
        match call(&late) {
            Err(Error::Timeout { waited, .. }) => {
                assert!(waited >= SHORT, "{waited:?}");
                timeouts += 1;
            }
            Err(error) => panic!("{error:?}"),
            Ok(found) => assert!(found == expected, "other results"),
        }
    }
    assert!(timeouts > 0 || is_done_at_once(&gpu), "never late");
    let patient = late.with_timeout(Some(Duration::from_secs(50)));
    for gpu in [patient, late.with_timeout(None)] {
        assert!(call(&gpu).is_ok_and(|found| found == expected), "other results afterwards");
    }
    assert_works(&own());
}

#[test]
fn a_poll_that_times_out() {
    let _watchdog = watch();
    let batch = Batch::long();
    check(|gpu| gpu.log_sum_exp(batch.logits(), &LogSumExp::default()));
}

#[test]
fn a_future_that_times_out() {
    let _watchdog = watch();
    let batch = Batch::long();
    check(|gpu| {
        pollster::block_on(gpu.log_sum_exp_async(batch.logits(), None, &LogSumExp::default()))
    });
}

#[test]
fn a_stream_that_times_out() {
    let _watchdog = watch();
    // Of short rows, which take the device longer than bringing them takes us; and the last of few
    // pieces is waited for at once.
    let batch = Batch::new(600_000, 10);
    let streaming = Streaming { device_bytes: 1 << 27, submission_bytes: 16 << 20 };
    let (upstream, options) = (Upstream::Scalar(1.0), CrossEntropy::default());
    check(|gpu| {
        let (logits, targets) = (batch.logits(), batch.targets());
        let gpu = gpu.with_streaming(streaming);
        gpu.cross_entropy_with_gradient(logits, targets, upstream, &options)
    });
}

#[test]
fn a_timeout_among_the_options() {
    let _watchdog = watch();
    let batch = Batch::long();
    let options = GpuOptions { timeout: Some(SHORT), ..Default::default() };
    let gpu = Gpu::with_options(&options).expect("an adapter");
    let result = gpu.log_sum_exp(batch.logits(), &LogSumExp::default());
    match result {
        Err(error) => assert!(matches!(error, Error::Timeout { .. }), "{error:?}"),
        Ok(_) => assert!(is_done_at_once(&gpu), "done in {SHORT:?}"),
    }
}
