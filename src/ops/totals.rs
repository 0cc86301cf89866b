//! The dispatches that reduce over a batch: counting rows, summing losses.

use crate::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{Totals, TotalsParameters};
use crate::kernel::{Kernels, TotalsKernel, TotalsVariant, Variant};
use crate::plan::row_chunks;

use super::operand::Operand;
use super::step::{Bound, StepBuilder};

/// Bytes of the reduced results of a batch.
pub(super) const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

/// Rows that a lane reduces; `TILE / LANES` in `shaders/totals/parameters.wgsl`.
const ROWS_PER_LANE: u64 = 64;

fn variant(kernels: &Kernels, kernel: TotalsKernel) -> Variant {
    Variant::Totals(TotalsVariant { kernel, lanes: kernels.tuning().totals_lanes })
}

/// Compiles kernels ahead.
pub(super) fn warm_up(kernels: &Kernels, which: &[TotalsKernel]) -> Result<()> {
    for kernel in which {
        kernels.pipeline(&variant(kernels, *kernel))?;
    }
    Ok(())
}

/// Adds a reduction over `rows` rows of `source` to `totals`: partial results of tiles, then theirs.
pub(super) fn reduce(
    builder: &mut StepBuilder<'_>,
    [tiles_kernel, finish_kernel]: [TotalsKernel; 2],
    source: &Operand,
    totals: &Operand,
    rows: usize,
    fixed: TotalsParameters,
) -> Result<()> {
    let kernels = builder.kernels().clone();
    let capabilities = kernels.capabilities();
    let alignment = capabilities.storage_alignment;
    let tile = ROWS_PER_LANE * u64::from(kernels.tuning().totals_lanes);
    let tiles = (rows as u64).div_ceil(tile);
    let bytes = tiles.max(1) * if tiles_kernel == TotalsKernel::CountTiles { 8 } else { 4 };
    let partials = Bound {
        slot: Slot::Partials,
        buffer: builder.scratch("wgpu-loss partials", bytes)?,
        offset: 0,
        bytes,
    };
    let chunks = row_chunks(builder.operation(), capabilities, rows as u64, tile, &[source.row])?;
    for chunk in chunks {
        let slack = source.row.slack(chunk.first_row, alignment);
        let offset = (slack / 4) as u32;
        let parameters = TotalsParameters {
            rows: chunk.rows as u32,
            first_row: chunk.first_row as u32,
            first_tile: (chunk.first_row / tile) as u32,
            targets_offset: offset,
            loss_offset: offset,
            ..fixed
        };
        let rows = Bound {
            slot: source.slot,
            buffer: source.buffer.clone(),
            offset: source.row.binding_offset(chunk.first_row, alignment),
            bytes: slack + chunk.rows * 4,
        };
        builder.dispatch(
            &variant(&kernels, tiles_kernel),
            &parameters,
            chunk.workgroups,
            &[rows, partials.clone()],
        )?;
    }
    let slack = totals.row.slack(0, alignment);
    let parameters =
        TotalsParameters { tiles: tiles as u32, totals_offset: (slack / 4) as u32, ..fixed };
    let totals = Bound {
        slot: Slot::Totals,
        buffer: totals.buffer.clone(),
        offset: totals.row.binding_offset(0, alignment),
        bytes: slack + TOTALS_BYTES,
    };
    builder.dispatch(&variant(&kernels, finish_kernel), &parameters, 1, &[partials, totals])
}
