//! Losses of rows that are reduced over the batch, piece by piece: first the denominators, of targets
//! and weights alone; then the rows; then the sums of their losses.

use std::ops::Range;

use wgpu::{Buffer, BufferSlice};

use crate::error::Result;
use crate::kernel::parameters::Totals;
use crate::ops::block::{BatchReductions, BatchTotals, Block, partial_bytes};
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::cross_entropy::CrossEntropyOperands;
use crate::ops::validate::CROSS_ENTROPY;
use crate::ops::{Step, UpstreamOperand};
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::{Call, DeviceUpstream, slice};
use crate::runtime::operands::{device_indices, refuse_invalid_target, refuse_unseen};
use crate::runtime::readback::Waiting;
use crate::targets::{ClassIndices, Targets};
use crate::upstream::Upstream;

use super::columns::{block_rows, blocks};
use super::pipeline::Pipeline;
use super::slot::PieceBuffers;

const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

/// What the rows have beside matrices, and how they are reduced.
pub(super) struct Batch<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) operation: &'static str,
    pub(super) rows: usize,
    /// Classes that targets name.
    pub(super) classes: usize,
    /// Targets that are classes.
    pub(super) indices: Option<ClassIndices<'a>>,
    pub(super) ignore_index: Option<i32>,
    pub(super) class_weights: Option<&'a [f32]>,
    pub(super) row_weights: Option<&'a [f32]>,
    pub(super) upstream: Option<Upstream<'a>>,
    pub(super) reductions: BatchReductions,
    /// Whether the rows' records are wanted.
    pub(super) returns_rows: bool,
}

/// Those of a piece's rows, on the device.
pub(super) struct PieceColumns<'a> {
    pub(super) indices: Option<BufferSlice<'a>>,
    pub(super) class_weights: Option<BufferSlice<'a>>,
    pub(super) row_weights: Option<BufferSlice<'a>>,
    pub(super) records: Option<BufferSlice<'a>>,
    /// Of the batch: the denominators.
    pub(super) totals: BufferSlice<'a>,
    pub(super) upstream: UpstreamOperand<'a>,
}

impl<'a> PieceColumns<'a> {
    /// What every pass of cross-entropy over a piece has: logits, targets and their weights.
    pub(super) fn of_cross_entropy(&self, buffers: &PieceBuffers<'a>) -> CrossEntropyOperands<'a> {
        let targets = self.indices.unwrap_or_else(|| buffers.brought(1));
        CrossEntropyOperands {
            class_weights: self.class_weights,
            row_weights: self.row_weights,
            ..CrossEntropyOperands::new(buffers.brought(0), targets)
        }
    }
}

/// What is on the device throughout.
struct Shared {
    class_weights: Option<Buffer>,
    totals: Buffer,
    partials: Buffer,
    tiles: u64,
    /// Tiles of every block but the last.
    of_block: u64,
}

/// What is known of the rows of a block, on the device.
struct Columns {
    rows: Range<usize>,
    first_tile: u64,
    indices: Option<Buffer>,
    row_weights: Option<Buffer>,
    upstream: Option<DeviceUpstream>,
    records: Option<Buffer>,
}

impl<'a> Batch<'a> {
    /// Of softmax cross-entropy among so many classes: forward, and without records.
    pub(super) fn cross_entropy(
        gpu: &'a Gpu,
        rows: usize,
        classes: usize,
        targets: Targets<'a>,
        options: &CrossEntropy,
        reductions: BatchReductions,
    ) -> Self {
        Self {
            gpu,
            operation: CROSS_ENTROPY,
            rows,
            classes,
            indices: targets.class_indices(),
            ignore_index: options.ignore_index,
            class_weights: targets.class_weights,
            row_weights: targets.row_weights,
            upstream: None,
            reductions,
            returns_rows: false,
        }
    }

