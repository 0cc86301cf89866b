//! The totals of a batch that comes in blocks of rows: counted block by block, then divided by, then
//! summed block by block. The bits are those of the whole batch where blocks are of whole tiles.

use wgpu::{Buffer, BufferSlice};

use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::TotalsParameters;
use crate::pipelines::Kernels;

use super::operand::{Operand, Rows};
use super::step::{Step, StepBuilder};
use super::totals::{self, Reduction, TOTALS_BYTES};

/// How a loss of rows is reduced over the batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchReductions {
    pub(super) kernels: Kernels,
    pub(super) operation: &'static str,
    /// Of rows and their weights, to what the mean divides by.
    pub(super) counts: Option<Reduction>,
    /// Of losses.
    pub(super) sums: Option<Reduction>,
    /// What its kernels are told, but for where a block is.
    pub(super) parameters: TotalsParameters,
    /// Words of each row's record.
    pub(super) record_words: u32,
    /// How many weights of classes are counted by, where any are.
    pub(super) class_weights: Option<usize>,
}

/// Where the results of a batch are gathered.
pub(crate) struct BatchTotals<'a> {
    /// Results of each tile: [`partial_bytes`] of them.
    pub(crate) partials: &'a Buffer,
    /// Tiles of all blocks.
    pub(crate) tiles: u64,
    /// The reduced results.
    pub(crate) totals: BufferSlice<'a>,
}

/// Rows of a batch, and what is known of each.
pub(crate) struct Block<'a> {
    /// Among those of the batch.
    pub(crate) first_row: usize,
    /// How many.
    pub(crate) rows: usize,
    /// Among those of the batch.
    pub(crate) first_tile: u64,
    /// Classes, where targets are classes.
    pub(crate) targets: Option<BufferSlice<'a>>,
    /// Of all classes.
    pub(crate) class_weights: Option<BufferSlice<'a>>,
    /// Of each row.
    pub(crate) row_weights: Option<BufferSlice<'a>>,
    /// Results of each row, where there are any.
    pub(crate) records: Option<BufferSlice<'a>>,
}

/// Bytes for the partial results of so many tiles.
pub(crate) fn partial_bytes(tiles: u64) -> u64 {
    totals::partial_bytes(tiles)
}

impl BatchReductions {
    /// The same of rows without records: the denominators alone.
    pub(crate) fn without_records(self) -> Self {
        Self { sums: None, record_words: 0, ..self }
    }

    /// Rows that are reduced to one partial result.
    pub(crate) fn tile_rows(&self) -> u64 {
        Reduction::tile(&self.kernels)
    }

    /// Bytes of each row's record.
    pub(crate) fn record_bytes(&self) -> u64 {
        4 * u64::from(self.record_words)
    }

    /// Counts the block's rows and their weights.
    pub(crate) fn bind_block_counts(
        &self,
        block: &Block<'_>,
        batch: &BatchTotals<'_>,
    ) -> Result<Option<Step>> {
        let Some(counts) = self.counts else { return Ok(None) };
        let of_rows = Rows::of_one(block.rows, 4);
        let of_classes = Rows::shared(self.class_weights.unwrap_or_default(), 4);
        let class_weights = block.class_weights.filter(|_| self.class_weights.is_some());
        let sources = [
            (Slot::Targets, block.targets, of_rows),
            (Slot::ClassWeights, class_weights, of_classes),
            (Slot::RowWeights, block.row_weights, of_rows),
        ];
        let operand = |(slot, slice, rows): (Slot, Option<BufferSlice<'_>>, Rows)| {
            slice.map(|slice| Operand::new(self.operation, slot, slice, rows))
        };
        let sources: Vec<_> = sources.into_iter().filter_map(operand).collect::<Result<_>>()?;
        self.bind_tiles(counts, &sources, block, batch).map(Some)
    }

    /// Reduces what was counted to the denominators of the batch.
    pub(crate) fn bind_counts(&self, batch: &BatchTotals<'_>) -> Result<Option<Step>> {
        self.counts.map(|counts| self.bind_finish(counts, batch)).transpose()
    }

    /// Sums the block's losses, where a loss is reduced or correct rows are counted.
    pub(crate) fn bind_block_sums(
        &self,
        block: &Block<'_>,
        batch: &BatchTotals<'_>,
    ) -> Result<Option<Step>> {
        let (Some(sums), Some(records)) = (self.sums, block.records) else { return Ok(None) };
        let rows = Rows::of_words(block.rows, self.record_words);
        let records = Operand::new(self.operation, Slot::Rows, records, rows)?;
        self.bind_tiles(sums, &[records], block, batch).map(Some)
    }

    /// Reduces the sums to the results of the batch.
    pub(crate) fn bind_sums(&self, batch: &BatchTotals<'_>) -> Result<Option<Step>> {
        self.sums.map(|sums| self.bind_finish(sums, batch)).transpose()
    }

    fn bind_tiles(
        &self,
        reduction: Reduction,
        sources: &[Operand],
        block: &Block<'_>,
        batch: &BatchTotals<'_>,
    ) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, self.operation);
        let fixed = TotalsParameters {
            first_row: block.first_row as u32,
            first_tile: block.first_tile as u32,
            ..self.parameters
        };
        let chunks = Reduction::chunks(&builder, sources, block.rows)?;
        let partials = totals::partials(batch.partials, batch.tiles);
        reduction.bind_tiles(&mut builder, sources, &chunks, &partials, fixed)?;
        builder.finish()
    }

    fn bind_finish(&self, reduction: Reduction, batch: &BatchTotals<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, self.operation);
        let all = Rows::shared(TOTALS_BYTES as usize / 4, 4);
        let totals = Operand::new(self.operation, Slot::Totals, batch.totals, all)?;
        let partials = totals::partials(batch.partials, batch.tiles);
        reduction.bind_finish(&mut builder, &partials, batch.tiles, &totals, self.parameters)?;
        builder.finish()
    }
}
