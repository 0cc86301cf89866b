//! Submitting, waiting, and device buffers back into host memory: the only place that waits.

use std::future::Future;
#[cfg(not(target_arch = "wasm32"))]
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_intrusive::channel::shared::{OneshotReceiver, oneshot_channel};
use wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoder, MapMode};

use crate::error::{Error, Result};
use crate::pipelines::guarded;
#[cfg(not(target_arch = "wasm32"))]
use crate::pipelines::is_lost;

use super::Gpu;
use super::clock::{Moment, now, since};

/// How a one-call form waits for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The thread sleeps until the device is done. Not on the web.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    Blocking,
    /// The future returns to its executor between looks at the device.
    Yielding,
}

/// Whether a buffer was mapped, as soon as it is known.
pub(super) type MapReceiver = OneshotReceiver<std::result::Result<(), wgpu::BufferAsyncError>>;

/// A buffer on its way back.
pub(super) struct Readback {
    staging: Buffer,
    bytes: u64,
}

impl Gpu {
    /// Records the copy of a buffer's first bytes for reading.
    pub(super) fn copy_back(
        &self,
        operation: &'static str,
        encoder: &mut CommandEncoder,
        buffer: &Buffer,
        bytes: u64,
    ) -> Result<Readback> {
        let staging = guarded(self.device(), operation, || {
            self.device().create_buffer(&BufferDescriptor {
                label: Some("wgpu-loss readback"),
                size: bytes.next_multiple_of(4).max(4),
                usage: BufferUsages::COPY_DST | BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        })?;
        if bytes > 0 {
            // Copies are of whole words; so are our buffers.
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes.next_multiple_of(4));
        }
        Ok(Readback { staging, bytes })
    }

    /// Submits, waits, and maps every readback.
    pub(super) async fn submit_and_wait(
        &self,
        operation: &'static str,
        encoder: CommandEncoder,
        readbacks: &[Readback],
        waiting: Waiting,
    ) -> Result<()> {
        let (sender, receiver) = oneshot_channel();
        let receivers = guarded(self.device(), operation, || {
            self.queue().submit([encoder.finish()]);
            let map = |readback: &Readback| Self::map(&readback.staging, MapMode::Read);
            let receivers = readbacks.iter().map(map).collect();
            self.queue().on_submitted_work_done(move || {
                let _ = sender.send(());
            });
            receivers
        })?;
        let done = async {
            self.mapped(operation, receivers).await?;
            receiver.receive().await;
            Ok(())
        };
        self.wait(operation, None, waiting, done).await
    }

    /// Waits for maps that were asked for.
    pub(super) async fn mapped(
        &self,
        operation: &'static str,
        receivers: Vec<MapReceiver>,
    ) -> Result<()> {
        for receiver in receivers {
            match receiver.receive().await {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(self.failure(operation, error.to_string())),
                None => return Err(self.failure(operation, "the device gave no answer".into())),
            }
        }
        Ok(())
    }

    /// Waits for a submission, or for all there are, and for what it makes come true.
    pub(super) async fn wait(
        &self,
        operation: &'static str,
        submission: Option<wgpu::SubmissionIndex>,
        waiting: Waiting,
        done: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        if waiting == Waiting::Blocking {
            let timeout = self.timeout();
            let poll = wgpu::PollType::Wait { submission_index: submission, timeout };
            self.poll(operation, poll)?;
            return done.await;
        }
        let _ = (submission, waiting);
        Polling { gpu: self, operation, started: now(), done: Box::pin(done) }.await
    }

    /// Looks at the device.
    #[cfg(not(target_arch = "wasm32"))]
    fn poll(&self, operation: &'static str, poll: wgpu::PollType) -> Result<()> {
        let started = Moment::now();
        let polled = catch_unwind(AssertUnwindSafe(|| self.device().poll(poll)));
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) => {
                Err(Error::Timeout { operation, waited: since(started) })
            }
            Ok(Err(error)) => Err(self.failure(operation, error.to_string())),
            // wgpu panics where it finds the driver's device lost; other panics are callbacks'.
            Err(_) if is_lost(self.device()) => Err(self.failure(operation, String::new())),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Asks for a map. What the receiver gets is for [`mapped`](Self::mapped).
    pub(super) fn map(buffer: &Buffer, mode: MapMode) -> MapReceiver {
        let (sender, receiver) = oneshot_channel();
        buffer.map_async(mode, .., move |result| {
            // A receiver that is gone is a future that was dropped.
            let _ = sender.send(result);
        });
        receiver
    }

    /// The values of a readback that was waited for.
    pub(super) fn values<T: bytemuck::Pod>(
        &self,
        operation: &'static str,
        readback: &Readback,
    ) -> Result<Vec<T>> {
        if readback.bytes == 0 {
            return Ok(Vec::new());
        }
        let view = readback
            .staging
            .get_mapped_range(..)
            .map_err(|error| self.failure(operation, error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view[..readback.bytes as usize]))
    }
}

/// Looks at the device each time it is polled: off the web nobody else does.
struct Polling<'a, F> {
    gpu: &'a Gpu,
    operation: &'static str,
    started: Option<Moment>,
    done: Pin<Box<F>>,
}

impl<F: Future<Output = Result<()>>> Future for Polling<'_, F> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (gpu, operation) = (self.gpu, self.operation);
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = gpu.poll(operation, wgpu::PollType::Poll) {
            return Poll::Ready(Err(error));
        }
        let polled = self.done.as_mut().poll(context);
        if polled.is_pending() {
            if let (Some(timeout), Some(waited)) = (gpu.timeout(), self.started.map(since))
                && waited >= timeout
            {
                return Poll::Ready(Err(Error::Timeout { operation, waited }));
            }
            if cfg!(not(target_arch = "wasm32")) {
                context.waker().wake_by_ref();
            }
        }
        polled
    }
}
