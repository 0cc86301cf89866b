//! The dispatches of a segmented reduction: rows that come with ids are sorted by them first, then
//! pieces of segments are reduced, and the pieces of each merged.

use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{
    ColumnsVariant, MergeRange, ReduceOutputKind, ReduceVariant, ReducedValues, RowsOf, SortKernel,
    WeightsKind,
};
use crate::kernel::{Kernels, Variant};
use crate::ops::step::{Bound, StepBuilder};
use crate::plan::reduce::{ReduceLayout, Strides};
use crate::{Error, Result};

use super::merge::{Merge, MergedPartials, scratch_partials};
use super::reduction::{Source, bind_range, column_lanes};
use super::validate::OPERATION;

/// Rows after which a segment is cut, counted from the first row of all.
const PIECE_ROWS: u64 = 4096;

/// Lanes of the sorting kernels, and rows that each takes.
const SORT_LANES: u32 = 64;
const SORT_ROWS_PER_LANE: u64 = 16;
const DIGIT_BITS: u32 = 4;

/// A segmented reduction that was planned.
#[derive(Clone, Debug)]
pub(super) struct SegmentReduction {
    pub(super) values: ReducedValues,
    pub(super) layout: ReduceLayout,
    pub(super) segments: u64,
    /// Rows come with ids, not with offsets.
    pub(super) by_ids: bool,
}

/// What a segmented reduction reads and writes.
pub(super) struct SegmentSources {
    pub(super) values: Source,
    pub(super) weights: Option<Source>,
    /// Offsets or ids.
    pub(super) segments: Source,
    pub(super) results: Source,
}

/// How the invocations of a workgroup are shared out.
struct Share {
    lanes: u32,
    width: u64,
    depth: u64,
    pieces: u64,
}

impl SegmentReduction {
    fn rows(&self) -> u64 {
        self.layout.inner
    }

    fn columns(&self) -> u64 {
        self.layout.length
    }

    /// As many lanes for each piece as its rows are worth.
    fn share(&self, kernels: &Kernels) -> Share {
        let lanes = column_lanes(kernels);
        let width = self.columns().clamp(1, lanes.into());
        let most = u64::from(lanes) / width;
        let usual = (self.rows() / self.segments.max(1)).min(PIECE_ROWS);
        let depth = usual.div_ceil(16).next_power_of_two().min(most).max(1);
        Share { lanes, width, depth, pieces: (u64::from(lanes) / (width * depth)).max(1) }
    }

    fn rows_of(&self) -> RowsOf {
        if self.by_ids { RowsOf::SortedSegments } else { RowsOf::Segments }
    }

    fn variant(&self, kernels: &Kernels) -> ReduceVariant {
        let share = self.share(kernels);
        ReduceVariant::Columns(ColumnsVariant {
            values: self.values,
            rows: self.rows_of(),
            lanes: share.lanes,
            vectors: 2,
            is_shallow: share.depth == 1,
            output: ReduceOutputKind::Partial,
        })
    }

    /// Results over nothing.
    fn of_nothing(&self, kernels: &Kernels) -> Merge {
        let results = self.segments * self.columns();
        let partials = MergedPartials { results, partials: 0, groups: 1, group_length: 0 };
        Merge::new(kernels, &self.values, MergeRange::Parts, ReduceOutputKind::Result, partials)
    }

    fn merge(&self, kernels: &Kernels) -> Merge {
        // Of a segment of usual length.
        let pieces = 1 + self.rows() / PIECE_ROWS / self.segments.max(1);
        let partials = MergedPartials {
            results: self.segments * self.columns(),
            partials: pieces,
            groups: 1,
            group_length: pieces,
        };
        Merge::new(kernels, &self.values, MergeRange::Pieces, ReduceOutputKind::Result, partials)
    }

    /// Steps of the sort: one for each digit of an id, which may be the number of segments.
    fn digits(&self) -> u32 {
        (u64::BITS - self.segments.leading_zeros()).div_ceil(DIGIT_BITS).max(1)
    }

