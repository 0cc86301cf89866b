//! The dispatches that reduce over a batch: counting rows and their weights, summing losses.

use wgpu::Buffer;

use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{Totals, TotalsParameters};
use crate::kernel::{
    Comparison, Record, Reduced, TargetKind, TotalsKernel, TotalsVariant, Variant, Word,
};
use crate::pipelines::Kernels;
use crate::plan::{Chunk, row_chunks};

use super::operand::Operand;
use super::step::{Bound, StepBuilder};

/// Bytes of the reduced results of a batch.
pub(super) const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

/// Bytes of a tile's partial results: of its counts, which are the larger ones.
pub(super) const PARTIAL_BYTES: u64 = 24;

/// Rows that a lane reduces; `TILE / LANES` in `shaders/totals/parameters.wgsl`.
const ROWS_PER_LANE: u64 = 64;

/// A reduction over the rows of a batch: of tiles, then of their partial results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reduction {
    tiles: TotalsKernel,
    finish: TotalsKernel,
}

impl Reduction {
    /// Of counted rows and, where the mean is divided by them, of weights, which needs no logits.
    pub(super) fn counts(
        comparison: &Comparison,
        reduction: crate::ops::cross_entropy::Reduction,
    ) -> Self {
        let classes = !matches!(comparison.target, TargetKind::Probability(_));
        let by_size = reduction.is_mean_by_size();
        let class_weights = comparison.class_weights && classes && !by_size;
        let row_weights = comparison.row_weights && !by_size;
        Self {
            tiles: TotalsKernel::CountTiles { classes, class_weights, row_weights },
            finish: TotalsKernel::CountFinish {
                weighted: class_weights || row_weights,
                z_loss: comparison.z_loss,
                by_size,
            },
        }
    }

    /// Of losses and correct rows; `None` where neither is wanted.
    pub(super) fn sums(comparison: &Comparison, reduced: Reduced, record: Record) -> Option<Self> {
        let correct = record.has(Word::Correct);
        if reduced == Reduced::Nothing && !correct {
            return None;
        }
        let z_loss = comparison.z_loss && reduced != Reduced::Nothing;
        // Without a z-loss the whole loss is the main one, under its own name.
        Some(Self {
            tiles: TotalsKernel::SumTiles { record, reduced: reduced != Reduced::Nothing, z_loss },
            finish: TotalsKernel::SumFinish { reduced, z_loss, correct, masked: comparison.masked },
        })
    }

    /// The kernels.
    pub(super) fn variants(self, kernels: &Kernels) -> [Variant; 2] {
        let lanes = kernels.tuning().totals_lanes;
        [self.tiles, self.finish].map(|kernel| Variant::Totals(TotalsVariant { kernel, lanes }))
    }

    /// Compiles them.
    pub(super) fn warm_up(self, kernels: &Kernels) -> Result<()> {
        for variant in &self.variants(kernels) {
            kernels.pipeline(variant)?;
        }
        Ok(())
    }

    /// Rows of a tile, which one workgroup reduces.
    pub(super) fn tile(kernels: &Kernels) -> u64 {
        ROWS_PER_LANE * u64::from(kernels.tuning().totals_lanes)
    }

    /// Adds the dispatches that reduce `rows` rows of the sources to `totals`.
    pub(super) fn bind(
        self,
        builder: &mut StepBuilder<'_>,
        sources: &[Operand],
        totals: &Operand,
        rows: usize,
        fixed: TotalsParameters,
    ) -> Result<()> {
        let chunks = Self::chunks(builder, sources, rows)?;
        // A binding that holds less than a tile cuts tiles too: each piece has its own result.
        let tiles: u64 = chunks.iter().map(|chunk| u64::from(chunk.workgroups)).sum();
        let scratch = builder.scratch("wgpu-loss partials", partial_bytes(tiles))?;
        let partials = partials(&scratch, tiles);
        self.bind_tiles(builder, sources, &chunks, &partials, fixed)?;
        self.bind_finish(builder, &partials, tiles, totals, fixed)
    }

    /// The dispatches that cover the rows.
    pub(super) fn chunks(
        builder: &StepBuilder<'_>,
        sources: &[Operand],
        rows: usize,
    ) -> Result<Vec<Chunk>> {
        let of_rows: Vec<_> = sources.iter().map(|source| source.row).collect();
        let kernels = builder.kernels();
        let tile = Self::tile(kernels);
        row_chunks(builder.operation(), kernels.capabilities(), rows as u64, tile, &of_rows)
    }

    /// Adds the dispatches that reduce each tile of the chunks. `fixed` names the first row and the
    /// first tile among those of the batch.
    pub(super) fn bind_tiles(
        self,
        builder: &mut StepBuilder<'_>,
        sources: &[Operand],
        chunks: &[Chunk],
        partials: &Bound,
        fixed: TotalsParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let [tiles_variant, _] = self.variants(&kernels);
        let alignment = kernels.capabilities().storage_alignment;
        let mut first_tile = fixed.first_tile;
        for chunk in chunks {
            let mut parameters = TotalsParameters {
                rows: chunk.rows as u32,
                first_row: fixed.first_row + chunk.first_row as u32,
                first_tile,
                ..fixed
            };
            first_tile += chunk.workgroups;
            let mut bound = vec![partials.clone()];
            for source in sources {
                let slack = source.row.slack(chunk.first_row, alignment);
                let offset = match source.slot {
                    Slot::Rows => &mut parameters.record_offset,
                    Slot::ClassWeights => &mut parameters.class_weights_offset,
                    Slot::RowWeights => &mut parameters.row_weights_offset,
                    _ => &mut parameters.targets_offset,
                };
                *offset = (slack / source.unit) as u32;
                bound.push(Bound {
                    slot: source.slot,
                    buffer: source.buffer.clone(),
                    offset: source.row.binding_offset(chunk.first_row, alignment),
                    bytes: slack + source.row.span(chunk.first_row, chunk.rows),
                });
            }
            builder.dispatch(&tiles_variant, &parameters, chunk.workgroups, &bound)?;
        }
        Ok(())
    }

    /// Adds the dispatch that reduces the tiles of the batch to `totals`.
    pub(super) fn bind_finish(
        self,
        builder: &mut StepBuilder<'_>,
        partials: &Bound,
        tiles: u64,
        totals: &Operand,
        fixed: TotalsParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let [_, finish_variant] = self.variants(&kernels);
        let alignment = kernels.capabilities().storage_alignment;
        let slack = totals.row.slack(0, alignment);
        let parameters =
            TotalsParameters { tiles: tiles as u32, totals_offset: (slack / 4) as u32, ..fixed };
        let totals = Bound {
            slot: Slot::Totals,
            buffer: totals.buffer.clone(),
            offset: totals.row.binding_offset(0, alignment),
            bytes: slack + TOTALS_BYTES,
        };
        builder.dispatch(&finish_variant, &parameters, 1, &[partials.clone(), totals])
    }
}

/// Bytes of the partial results of so many tiles.
pub(super) fn partial_bytes(tiles: u64) -> u64 {
    tiles.max(1) * PARTIAL_BYTES
}

/// The partial results of so many tiles, from the start of a buffer.
pub(super) fn partials(buffer: &Buffer, tiles: u64) -> Bound {
    let (buffer, bytes) = (buffer.clone(), partial_bytes(tiles));
    Bound { slot: Slot::Partials, buffer, offset: 0, bytes }
}
