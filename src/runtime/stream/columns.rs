//! Blocks of rows whose columns (targets, weights, upstream gradients, results) are on the device at
//! once; their matrices come piece by piece.

use std::ops::Range;

use crate::runtime::Gpu;

/// Rows of a block: what a quarter of the memory and a binding hold of columns of so many bytes a
/// row, the widest of so many, in whole tiles.
pub(super) fn block_rows(gpu: &Gpu, bytes: u64, widest: u64, tile: u64) -> usize {
    let capabilities = gpu.kernels().capabilities();
    let of_binding = capabilities.max_binding_bytes.min(capabilities.max_buffer_bytes)
        - capabilities.storage_alignment;
    let most = [
        gpu.streaming().device_bytes / 4 / bytes.max(1),
        of_binding / widest.max(1),
        u64::from(capabilities.max_workgroups) * tile,
    ];
    // No fewer than a tile, but where a binding holds less.
    let least = tile.min(most[1]);
    let most = most.into_iter().min().unwrap_or_default().max(least);
    let whole = if most >= tile { most - most % tile } else { most };
    whole.max(1) as usize
}

/// The blocks of so many rows.
pub(super) fn blocks(rows: usize, of_block: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(of_block).map(move |first| first..rows.min(first + of_block))
}
