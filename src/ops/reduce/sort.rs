//! Sorting rows by the ids of their segments, a digit at a time; those of a segment stay in their order.

use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{ReduceVariant, SortKernel};
use crate::ops::step::{Bound, StepBuilder};

use super::reduction::Source;
use super::segments::{bind_whole, refuse_large};
use super::validate::OPERATION;

/// Lanes of the kernels, and rows that each takes.
const LANES: u32 = 64;
const ROWS_PER_LANE: u64 = 16;
const DIGIT_BITS: u32 = 4;

/// Steps: one for each digit of an id, which may be the number of segments.
fn digits(segments: u64) -> u32 {
    (u64::BITS - segments.leading_zeros()).div_ceil(DIGIT_BITS).max(1)
}

const fn variant(kernel: SortKernel) -> ReduceVariant {
    ReduceVariant::Sort { kernel, lanes: LANES }
}

/// The kernels.
pub(super) fn sort_variants(segments: u64) -> Vec<ReduceVariant> {
    let mut kernels = Vec::new();
    for digit in 0..digits(segments) {
        let scatter = SortKernel::Scatter { sorted: digit > 0 };
        kernels.extend([SortKernel::Count, SortKernel::Scan, scatter].map(variant));
    }
    kernels.push(variant(SortKernel::Bounds));
    kernels
}

/// Sorts `fixed.rows` rows; returns offsets of `fixed.segments` segments among them, with the bytes
/// before those, and the rows in their order.
pub(super) fn sort_rows(
    builder: &mut StepBuilder<'_>,
    ids: &Source,
    fixed: ReduceParameters,
) -> Result<((Bound, u64), Bound)> {
    let (rows, segments) = (u64::from(fixed.rows), u64::from(fixed.segments));
    let tile = u64::from(LANES) * ROWS_PER_LANE;
    let tiles = rows.div_ceil(tile).max(1);
    let sort = |kernel| Variant::Reduce(variant(kernel));
    let scratch = |builder: &StepBuilder<'_>, slot, words: u64| -> Result<Bound> {
        let bytes = (4 * words).max(16);
        refuse_large(builder, bytes)?;
        let buffer = builder.scratch("wgpu-loss sorted rows", bytes)?;
        Ok(Bound { slot, buffer, offset: 0, bytes })
    };
    let counts = scratch(builder, Slot::Counts, 16 * tiles)?;
    let (mut keys, slack) = bind_whole(builder, ids, 4 * rows)?;
    let mut keys_offset = (slack / 4) as u32;
    let mut previous: Option<Bound> = None;
    let most = u64::from(builder.kernels().capabilities().max_workgroups);
    let both = [
        (scratch(builder, Slot::SortedKeys, rows)?, scratch(builder, Slot::SortedRows, rows)?),
        (scratch(builder, Slot::SortedKeys, rows)?, scratch(builder, Slot::SortedRows, rows)?),
    ];
    for digit in 0..digits(segments) {
        let parameters = ReduceParameters {
            values_offset: keys_offset,
            parts: tiles as u32,
            shift: digit * DIGIT_BITS,
            count: 16 * tiles as u32,
            ..fixed
        };
        let (sorted_keys, sorted_rows) = both[digit as usize % 2].clone();
        let read_counts = [keys.clone(), counts.clone()];
        let mut scattered = vec![keys, counts.clone(), sorted_keys.clone(), sorted_rows.clone()];
        scattered.extend(previous);
        let scatter = SortKernel::Scatter { sorted: digit > 0 };
        for kernel in [SortKernel::Count, SortKernel::Scan, scatter] {
            let (workgroups, bound) = match kernel {
                SortKernel::Scan => (1, &read_counts[1..]),
                SortKernel::Count => (tiles, &read_counts[..]),
                _ => (tiles, &scattered[..]),
            };
            let mut first = 0;
            while first < workgroups {
                let count = (workgroups - first).min(most);
                let parameters = ReduceParameters { first_part: first as u32, ..parameters };
                builder.dispatch(&sort(kernel), &parameters, count as u32, bound)?;
                first += count;
            }
        }
        keys = Bound { slot: Slot::SegmentIds, ..sorted_keys };
        keys_offset = 0;
        previous = Some(Bound { slot: Slot::PreviousRows, ..sorted_rows });
    }
    let offsets = scratch(builder, Slot::SegmentOffsets, segments + 1)?;
    let lanes = u64::from(LANES);
    let mut first = 0;
    while first <= segments {
        let count = (segments + 1 - first).min(most * lanes);
        let parameters = ReduceParameters { first_part: first as u32, ..fixed };
        let bound = [keys.clone(), offsets.clone()];
        let workgroups = count.div_ceil(lanes) as u32;
        builder.dispatch(&sort(SortKernel::Bounds), &parameters, workgroups, &bound)?;
        first += count;
    }
    let order = previous.map(|rows| Bound { slot: Slot::SortedRows, ..rows });
    let order = order
        .ok_or_else(|| Error::invalid(OPERATION, "segment ids", "a digit to sort by", "none"))?;
    Ok(((offsets, 0), order))
}
