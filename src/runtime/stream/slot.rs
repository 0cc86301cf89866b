//! The buffers of one piece: while it is computed, another slot's is brought and taken away.

use wgpu::{
    Buffer, BufferDescriptor, BufferUsages, CommandEncoderDescriptor, MapMode, SubmissionIndex,
};

use crate::kernel::guarded;
use crate::ops::Step;
use crate::plan::Piece;
use crate::runtime::clock::{Moment, now};
use crate::runtime::readback::{MapReceiver, Waiting};
use crate::{Element, Error, Gpu, Logits, Result};

use super::output::MatrixOutput;

/// A matrix on the device, and the host-visible buffer that brings it.
struct Carried {
    staging: Buffer,
    matrix: Buffer,
}

/// A piece under way.
struct Pending {
    piece: Piece,
    submission: SubmissionIndex,
    /// Of the readback, then of each staging buffer.
    maps: Vec<MapReceiver>,
    started: Option<Moment>,
}

/// The buffers of a piece, as what is bound to a step.
#[derive(Clone, Copy)]
pub(super) struct PieceBuffers<'a> {
    carried: &'a [Carried],
    output: Option<&'a Buffer>,
}

impl<'a> PieceBuffers<'a> {
    /// The logits, then whatever else has a value for each logit.
    pub(super) fn matrix(&self, index: usize) -> &'a Buffer {
        &self.carried[index].matrix
    }

    /// Where the results go, unless they take the logits' place.
    pub(super) fn output(&self) -> Option<&'a Buffer> {
        self.output
    }
}

/// See the module.
pub(super) struct Slot {
    carried: Vec<Carried>,
    output: Option<Buffer>,
    /// Of the results.
    element: Option<Element>,
    readback: Option<Buffer>,
    pending: Option<Pending>,
}

impl Slot {
    /// Buffers for so many elements of each matrix. Results take the logits' place where they are of
    /// their type.
    pub(super) fn new(
        gpu: &Gpu,
        operation: &'static str,
        matrices: &[Logits<'_>],
        output: Option<Element>,
        elements: usize,
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
        let bytes = |element: Element| (elements * element.bytes()) as u64;
        let carry = |matrix: &Logits<'_>| {
            let bytes = bytes(matrix.element());
            let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
            Ok(Carried {
                staging: make("wgpu-loss upload", bytes, upload, true)?,
                matrix: make("wgpu-loss piece", bytes, storage, false)?,
            })
        };
        let carried = matrices.iter().map(carry).collect::<Result<Vec<_>>>()?;
        let separate = output.filter(|&element| element != matrices[0].element());
        let output_buffer = |element| make("wgpu-loss results", bytes(element), storage, false);
        let read = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let readback_buffer = |element| make("wgpu-loss readback", bytes(element), read, false);
        Ok(Self {
            carried,
            output: separate.map(output_buffer).transpose()?,
            element: output,
            readback: output.map(readback_buffer).transpose()?,
            pending: None,
        })
    }

    /// What a step is bound to.
    pub(super) fn buffers(&self) -> PieceBuffers<'_> {
        PieceBuffers { carried: &self.carried, output: self.output.as_ref() }
    }

    /// Brings a piece of the matrices to where the device takes it from.
    pub(super) fn fill(
        &self,
        gpu: &Gpu,
        operation: &'static str,
        matrices: &[Logits<'_>],
        piece: &Piece,
    ) -> Result<()> {
        for (carried, matrix) in self.carried.iter().zip(matrices) {
            let mut view = carried
                .staging
                .get_mapped_range_mut(..)
                .map_err(|error| gpu.failure(operation, error.to_string()))?;
            let bytes = matrix.values().bytes();
            let size = matrix.element().bytes();
            for segment in piece.segments(&matrix.shape()) {
                let (start, length) = (segment.start * size, segment.length * size);
                let packed = segment.packed * size;
                view.slice(packed..packed + length).copy_from_slice(&bytes[start..start + length]);
            }
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
        matrices: &[Logits<'_>],
        piece: Piece,
        step: &Step,
    ) -> Result<()> {
        let elements = piece.packed(&matrices[0].shape()).elements().unwrap_or_default();
        let started = now();
        let (submission, maps) = guarded(gpu.device(), operation, || {
            let descriptor = CommandEncoderDescriptor { label: Some(operation) };
            let mut encoder = gpu.device().create_command_encoder(&descriptor);
            for (Carried { staging, matrix }, values) in self.carried.iter().zip(matrices) {
                let bytes = whole_words(elements, values.element());
                encoder.copy_buffer_to_buffer(staging, 0, matrix, 0, bytes);
            }
            step.record(&mut encoder);
            let results = self.output.as_ref().unwrap_or(&self.carried[0].matrix);
            if let Some(readback) = &self.readback {
                let element = self.element.unwrap_or(matrices[0].element());
                let bytes = whole_words(elements, element);
                encoder.copy_buffer_to_buffer(results, 0, readback, 0, bytes);
            }
            let submission = gpu.queue().submit([encoder.finish()]);
            let read = self.readback.iter().map(|buffer| Gpu::map(buffer, MapMode::Read));
            let write = self.carried.iter().map(|each| Gpu::map(&each.staging, MapMode::Write));
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
        output: Option<&mut MatrixOutput<'_>>,
    ) -> Result<Option<(Piece, Option<Moment>)>> {
        let Some(Pending { piece, submission, maps, started }) = self.pending.take() else {
            return Ok(None);
        };
        gpu.wait(operation, Some(submission), waiting, gpu.mapped(operation, maps)).await?;
        if let (Some(readback), Some(output)) = (&self.readback, output) {
            let view = readback
                .get_mapped_range(..)
                .map_err(|error| gpu.failure(operation, error.to_string()))?;
            output.write(&piece, &view);
            drop(view);
            readback.unmap();
        }
        Ok(Some((piece, started)))
    }
}

/// Bytes that hold so many elements and can be copied.
fn whole_words(elements: usize, element: Element) -> u64 {
    (elements * element.bytes()).next_multiple_of(4) as u64
}
