//! Results of a batch that goes in pieces: of rows or elements, or put together across rows from the
//! partial results of all pieces.

use wgpu::{Buffer, BufferSlice};

use crate::error::Result;
use crate::logits::{Logits, Shape};
use crate::ops::reduce::pieces::{Parts, PiecewiseReduction};
use crate::runtime::Gpu;
use crate::runtime::call::Call;
use crate::runtime::readback::Waiting;
use crate::weights::Weights;

use super::cut::Cut;
use super::output::{MatrixOutput, zeroed};
use super::slot::PieceBuffers;
use super::traffic::{Returned, Traffic};

/// How a batch goes in pieces.
pub(in crate::runtime) enum Pieces<W> {
    /// Rows or elements have results of their own.
    Apart(Cut),
    /// Everything or columns have, which the pieces of a whole contribute to.
    Across(W, Parts),
}

impl<W> Pieces<W> {
    pub(super) fn cut(&self) -> Cut {
        match self {
            Self::Apart(cut) => *cut,
            Self::Across(_, parts) => Cut::from(*parts),
        }
    }

    /// The whole, where there is one.
    pub(super) fn whole(&self) -> Option<&W> {
        match self {
            Self::Apart(_) => None,
            Self::Across(whole, _) => Some(whole),
        }
    }
}

/// The partial results of all pieces: those of each result in their order, result by result.
pub(super) struct Partials {
    parts: Parts,
    /// Of each result.
    count: usize,
    taken: usize,
    words: Vec<f32>,
}

impl Partials {
    pub(super) fn new(operation: &'static str, parts: Parts, rows: usize) -> Result<Self> {
        let count = parts.of_rows(rows);
        let words = count.checked_mul(parts.results).and_then(|all| all.checked_mul(parts.words));
        Ok(Self { parts, count, taken: 0, words: zeroed(operation, words)? })
    }

    /// Bytes that those of so many rows take at most.
    pub(super) fn bytes(&self, rows: usize) -> u64 {
        4 * self.parts.most_words(rows) as u64
    }

    /// Takes those of the next piece.
    pub(super) fn take(&mut self, rows: usize, packed: &[u8]) {
        let Parts { words, .. } = self.parts;
        let count = self.parts.of_rows(rows);
        let of_results = self.words.chunks_exact_mut(self.count * words);
        for (of_result, bytes) in of_results.zip(packed.chunks_exact(4 * count * words)) {
            let next = &mut of_result[self.taken * words..][..count * words];
            bytemuck::cast_slice_mut(next).copy_from_slice(bytes);
        }
        self.taken += count;
    }

    /// The results.
    pub(super) async fn merge(
        self,
        gpu: &Gpu,
        operation: &'static str,
        merging: &PiecewiseReduction,
        waiting: Waiting,
    ) -> Result<Vec<f32>> {
        let mut call = Call::new(gpu, operation)?;
        let partials = call.upload("wgpu-loss partial results", &self.words)?;
        let bytes = 4 * merging.results() as u64 * u64::from(merging.result_words());
        let results = gpu.storage(operation, "wgpu-loss results", bytes, false)?;
        merging.bind(partials.slice(..), results.slice(..))?.record(&mut call.encoder);
        let read = call.read(Some(&results), bytes)?;
        Ok(call.finish(waiting).await?.values(read)?.unwrap_or_default())
    }
}

/// What becomes of the results of a pass over the batch.
pub(super) enum Results<'a> {
    /// So many words of each row come back.
    OfRows(u32, &'a mut [f32]),
    /// One of each element comes back.
    OfElements(MatrixOutput<'a>),
    /// Partial ones come back.
    Partial(&'a mut Partials),
    /// Those of a forward are read.
    Read(&'a Buffer),
    /// They are neither written nor read.
    Unread,
}

/// Where the results of a piece are.
pub(super) enum ResultsPlace<'a> {
    Returned(Option<usize>),
    Read(&'a Buffer),
}

impl<'a> Results<'a> {
    /// Adds what comes back.
    pub(super) fn join(self, traffic: &mut Traffic<'a>) -> ResultsPlace<'a> {
        ResultsPlace::Returned(traffic.take_back(Some(match self {
            Self::OfRows(words, values) => Returned::Column { words: words as usize, values },
            Self::OfElements(matrix) => Returned::Matrix(matrix),
            Self::Partial(partials) => Returned::Partials(partials),
            Self::Read(buffer) => return ResultsPlace::Read(buffer),
            Self::Unread => return ResultsPlace::Returned(None),
        })))
    }
}

impl ResultsPlace<'_> {
    pub(super) fn slice<'b>(&'b self, buffers: &PieceBuffers<'b>) -> Option<BufferSlice<'b>> {
        match self {
            Self::Returned(index) => buffers.returned((*index)?),
            Self::Read(buffer) => Some(buffer.slice(..)),
        }
    }
}

/// The same values without gaps as rows of one value each, between any two of which they may be cut.
pub(super) fn as_column(values: Logits<'_>) -> Result<Logits<'_>> {
    let shape = values.shape();
    Logits::from_values(values.values(), Shape::new(shape.rows * shape.classes, 1))
}

/// What belongs to those: of values of this shape that were gone through as one run.
pub(super) fn weights_as_column(shape: Shape, weights: Weights<'_>) -> Result<Weights<'_>> {
    Ok(match weights {
        Weights::PerElement(weights) => Weights::PerElement(as_column(weights)?),
        Weights::PerColumn(weights) if shape.rows == 1 => Weights::PerRow(weights),
        Weights::PerRow(weights) if shape.rows == 1 => Weights::PerColumn(weights),
        weights => weights,
    })
}
