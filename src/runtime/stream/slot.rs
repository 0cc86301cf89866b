//! The buffers of one piece: while it is computed, another slot's is brought and taken away.

use wgpu::{
    Buffer, BufferDescriptor, BufferSlice, BufferUsages, CommandEncoderDescriptor, MapMode,
    SubmissionIndex,
};

use crate::error::{Error, Result};
use crate::ops::Step;
use crate::pipelines::guarded;
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::clock::{Moment, now};
use crate::runtime::readback::{MapReceiver, Waiting};

use super::traffic::{Brought, Returned, Traffic};

/// Something on the device, and the host-visible buffer that brings it.
struct Carried {
    staging: Buffer,
    device: Buffer,
    /// Where it starts.
    shift: u64,
}

/// Results on the device, unless they take the logits' place, and the host-visible buffer that
/// takes them back.
struct TakenBack {
    device: Option<Buffer>,
    readback: Buffer,
}

/// A piece under way.
struct Pending {
    piece: Piece,
    submission: SubmissionIndex,
    /// Of the readbacks, then of the staging buffers.
    maps: Vec<MapReceiver>,
    started: Option<Moment>,
}

/// The buffers of a piece, as what is bound to a step.
#[derive(Clone, Copy)]
pub(super) struct PieceBuffers<'a> {
    brought: &'a [Carried],
    returned: &'a [TakenBack],
}

impl<'a> PieceBuffers<'a> {
    /// The logits, then whatever else is brought.
    pub(super) fn brought(&self, index: usize) -> BufferSlice<'a> {
        let Carried { device, shift, .. } = &self.brought[index];
        device.slice(*shift..)
    }

    /// Where results go, unless they take the logits' place or there are none.
    pub(super) fn returned(&self, index: usize) -> Option<BufferSlice<'a>> {
        Some(self.returned.get(index)?.device.as_ref()?.slice(..))
    }
}

/// See the module.
pub(super) struct Slot {
    brought: Vec<Carried>,
    returned: Vec<TakenBack>,
    pending: Option<Pending>,
}

impl Slot {
    /// Buffers for so many rows.
    pub(super) fn new(
        gpu: &Gpu,
        operation: &'static str,
        traffic: &Traffic<'_>,
        rows: usize,
    ) -> Result<Self> {
        let make = |label, bytes: u64, usage, mapped_at_creation| {
            let available = gpu.kernels().capabilities().max_buffer_bytes;
            let size = bytes.next_multiple_of(16).max(16);
            if size > available {
                let limit = "max_buffer_size";
                return Err(Error::Limit { operation, limit, needed: size, available });
            }
            guarded(gpu.device(), operation, || {
                let label = Some(label);
                gpu.device().create_buffer(&BufferDescriptor {
                    label,
                    size,
                    usage,
                    mapped_at_creation,
                })
            })
        };
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let classes = traffic.logits.classes();
        let carry = |(index, each): (usize, &Brought<'_>)| {
            let bytes = each.bytes(rows, classes);
            let shift = if index == 0 { traffic.shift() } else { 0 };
            let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
            Ok(Carried {
                staging: make("wgpu-loss upload", bytes, upload, true)?,
                device: make("wgpu-loss piece", bytes + shift, storage, false)?,
                shift,
            })
        };
        let take_back = |each: &Returned<'_>| {
            let bytes = each.bytes(rows, classes);
            let is_apart = !each.is_over(traffic.logits.element());
            let device = || make("wgpu-loss results", bytes, storage, false);
            let read = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
            Ok(TakenBack {
                device: is_apart.then(device).transpose()?,
                readback: make("wgpu-loss readback", bytes, read, false)?,
            })
        };
        Ok(Self {
            brought: traffic.brought.iter().enumerate().map(carry).collect::<Result<_>>()?,
            returned: traffic.returned.iter().map(take_back).collect::<Result<_>>()?,
            pending: None,
        })
    }

    /// What a step is bound to.
    pub(super) fn buffers(&self) -> PieceBuffers<'_> {
        PieceBuffers { brought: &self.brought, returned: &self.returned }
    }

    /// Brings a piece to where the device takes it from.
    pub(super) fn fill(
        &self,
        gpu: &Gpu,
        operation: &'static str,
        traffic: &Traffic<'_>,
        piece: &Piece,
    ) -> Result<()> {
        for (carried, brought) in self.brought.iter().zip(&traffic.brought) {
            let mut view = carried
                .staging
                .get_mapped_range_mut(..)
                .map_err(|error| gpu.failure(operation, error.to_string()))?;
            brought.runs(piece, traffic.order, |packed, bytes| {
                view.slice(packed..packed + bytes.len()).copy_from_slice(bytes);
            });
            drop(view);
            carried.staging.unmap();
        }
        Ok(())
    }

    /// Submits a piece that was filled in: uploads, the step, and the way back of its results.
    pub(super) fn submit(
        &mut self,
        gpu: &Gpu,
        operation: &'static str,
        traffic: &Traffic<'_>,
        piece: Piece,
        step: &Step,
    ) -> Result<()> {
        let classes = traffic.logits.classes();
        // Copies are of whole words; so are our buffers.
        let whole_words = |bytes: u64| bytes.next_multiple_of(4);
        let started = now();
        let (submission, maps) = guarded(gpu.device(), operation, || {
            let descriptor = CommandEncoderDescriptor { label: Some(operation) };
            let mut encoder = gpu.device().create_command_encoder(&descriptor);
            for (Carried { staging, device, shift }, brought) in
                self.brought.iter().zip(&traffic.brought)
            {
                let bytes = whole_words(brought.bytes(piece.rows, classes));
                encoder.copy_buffer_to_buffer(staging, 0, device, *shift, bytes);
            }
            step.record(&mut encoder);
            for (TakenBack { device, readback }, returned) in
                self.returned.iter().zip(&traffic.returned)
            {
                let (results, shift) = match device {
                    Some(device) => (device, 0),
                    None => (&self.brought[0].device, self.brought[0].shift),
                };
                let bytes = whole_words(returned.bytes(piece.rows, classes));
                encoder.copy_buffer_to_buffer(results, shift, readback, 0, bytes);
            }
            let submission = gpu.queue().submit([encoder.finish()]);
            let read = self.returned.iter().map(|each| Gpu::map(&each.readback, MapMode::Read));
            let write = self.brought.iter().map(|each| Gpu::map(&each.staging, MapMode::Write));
            (submission, read.chain(write).collect())
        })?;
        self.pending = Some(Pending { piece, submission, maps, started });
        Ok(())
    }

    /// Waits for the piece under way, if any, and takes its results. Afterwards the slot is free.
    pub(super) async fn retire(
        &mut self,
        gpu: &Gpu,
        operation: &'static str,
        waiting: Waiting,
        returned: &mut [Returned<'_>],
    ) -> Result<Option<(Piece, Option<Moment>)>> {
        let Some(Pending { piece, submission, maps, started }) = self.pending.take() else {
            return Ok(None);
        };
        gpu.wait(operation, Some(submission), waiting, gpu.mapped(operation, maps)).await?;
        for (TakenBack { readback, .. }, returned) in self.returned.iter().zip(returned) {
            let view = readback
                .get_mapped_range(..)
                .map_err(|error| gpu.failure(operation, error.to_string()))?;
            returned.take(&piece, &view);
            drop(view);
            readback.unmap();
        }
        Ok(Some((piece, started)))
    }
}
