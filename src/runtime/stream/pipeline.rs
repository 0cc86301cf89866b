//! Two slots in turn: while one piece is computed, the one before it is taken to host memory and the
//! one after it is brought from there.

use std::ops::{ControlFlow, Range};

use crate::ops::Step;
use crate::plan::Piece;
use crate::runtime::clock::{Moment, now};
use crate::runtime::readback::Waiting;
use crate::{Element, Error, Gpu, Logits, Result};

use super::Progress;
use super::output::MatrixOutput;
use super::pace::Pace;
use super::slot::{PieceBuffers, Slot};

/// See the module.
pub(super) struct Pipeline<'a> {
    gpu: &'a Gpu,
    operation: &'static str,
    waiting: Waiting,
    /// The logits, then whatever else has a value for each logit.
    matrices: Vec<Logits<'a>>,
    output: Option<MatrixOutput<'a>>,
    slots: [Slot; 2],
    pace: Pace,
    rows_done: usize,
    /// When the last piece was done.
    last_done: Option<Moment>,
}

impl<'a> Pipeline<'a> {
    /// Makes the buffers.
    pub(super) fn new(
        gpu: &'a Gpu,
        operation: &'static str,
        waiting: Waiting,
        matrices: Vec<Logits<'a>>,
        output: Option<MatrixOutput<'a>>,
    ) -> Result<Self> {
        gpu.refuse_if_lost(operation)?;
        let result = output.as_ref().map(MatrixOutput::element);
        let most = most_elements(gpu, &matrices, result);
        let slot = || {
            let elements = most.max(matrices[0].classes());
            Slot::new(gpu, operation, &matrices, result, elements)
        };
        let slots = [slot()?, slot()?];
        let (pace, last_done) = (Pace::new(most), None);
        Ok(Self { gpu, operation, waiting, matrices, output, slots, pace, rows_done: 0, last_done })
    }

    /// Goes over these rows; `bind` makes the step of each piece. Returns when all results of them
    /// are in host memory.
    pub(super) async fn run(
        &mut self,
        rows: Range<usize>,
        mut bind: impl FnMut(&Piece, PieceBuffers<'_>) -> Result<Step>,
    ) -> Result<()> {
        let shape = self.matrices[0].shape();
        let mut next = rows.start;
        let mut turn = 0;
        while next < rows.end {
            self.retire(turn).await?;
            let piece = Piece::next(&shape, next..rows.end, self.pace.elements());
            let Range { start, end } = piece.range();
            log::debug!("{}: rows {start} to {end} of {} as a piece", self.operation, shape.rows);
            let slot = &mut self.slots[turn];
            slot.fill(self.gpu, self.operation, &self.matrices, &piece)?;
            let step = bind(&piece, slot.buffers())?;
            slot.submit(self.gpu, self.operation, &self.matrices, piece, &step)?;
            next = piece.range().end;
            turn = 1 - turn;
        }
        self.retire(turn).await?;
        self.retire(1 - turn).await
    }

    async fn retire(&mut self, turn: usize) -> Result<()> {
        let (gpu, operation, output) = (self.gpu, self.operation, self.output.as_mut());
        let retired = self.slots[turn].retire(gpu, operation, self.waiting, output).await?;
        let Some((piece, started)) = retired else { return Ok(()) };
        let done = now();
        #[cfg(not(target_arch = "wasm32"))]
        if let (Some(started), Some(done)) = (started, done) {
            // It waited for the piece before it.
            let since = self.last_done.map_or(started, |last| last.max(started));
            self.pace.measured(piece.rows * self.matrices[0].classes(), done - since);
        }
        #[cfg(target_arch = "wasm32")]
        let _ = (started, &mut self.pace);
        self.last_done = done;
        self.rows_done += piece.rows;
        self.report()
    }

    /// Tells whoever watches, and stops where they say so.
    fn report(&self) -> Result<()> {
        let Some(watcher) = &self.gpu.watcher().0 else { return Ok(()) };
        let (operation, rows_done) = (self.operation, self.rows_done);
        let rows = self.matrices[0].rows();
        match watcher(Progress { operation, rows_done, rows }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled { operation, rows_done, rows }),
        }
    }
}

/// Elements of a piece: what a submission and half of the memory allow, and a buffer.
fn most_elements(gpu: &Gpu, matrices: &[Logits<'_>], output: Option<Element>) -> usize {
    let streaming = gpu.streaming();
    let sizes = matrices.iter().map(|matrix| matrix.element().bytes() as u64);
    let largest = sizes.clone().max().unwrap_or(4);
    // Each matrix has a staging buffer too; results in a type of their own have both as well.
    let of_results = output.map_or(0, |element| {
        let is_apart = element != matrices[0].element();
        element.bytes() as u64 * if is_apart { 2 } else { 1 }
    });
    let of_element = 2 * sizes.sum::<u64>() + of_results;
    let limits = [
        streaming.device_bytes / 2 / of_element,
        streaming.submission_bytes / largest,
        gpu.kernels().capabilities().max_buffer_bytes / 16 * 16 / largest.max(4),
        matrices[0].shape().elements().map_or(u64::MAX, |elements| elements as u64),
    ];
    limits.into_iter().min().unwrap_or_default().max(1) as usize
}
