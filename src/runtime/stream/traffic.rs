//! What a stream brings to the device with each piece, and what it takes back.

use wgpu::{Buffer, BufferSlice};

use crate::element::Element;
use crate::error::Result;
use crate::logits::Logits;
use crate::plan::reduce::SegmentCuts;
use crate::plan::{Piece, Segment};
use crate::runtime::Gpu;
use crate::weights::{WeightLayout, Weights};

use super::cut::Cut;
use super::output::MatrixOutput;
use super::partials::Partials;
use super::slot::PieceBuffers;

/// Brought piece by piece.
#[derive(Clone, Copy)]
pub(super) enum Brought<'a> {
    /// A value for each logit.
    Matrix(Logits<'a>),
    /// So many words for each row.
    Column { words: usize, values: &'a [f32] },
    /// Where segments start among the rows of a piece.
    Segments(&'a SegmentCuts),
}

/// Bytes of rows that are gathered at a time.
const GATHERED_BYTES: usize = 1 << 16;

impl Brought<'_> {
    /// Bytes of so many rows.
    pub(super) fn bytes(&self, rows: usize, classes: usize) -> u64 {
        match self {
            Self::Matrix(matrix) => (rows * classes * matrix.element().bytes()) as u64,
            Self::Column { words, .. } => (4 * rows * words) as u64,
            Self::Segments(cuts) => 4 * (cuts.most_partials(rows) as u64 + 1),
        }
    }

    /// Hands out a piece's runs of bytes, with where they go when packed. `order`: its rows are not
    /// those of the batch but what comes in their places.
    pub(super) fn runs(
        &self,
        piece: &Piece,
        order: Option<&[u32]>,
        mut copy: impl FnMut(usize, &[u8]),
    ) {
        let order = order.map(|order| &order[piece.range()]);
        match (self, order) {
            (Self::Matrix(matrix), Some(order)) => {
                let (shape, size) = (matrix.shape(), matrix.element().bytes());
                let starts = order.iter().map(|&row| shape.start_of(row as usize) * size);
                gather(matrix.values().bytes(), starts, shape.classes * size, copy);
            }
            (Self::Column { words, values }, Some(order)) => {
                let starts = order.iter().map(|&row| 4 * words * row as usize);
                gather(bytemuck::cast_slice(values), starts, 4 * words, copy);
            }
            (Self::Segments(cuts), _) => {
                let offsets = cuts.offsets(&cuts.of_rows(piece.range()));
                copy(0, bytemuck::cast_slice(&offsets));
            }
            (Self::Matrix(matrix), None) => {
                let bytes = matrix.values().bytes();
                let size = matrix.element().bytes();
                for Segment { start, packed, length } in piece.segments(&matrix.shape()) {
                    copy(packed * size, &bytes[start * size..(start + length) * size]);
                }
            }
            (Self::Column { words, values }, None) => {
                let rows = piece.range();
                copy(0, bytemuck::cast_slice(&values[rows.start * words..rows.end * words]));
            }
        }
    }
}

/// Hands out runs of so many bytes one behind the other, many at a time.
fn gather(
    bytes: &[u8],
    starts: impl Iterator<Item = usize>,
    length: usize,
    mut copy: impl FnMut(usize, &[u8]),
) {
    let mut gathered = Vec::with_capacity(GATHERED_BYTES + length);
    let mut packed = 0;
    for start in starts {
        gathered.extend_from_slice(&bytes[start..start + length]);
        if gathered.len() >= GATHERED_BYTES {
            copy(packed, &gathered);
            packed += gathered.len();
            gathered.clear();
        }
    }
    if !gathered.is_empty() {
        copy(packed, &gathered);
    }
}

/// Taken back piece by piece.
pub(super) enum Returned<'a> {
    /// A matrix that takes the logits' place where it is of their type.
    OverLogits(MatrixOutput<'a>),
    /// A matrix in a buffer of its own.
    Matrix(MatrixOutput<'a>),
    /// So many words for each row.
    Column { words: usize, values: &'a mut [f32] },
    /// Partial results of results that all pieces contribute to.
    Partials(&'a mut Partials),
    /// Those of segments, so many words of all columns.
    OfSegments { cuts: &'a SegmentCuts, words: usize, values: &'a mut [f32] },
    /// Four counts of each piece, which are added up.
    Counts(&'a mut [u64; 4]),
}

impl Returned<'_> {
    /// Whether it takes the place of logits of this type.
    pub(super) fn is_over(&self, logits: Element) -> bool {
        matches!(self, Self::OverLogits(output) if output.element() == logits)
    }

    /// Bytes of so many rows.
    pub(super) fn bytes(&self, rows: usize, classes: usize) -> u64 {
        match self {
            Self::OverLogits(output) | Self::Matrix(output) => {
                (rows * classes * output.element().bytes()) as u64
            }
            Self::Column { words, .. } => (4 * rows * words) as u64,
            Self::Partials(partials) => partials.bytes(rows),
            Self::OfSegments { cuts, words, .. } => 4 * (cuts.most_partials(rows) * words) as u64,
            Self::Counts(_) => 16,
        }
    }

    /// Takes a piece that came back packed.
    pub(super) fn take(&mut self, piece: &Piece, packed: &[u8]) {
        match self {
            Self::OverLogits(output) | Self::Matrix(output) => output.write(piece, packed),
            Self::Column { words, values } => {
                let rows = piece.range();
                let of_rows = &mut values[rows.start * *words..rows.end * *words];
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(of_rows);
                bytes.copy_from_slice(&packed[..bytes.len()]);
            }
            Self::Partials(partials) => partials.take(piece.rows, packed),
            Self::OfSegments { cuts, words, values } => {
                let partials = cuts.of_rows(piece.range()).partials;
                let of_piece = &mut values[partials.start * *words..partials.end * *words];
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(of_piece);
                bytes.copy_from_slice(&packed[..bytes.len()]);
            }
            Self::Counts(counts) => {
                for (count, bytes) in counts.iter_mut().zip(packed.as_chunks().0) {
                    *count += u64::from(u32::from_ne_bytes(*bytes));
                }
            }
        }
    }
}

/// All that goes to and fro.
pub(super) struct Traffic<'a> {
    pub(super) logits: Logits<'a>,
    /// The logits unless they stay, then whatever else is brought.
    pub(super) brought: Vec<Brought<'a>>,
    pub(super) returned: Vec<Returned<'a>>,
    /// Where it may be cut.
    pub(super) cut: Cut,
    /// Rows are brought in this order, where it is not that of the batch.
    pub(super) order: Option<&'a [u32]>,
    /// A binding has to hold all of a piece.
    pub(super) binds_whole: bool,
    /// Rows of a pass over the batch.
    rows: usize,
    /// What watchers know as rows, and which of how many passes over the batch this is.
    reported: (usize, (usize, usize)),
}

impl<'a> Traffic<'a> {
    /// Matrices, the logits first, that are cut between any two rows.
    pub(super) fn of_matrices(matrices: &[Logits<'a>]) -> Self {
        let mut traffic = Self::new(matrices[0], Cut::default());
        traffic.brought.extend(matrices[1..].iter().copied().map(Brought::Matrix));
        traffic
    }

    /// Logits, and nothing else yet.
    pub(super) fn new(logits: Logits<'a>, cut: Cut) -> Self {
        Self { brought: vec![Brought::Matrix(logits)], ..Self::beside(logits, cut) }
    }

    /// What goes piece by piece as logits do, which stay where they are.
    pub(super) fn beside(logits: Logits<'a>, cut: Cut) -> Self {
        let rows = logits.rows();
        Self {
            logits,
            brought: Vec::new(),
            returned: Vec::new(),
            cut,
            order: None,
            binds_whole: false,
            rows,
            reported: (rows, (0, 1)),
        }
    }

    /// Goes over so many rows only.
    pub(super) fn over(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// Tells watchers of so many rows, which take several passes, of which this is the `turn.0`th.
    pub(super) fn reported_as(self, rows: usize, turn: (usize, usize)) -> Self {
        Self { reported: (rows, turn), ..self }
    }

    /// Rows that are done and rows of the batch, as watchers know them.
    pub(super) fn progress(&self, rows_done: usize) -> (usize, usize) {
        let (rows, (turn, turns)) = self.reported;
        let of_pass = self.rows.max(1) as u128;
        let done = (turn as u128 * of_pass + rows_done as u128) * rows as u128;
        ((done / (turns as u128 * of_pass)) as usize, rows)
    }

    /// Bytes by which the logits are off an address of vectors.
    pub(super) fn shift(&self) -> u64 {
        if self.cut.by_element { 4 } else { 0 }
    }

    /// Every piece has a multiple of so many elements, but the last.
    pub(super) fn least(&self) -> usize {
        self.logits.classes().saturating_mul(self.cut.together)
    }

    /// Brings something else; the answer names it.
    pub(super) fn bring(&mut self, brought: Brought<'a>) -> usize {
        self.brought.push(brought);
        self.brought.len() - 1
    }

    /// Takes something back, where it is wanted; the answer names it.
    pub(super) fn take_back(&mut self, returned: Option<Returned<'a>>) -> Option<usize> {
        self.returned.push(returned?);
        Some(self.returned.len() - 1)
    }

    /// Brings weights, or whatever else has their forms. Those of columns are there for all pieces.
    pub(super) fn bring_weights(
        &mut self,
        gpu: &Gpu,
        operation: &'static str,
        label: &str,
        weights: Weights<'a>,
    ) -> Result<Spread> {
        let layout = weights.layout();
        let place = match weights {
            Weights::None => Place::Nowhere,
            Weights::PerRow(values) => {
                Place::Brought(self.bring(Brought::Column { words: 1, values }))
            }
            Weights::PerColumn(values) => Place::Shared(gpu.upload(operation, label, values)?),
            Weights::PerElement(values) => Place::Brought(self.bring(Brought::Matrix(values))),
        };
        Ok(Spread { layout, place })
    }
}

/// The form of weights in a piece.
pub(super) fn packed_weights(layout: WeightLayout, piece: &Piece) -> WeightLayout {
    match layout {
        WeightLayout::PerElement(shape) => WeightLayout::PerElement(piece.packed(&shape)),
        layout => layout,
    }
}

/// Numbers of rows, columns or elements on the device.
pub(super) struct Spread {
    layout: WeightLayout,
    place: Place,
}

enum Place {
    Nowhere,
    /// Among what is brought with each piece.
    Brought(usize),
    /// There for all pieces.
    Shared(Buffer),
}

impl Spread {
    /// Whether there is one for each row.
    pub(super) fn is_of_rows(&self) -> bool {
        self.layout == WeightLayout::PerRow
    }

    /// Their form in a piece.
    pub(super) fn layout(&self, piece: &Piece) -> WeightLayout {
        packed_weights(self.layout, piece)
    }

    /// Those of a piece.
    pub(super) fn slice<'b>(&'b self, buffers: &PieceBuffers<'b>) -> Option<BufferSlice<'b>> {
        match &self.place {
            Place::Nowhere => None,
            Place::Brought(index) => Some(buffers.brought(*index)),
            Place::Shared(buffer) => Some(buffer.slice(..)),
        }
    }
}
