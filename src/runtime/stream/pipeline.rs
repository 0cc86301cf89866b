//! Two slots in turn: while one piece is computed, the one before it is taken to host memory and the
//! one after it is brought from there.

use std::ops::{ControlFlow, Range};

use crate::error::{Error, Result};
use crate::logits::Logits;
use crate::ops::Step;
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::clock::{Moment, now};
use crate::runtime::readback::Waiting;

use super::Progress;
use super::output::MatrixOutput;
use super::pace::Pace;
use super::slot::{PieceBuffers, Slot};
use super::traffic::{Returned, Traffic};

/// See the module.
pub(super) struct Pipeline<'a> {
    gpu: &'a Gpu,
    operation: &'static str,
    waiting: Waiting,
    traffic: Traffic<'a>,
    slots: [Slot; 2],
    pace: Pace,
    most_rows: usize,
    rows_done: usize,
    /// When the last piece was done.
    last_done: Option<Moment>,
}

impl<'a> Pipeline<'a> {
    /// Makes the buffers for logits and other matrices, and for the matrix that is computed.
    pub(super) fn new(
        gpu: &'a Gpu,
        operation: &'static str,
        waiting: Waiting,
        matrices: Vec<Logits<'a>>,
        output: Option<MatrixOutput<'a>>,
    ) -> Result<Self> {
        let mut traffic = Traffic::of_matrices(&matrices);
        traffic.take_back(output.map(Returned::OverLogits));
        Self::of(gpu, operation, waiting, traffic)
    }

    /// Makes the buffers for all that goes to and fro.
    pub(super) fn of(
        gpu: &'a Gpu,
        operation: &'static str,
        waiting: Waiting,
        traffic: Traffic<'a>,
    ) -> Result<Self> {
        gpu.refuse_if_lost(operation)?;
        let most = most_elements(gpu, &traffic).max(traffic.least());
        // The last rows may be too few for a piece of their own.
        let rows = most / traffic.logits.classes().max(1) + traffic.cut.last - 1;
        let slots = [
            Slot::new(gpu, operation, &traffic, rows)?,
            Slot::new(gpu, operation, &traffic, rows)?,
        ];
        let (pace, last_done) = (Pace::new(most), None);
        let (most_rows, rows_done) = (rows, 0);
        Ok(Self { gpu, operation, waiting, traffic, slots, pace, most_rows, rows_done, last_done })
    }

    /// Rows of a piece, at most.
    pub(super) fn most_rows(&self) -> usize {
        self.most_rows
    }

    /// Goes over these rows; `bind` makes the step of each piece. Returns when all results of them
    /// are in host memory.
    pub(super) async fn run(
        &mut self,
        rows: Range<usize>,
        mut bind: impl FnMut(&Piece, PieceBuffers<'_>) -> Result<Step>,
    ) -> Result<()> {
        let shape = self.traffic.logits.shape();
        let mut next = rows.start;
        let mut turn = 0;
        while next < rows.end {
            self.retire(turn).await?;
            let piece = self.next_piece(next..rows.end);
            let Range { start, end } = piece.range();
            log::debug!("{}: rows {start} to {end} of {} as a piece", self.operation, shape.rows);
            let slot = &mut self.slots[turn];
            slot.fill(self.gpu, self.operation, &self.traffic, &piece)?;
            let step = bind(&piece, slot.buffers())?;
            slot.submit(self.gpu, self.operation, &self.traffic, piece, &step)?;
            next = piece.range().end;
            turn = 1 - turn;
        }
        self.retire(turn).await?;
        self.retire(1 - turn).await
    }

    /// The first piece of these rows.
    fn next_piece(&self, rows: Range<usize>) -> Piece {
        let (shape, least) = (self.traffic.logits.shape(), self.traffic.least().max(1));
        let elements = self.pace.elements().max(least) / least * least;
        let piece = Piece::next(&shape, rows.clone(), elements);
        match rows.end - piece.range().end {
            left if left < self.traffic.cut.last => {
                Piece::next(&shape, rows, elements + left * shape.classes)
            }
            _ => piece,
        }
    }

    async fn retire(&mut self, turn: usize) -> Result<()> {
        let (gpu, operation, returned) = (self.gpu, self.operation, &mut self.traffic.returned);
        let retired = self.slots[turn].retire(gpu, operation, self.waiting, returned).await?;
        let Some((piece, started)) = retired else { return Ok(()) };
        let done = now();
        #[cfg(not(target_arch = "wasm32"))]
        if let (Some(started), Some(done)) = (started, done) {
            // It waited for the piece before it.
            let since = self.last_done.map_or(started, |last| last.max(started));
            self.pace.measured(piece.rows * self.traffic.logits.classes(), done - since);
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
        let operation = self.operation;
        let (rows_done, rows) = self.traffic.progress(self.rows_done);
        match watcher(Progress { operation, rows_done, rows }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled { operation, rows_done, rows }),
        }
    }
}

/// Elements of a piece: what a submission and half of the memory allow, and a buffer.
fn most_elements(gpu: &Gpu, traffic: &Traffic<'_>) -> usize {
    let (streaming, capabilities) = (gpu.streaming(), gpu.kernels().capabilities());
    let logits = traffic.logits;
    let (classes, rows) = (logits.classes().max(1), traffic.cut.together);
    // What an element takes on average: columns have a value for each row.
    let of_element = |bytes: u64| bytes.div_ceil((rows * classes) as u64);
    let brought = traffic.brought.iter().map(|each| of_element(each.bytes(rows, classes)));
    // Counts take as much for any piece.
    let returned = traffic.returned.iter().filter(|each| !matches!(each, Returned::Counts(_)));
    let returned = returned.map(|each| {
        // Results in the logits' place have a host-visible buffer alone; all else has both.
        let buffers = if each.is_over(logits.element()) { 1 } else { 2 };
        (of_element(each.bytes(rows, classes)), buffers)
    });
    let largest = brought.clone().max().unwrap_or(4);
    let order = traffic.order.map(|_| of_element(4 * rows as u64));
    let of_results = returned.clone().map(|(bytes, _)| bytes);
    let largest_buffer = of_results.chain([largest, 4]).chain(order).max();
    let most_bytes = match traffic.binds_whole {
        true => capabilities.max_buffer_bytes.min(capabilities.max_binding_bytes),
        false => capabilities.max_buffer_bytes,
    };
    let of_all =
        2 * brought.sum::<u64>() + returned.map(|(bytes, count)| bytes * count).sum::<u64>();
    let limits = [
        streaming.device_bytes / 2 / of_all,
        streaming.submission_bytes / largest,
        most_bytes / 16 * 16 / largest_buffer.unwrap_or(4),
        logits.shape().elements().map_or(u64::MAX, |elements| elements as u64),
    ];
    limits.into_iter().min().unwrap_or_default().max(1) as usize
}
