//! The totals of a batch that comes in blocks of rows: counted block by block, then divided by, then
//! summed block by block. The bits are those of the whole batch where blocks are of whole tiles.

use wgpu::{Buffer, BufferSlice};

use crate::Result;
use crate::kernel::Kernels;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::TotalsParameters;

use super::super::operand::{Operand, Rows};
use super::super::step::{Step, StepBuilder};
use super::super::totals::{self, Reduction, TOTALS_BYTES};
use super::plan::{CrossEntropyPlan, OPERATION, counted};

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

/// Rows that are reduced to one partial result.
pub(crate) fn tile_rows(kernels: &Kernels) -> u64 {
    Reduction::tile(kernels)
}

/// Bytes for the partial results of so many tiles.
pub(crate) fn partial_bytes(tiles: u64) -> u64 {
    totals::partial_bytes(tiles)
}

impl CrossEntropyPlan {
    /// Counts the block's rows and their weights.
    pub(crate) fn bind_block_counts(
        &self,
        block: &Block<'_>,
        batch: &BatchTotals<'_>,
    ) -> Result<Option<Step>> {
        let Some(counts) = self.counts else { return Ok(None) };
        let of_rows = Rows::of_one(block.rows, 4);
        let operand = |slice| Operand::new(OPERATION, Slot::Targets, slice, of_rows);
        let targets = block.targets.map(operand).transpose()?;
        let weights = self.weights_of([block.class_weights, block.row_weights], block.rows)?;
        self.bind_tiles(counts, &counted(targets, weights), block, batch).map(Some)
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
        let rows = Rows::of_words(block.rows, self.record().words());
        let records = Operand::new(OPERATION, Slot::Rows, records, rows)?;
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
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let fixed = TotalsParameters {
            first_row: block.first_row as u32,
            first_tile: block.first_tile as u32,
            ..self.totals_parameters()
        };
        let chunks = Reduction::chunks(&builder, sources, block.rows)?;
        let partials = totals::partials(batch.partials, batch.tiles);
        reduction.bind_tiles(&mut builder, sources, &chunks, &partials, fixed)?;
        builder.finish()
    }

    fn bind_finish(&self, reduction: Reduction, batch: &BatchTotals<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let all = Rows::shared(TOTALS_BYTES as usize / 4, 4);
        let totals = Operand::new(OPERATION, Slot::Totals, batch.totals, all)?;
        let partials = totals::partials(batch.partials, batch.tiles);
        let fixed = self.totals_parameters();
        reduction.bind_finish(&mut builder, &partials, batch.tiles, &totals, fixed)?;
        builder.finish()
    }
}