    /// Goes over the batch: `bind` makes the step of each piece's rows. The answer is the reduced
    /// results and the rows' records.
    pub(super) async fn run(
        &self,
        pipeline: &mut Pipeline<'_>,
        waiting: Waiting,
        mut bind: impl FnMut(&Piece, PieceColumns<'_>, PieceBuffers<'_>) -> Result<Step>,
    ) -> Result<(Totals, Vec<u32>)> {
        let &Self { gpu, operation, rows, classes, indices, ref reductions, .. } = self;
        let (tile, record_bytes) = (reductions.tile_rows(), reductions.record_bytes());
        let of_block = block_rows(gpu, 12 + record_bytes, record_bytes.max(4), tile);
        let blocks: Vec<_> = blocks(rows, of_block).collect();
        let tiles = blocks.iter().map(|rows| (rows.len() as u64).div_ceil(tile)).sum();
        refuse_unseen(operation, indices, classes, self.ignore_index)?;

        let mut call = Call::new(gpu, operation)?;
        let scratch = |label, bytes| gpu.storage(operation, label, bytes, false);
        let shared = Shared {
            class_weights: self
                .class_weights
                .map(|weights| call.upload("wgpu-loss class weights", weights))
                .transpose()?,
            totals: scratch("wgpu-loss totals", TOTALS_BYTES)?,
            partials: scratch("wgpu-loss partials", partial_bytes(tiles))?,
            tiles,
            of_block: (of_block as u64).div_ceil(tile),
        };

        // Of the only block the columns stay; of several, those that are counted come twice.
        let mut kept = None;
        for (index, rows) in blocks.iter().enumerate() {
            let first_tile = index as u64 * shared.of_block;
            let columns = match blocks.len() {
                1 => self.columns(&call, rows.clone(), first_tile)?,
                _ => self.counted_columns(&call, rows.clone(), first_tile)?,
            };
            let block = columns.block(&shared);
            let step = reductions.bind_block_counts(&block, &shared.of_totals())?;
            step.iter().for_each(|step| step.record(&mut call.encoder));
            if blocks.len() == 1 {
                kept = Some(columns);
            } else {
                call.finish(waiting).await?;
                call = Call::new(gpu, operation)?;
            }
        }
        let step = reductions.bind_counts(&shared.of_totals())?;
        step.iter().for_each(|step| step.record(&mut call.encoder));
        let read = call.read(Some(&shared.totals), TOTALS_BYTES)?;
        let counted = call.finish(waiting).await?.totals(read)?;
        // Before anything is written.
        refuse_invalid_target(operation, &counted, indices, classes)?;

        let mut words = Vec::new();
        for (index, rows) in blocks.iter().enumerate() {
            let mut call = Call::new(gpu, operation)?;
            let columns = match kept.take() {
                Some(columns) => columns,
                None => self.columns(&call, rows.clone(), index as u64 * shared.of_block)?,
            };
            pipeline
                .run(rows.clone(), |piece, buffers| {
                    bind(piece, columns.of_piece(piece, record_bytes, &shared), buffers)
                })
                .await?;
            let block = columns.block(&shared);
            let step = reductions.bind_block_sums(&block, &shared.of_totals())?;
            step.iter().for_each(|step| step.record(&mut call.encoder));
            let records = columns.records.as_ref().filter(|_| self.returns_rows);
            let read = call.read(records, record_bytes * rows.len() as u64)?;
            let results = call.finish(waiting).await?;
            words.extend(results.values::<u32>(read)?.unwrap_or_default());
        }
        let mut call = Call::new(gpu, operation)?;
        let step = reductions.bind_sums(&shared.of_totals())?;
        step.iter().for_each(|step| step.record(&mut call.encoder));
        let read = call.read(Some(&shared.totals), TOTALS_BYTES)?;
        Ok((call.finish(waiting).await?.totals(read)?, words))
    }

    /// What is known of a block's rows, and room for its results.
    fn columns(&self, call: &Call<'_>, rows: Range<usize>, first_tile: u64) -> Result<Columns> {
        let upstream = self.upstream.map(|each| call.upstream(each.of_rows(&rows))).transpose()?;
        let bytes = self.reductions.record_bytes() * rows.len() as u64;
        let records = call.output(bytes > 0, "wgpu-loss rows", bytes)?;
        Ok(Columns { upstream, records, ..self.counted_columns(call, rows, first_tile)? })
    }

    /// What the denominators depend on, of a block's rows.
    fn counted_columns(
        &self,
        call: &Call<'_>,
        rows: Range<usize>,
        first_tile: u64,
    ) -> Result<Columns> {
        let (operation, classes) = (self.operation, self.classes);
        let upload = |indices| {
            let indices = device_indices(operation, indices, rows.clone(), classes)?;
            call.upload("wgpu-loss targets", &indices)
        };
        let indices = self.indices.map(upload).transpose()?;
        let row_weights = self
            .row_weights
            .map(|weights| call.upload("wgpu-loss row weights", &weights[rows.clone()]))
            .transpose()?;
        Ok(Columns { rows, first_tile, indices, row_weights, upstream: None, records: None })
    }
}

impl Shared {
    fn of_totals(&self) -> BatchTotals<'_> {
        let (partials, tiles) = (&self.partials, self.tiles);
        BatchTotals { partials, tiles, totals: self.totals.slice(..) }
    }
}

impl Columns {
    fn block<'a>(&'a self, shared: &'a Shared) -> Block<'a> {
        Block {
            first_row: self.rows.start,
            rows: self.rows.len(),
            first_tile: self.first_tile,
            targets: slice(&self.indices),
            class_weights: slice(&shared.class_weights),
            row_weights: slice(&self.row_weights),
            records: slice(&self.records),
        }
    }

    fn of_piece<'a>(
        &'a self,
        piece: &Piece,
        record_bytes: u64,
        shared: &'a Shared,
    ) -> PieceColumns<'a> {
        let first = (piece.first_row - self.rows.start) as u64;
        let upstream = self.upstream.as_ref().map(|each| each.operand_from(4 * first));
        PieceColumns {
            indices: from(&self.indices, 4 * first),
            class_weights: slice(&shared.class_weights),
            row_weights: from(&self.row_weights, 4 * first),
            records: from(&self.records, record_bytes * first),
            totals: shared.totals.slice(..),
            upstream: upstream.unwrap_or_default(),
        }
    }
}

/// A column from a byte on.
fn from(column: &Option<Buffer>, start: u64) -> Option<BufferSlice<'_>> {
    column.as_ref().map(|column| column.slice(start..))
}