    fn sorts(&self) -> Vec<SortKernel> {
        if !self.by_ids {
            return Vec::new();
        }
        let mut kernels = Vec::new();
        for digit in 0..self.digits() {
            let scatter = SortKernel::Scatter { sorted: digit > 0 };
            kernels.extend([SortKernel::Count, SortKernel::Scan, scatter]);
        }
        kernels.push(SortKernel::Bounds);
        kernels
    }

    /// The kernels.
    pub(super) fn variants(&self, kernels: &Kernels) -> Vec<ReduceVariant> {
        if self.segments == 0 || self.columns() == 0 {
            return Vec::new();
        }
        if self.rows() == 0 {
            return vec![self.of_nothing(kernels).variant];
        }
        let sort = |kernel| ReduceVariant::Sort { kernel, lanes: SORT_LANES };
        let mut variants: Vec<_> = self.sorts().into_iter().map(sort).collect();
        variants.push(self.variant(kernels));
        variants.push(self.merge(kernels).variant);
        variants
    }

    /// Adds the dispatches.
    pub(super) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        sources: &SegmentSources,
        fixed: ReduceParameters,
    ) -> Result<()> {
        if self.segments == 0 || self.columns() == 0 {
            return Ok(());
        }
        let kernels = builder.kernels().clone();
        if self.rows() == 0 {
            let partials = scratch_partials(builder, 1, self.values.statistic.partial_vectors())?;
            let results = sources.results.clone();
            return self.of_nothing(&kernels).bind(builder, partials, results, None, fixed);
        }
        let fixed =
            ReduceParameters { segments: self.segments as u32, rows: self.rows() as u32, ..fixed };
        let (offsets, order) = match self.by_ids {
            false => (bind_whole(builder, &sources.segments, 4 * (self.segments + 1))?, None),
            true => {
                let (offsets, order) = self.sort(builder, &sources.segments, fixed)?;
                (offsets, Some(order))
            }
        };
        let (offsets, segments_offset) = offsets;
        let fixed = ReduceParameters { segments_offset: (segments_offset / 4) as u32, ..fixed };

        let pieces = self.segments + self.rows() / PIECE_ROWS;
        let vectors = self.values.statistic.partial_vectors();
        let partials = scratch_partials(builder, pieces * self.columns(), vectors)?;
        let partial_bytes = partials.buffer.size();
        let share = self.share(&kernels);
        let mut bound = vec![offsets.clone(), bind_range(&partials, 0, partial_bytes)];
        bound.extend(order);
        let layout = &self.layout;
        let mut parameters = ReduceParameters {
            runs: pieces as u32,
            units: self.columns().div_ceil(share.width) as u32,
            length: self.rows() as u32,
            part_length: PIECE_ROWS as u32,
            columns: self.columns() as u32,
            width: share.width as u32,
            depth: share.depth as u32,
            values_inner: layout.values.inner as u32,
            weights_inner: layout.weights.inner as u32,
            weights_step: layout.weights.step as u32,
            output_inner: 1,
            output_part: self.columns() as u32,
            ..fixed
        };
        let element = self.values.element.bytes() as u64;
        let (values, slack) =
            bind_whole(builder, &sources.values, self.span(layout.values, element))?;
        parameters.values_offset = (slack / element) as u32;
        bound.push(values);
        if let Some(weights) = &sources.weights {
            let element = match self.values.weights {
                WeightsKind::Along(element) => element.bytes() as u64,
                WeightsKind::None | WeightsKind::OfRun => 4,
            };
            let (weights, slack) =
                bind_whole(builder, weights, self.span(layout.weights, element))?;
            parameters.weights_offset = (slack / element) as u32;
            bound.push(weights);
        }
        let groups = pieces.div_ceil(share.pieces);
        let most = u64::from(kernels.capabilities().max_workgroups) / u64::from(parameters.units);
        if most == 0 {
            return Err(Error::Limit {
                operation: OPERATION,
                limit: "max_compute_workgroups_per_dimension",
                needed: parameters.units.into(),
                available: kernels.capabilities().max_workgroups.into(),
            });
        }
        let mut first = 0;
        while first < groups {
            let count = (groups - first).min(most);
            parameters.first_part = first as u32;
            parameters.parts = count as u32;
            let workgroups = count as u32 * parameters.units;
            let variant = Variant::Reduce(self.variant(&kernels));
            builder.dispatch(&variant, &parameters, workgroups, &bound)?;
            first += count;
        }
        let fixed = ReduceParameters {
            columns: self.columns() as u32,
            part_length: PIECE_ROWS as u32,
            ..fixed
        };
        self.merge(&kernels).bind(builder, partials, sources.results.clone(), Some(offsets), fixed)
    }

    /// Bytes from the first to the last element that rows and columns reach.
    fn span(&self, strides: Strides, element: u64) -> u64 {
        match self.rows() {
            0 => 0,
            rows => {
                ((rows - 1) * strides.inner + (self.columns() - 1) * strides.step + 1) * element
            }
        }
    }

    /// Sorts rows by segment; returns offsets of segments among them, and the rows in their order.
    fn sort(
        &self,
        builder: &mut StepBuilder<'_>,
        ids: &Source,
        fixed: ReduceParameters,
    ) -> Result<((Bound, u64), Bound)> {
        let rows = self.rows();
        let tile = u64::from(SORT_LANES) * SORT_ROWS_PER_LANE;
        let tiles = rows.div_ceil(tile).max(1);
        let sort = |kernel| Variant::Reduce(ReduceVariant::Sort { kernel, lanes: SORT_LANES });
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
        for digit in 0..self.digits() {
            let parameters = ReduceParameters {
                values_offset: keys_offset,
                parts: tiles as u32,
                shift: digit * DIGIT_BITS,
                count: 16 * tiles as u32,
                ..fixed
            };
            let (sorted_keys, sorted_rows) = both[digit as usize % 2].clone();
            let read_counts = [keys.clone(), counts.clone()];
            let mut scattered =
                vec![keys, counts.clone(), sorted_keys.clone(), sorted_rows.clone()];
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
        let offsets = scratch(builder, Slot::SegmentOffsets, self.segments + 1)?;
        let lanes = u64::from(SORT_LANES);
        let mut first = 0;
        while first <= self.segments {
            let count = (self.segments + 1 - first).min(most * lanes);
            let parameters = ReduceParameters { first_part: first as u32, ..fixed };
            let bound = [keys.clone(), offsets.clone()];
            let workgroups = count.div_ceil(lanes) as u32;
            builder.dispatch(&sort(SortKernel::Bounds), &parameters, workgroups, &bound)?;
            first += count;
        }
        let order = previous.map(|rows| Bound { slot: Slot::SortedRows, ..rows });
        let order = order.ok_or_else(|| {
            Error::invalid(OPERATION, "segment ids", "a digit to sort by", "none")
        })?;
        Ok(((offsets, 0), order))
    }
}

/// All of a source in one binding, and the bytes before it. Segments may lie anywhere.
fn bind_whole(builder: &StepBuilder<'_>, source: &Source, bytes: u64) -> Result<(Bound, u64)> {
    let slack = source.offset % builder.kernels().capabilities().storage_alignment;
    // A single half at the end of its word has no whole word behind it.
    let bytes = bytes.max(1);
    refuse_large(builder, slack + bytes)?;
    let start = source.offset - slack;
    Ok((bind_range(source, start, source.offset + bytes), slack))
}

fn refuse_large(builder: &StepBuilder<'_>, bytes: u64) -> Result<()> {
    let available = builder.kernels().capabilities().max_binding_bytes;
    if bytes <= available {
        return Ok(());
    }
    Err(Error::Limit {
        operation: OPERATION,
        limit: "max_storage_buffer_binding_size",
        needed: bytes,
        available,
    })
}
