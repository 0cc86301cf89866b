//! Batches that are larger than they should be on the device at once: piece by piece through buffers
//! of a bounded size, upload, compute and readback at the same time.

mod batch;
mod columns;
mod cross_entropy;
pub(super) mod cut;
mod elementwise;
mod log_sum_exp;
pub(super) mod output;
mod pace;
mod partial;
mod partials;
mod pipeline;
mod reduce;
mod segments;
mod slot;
mod softmax;
mod softmax_loss;
mod traffic;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::logits::Logits;
use crate::runtime::Gpu;

use cut::{Cut, Work};

/// How much of the device a one-call form takes at a time. Results do not depend on it, not even in
/// their last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    /// Bytes of device memory for logits, gradients and other matrices, and for what brings them
    /// there and back.
    pub device_bytes: u64,
    /// Bytes of logits that are worked on by one submission: a batch of no more is one piece. Pieces
    /// of an adapter that takes longer than about 100 ms for so many become smaller, so that no
    /// desktop's watchdog is kept waiting. A row is never cut, but by reductions of segments, which
    /// take some columns after the others where 4096 rows of all are more than this.
    pub submission_bytes: u64,
}

impl Default for Streaming {
    /// 1 GiB of device memory, submissions of 64 MiB.
    fn default() -> Self {
        Self { device_bytes: 1 << 30, submission_bytes: 64 << 20 }
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it computes.
    pub operation: &'static str,
    /// Rows whose results are in host memory; where a gradient waits for what all rows make up, each
    /// of two passes over the batch counts half.
    pub rows_done: usize,
    /// Rows of the batch.
    pub rows: usize,
}

/// What is told of each piece.
#[derive(Clone, Default)]
pub(super) struct Watcher(pub(super) Option<Arc<Watch>>);

type Watch = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher(..)" } else { "Watcher" })
    }
}

impl Streaming {
    /// Whether such matrices are taken piece by piece.
    pub(super) fn cuts(&self, matrices: &[Logits<'_>]) -> bool {
        self.are_large(matrices) && matrices.iter().all(|matrix| matrix.rows() > 1)
    }

    /// Whether what so many rows have, of so many bytes each, is taken piece by piece.
    pub(super) fn cuts_rows(&self, rows: usize, bytes: usize) -> bool {
        rows > 1 && rows.saturating_mul(bytes) as u64 > self.submission_bytes
    }

    /// Whether the largest of them is more than one submission takes.
    fn are_large(&self, matrices: &[Logits<'_>]) -> bool {
        let bytes = |matrix: &Logits<'_>| matrix.values().bytes().len() as u64;
        matrices.iter().map(bytes).max().unwrap_or_default() > self.submission_bytes
    }
}

impl Gpu {
    /// Where matrices that are taken piece by piece are cut, if they are.
    fn cut(&self, matrices: &[Logits<'_>], work: Work) -> Option<Cut> {
        if !self.streaming().cuts(matrices) {
            return None;
        }
        let shapes: Vec<_> = matrices.iter().map(Logits::shape).collect();
        let column_lanes = self.kernels().tuning().reduce.column_lanes as usize;
        Cut::of(&shapes, Work { column_lanes, ..work })
    }
}
