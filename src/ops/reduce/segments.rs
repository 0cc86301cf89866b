//! The dispatches of a segmented reduction: rows that come with ids are sorted by them first, then
//! pieces of segments are reduced, and the pieces of each merged.

use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{
    ColumnsVariant, MergeRange, ReduceOutputKind, ReduceVariant, ReducedValues, RowsOf, WeightsKind,
};
use crate::ops::step::{Bound, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::{self as plan, ReduceLayout, Strides};

use super::merge::{Merge, MergedPartials, scratch_partials};
use super::reduction::{Source, bind_range, column_lanes};
use super::sort::{sort_rows, sort_variants};
use super::validate::OPERATION;

/// Rows after which a segment is cut, counted from the first row of all.
const PIECE_ROWS: u64 = plan::PIECE_ROWS as u64;

/// A segmented reduction that was planned.
#[derive(Clone, Debug)]
pub(super) struct SegmentReduction {
    pub(super) values: ReducedValues,
    pub(super) layout: ReduceLayout,
    pub(super) segments: u64,
    /// Rows come with ids, not with offsets.
    pub(super) by_ids: bool,
    /// What geometry depends on: of all, where this is a part of it.
    pub(super) usual: Usual,
}

/// Rows of a segment, on average, and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    rows: u64,
    columns: u64,
}

/// What a segmented reduction reads and writes.
pub(super) struct SegmentSources {
    pub(super) values: Source,
    pub(super) weights: Option<Source>,
    /// Offsets or ids.
    pub(super) segments: Source,
    pub(super) results: Source,
}

/// Where the rows of segments are.
pub(super) struct PlacesOfRows {
    /// Of segments, and the bytes before them.
    pub(super) offsets: (Bound, u64),
    /// Rows that were sorted, in their order.
    pub(super) order: Option<Bound>,
}

/// How the invocations of a workgroup are shared out.
struct Share {
    lanes: u32,
    width: u64,
    depth: u64,
    pieces: u64,
}

impl SegmentReduction {
    /// Of so many segments, by ids or by offsets.
    pub(super) fn new(
        values: ReducedValues,
        layout: ReduceLayout,
        segments: u64,
        by_ids: bool,
    ) -> Self {
        let usual = Usual { rows: layout.inner / segments.max(1), columns: layout.length };
        Self { values, layout, segments, by_ids, usual }
    }

    fn rows(&self) -> u64 {
        self.layout.inner
    }

    fn columns(&self) -> u64 {
        self.layout.length
    }

    /// As many lanes for each piece as its rows are worth.
    fn share(&self, kernels: &Kernels) -> Share {
        let lanes = column_lanes(kernels);
        let width = self.usual.columns.clamp(1, lanes.into());
        let most = u64::from(lanes) / width;
        let usual = self.usual.rows.min(PIECE_ROWS);
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
        let pieces = 1 + self.usual.rows / PIECE_ROWS;
        let partials = MergedPartials {
            results: self.segments * self.columns(),
            partials: pieces,
            groups: 1,
            group_length: pieces,
        };
        Merge::new(kernels, &self.values, MergeRange::Pieces, ReduceOutputKind::Result, partials)
    }

    /// The kernels.
    pub(super) fn variants(&self, kernels: &Kernels) -> Vec<ReduceVariant> {
        if self.segments == 0 || self.columns() == 0 {
            return Vec::new();
        }
        if self.rows() == 0 {
            return vec![self.of_nothing(kernels).variant];
        }
        let mut variants = if self.by_ids { sort_variants(self.segments) } else { Vec::new() };
        variants.extend(self.piece_variants(kernels));
        variants
    }

    /// The kernels that reduce pieces, and merge them.
    pub(super) fn piece_variants(&self, kernels: &Kernels) -> [ReduceVariant; 2] {
        [self.variant(kernels), self.merge(kernels).variant]
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
                let (offsets, order) = sort_rows(builder, &sources.segments, fixed)?;
                (offsets, Some(order))
            }
        };
        let pieces = self.pieces();
        let vectors = self.values.statistic.partial_vectors();
        let partials = scratch_partials(builder, pieces * self.columns(), vectors)?;
        let places = PlacesOfRows { offsets, order };
        let of_values = (&sources.values, sources.weights.as_ref());
        self.bind_pieces(builder, of_values, &places, &partials, pieces, fixed)?;
        self.bind_merge(builder, partials, &sources.results, places.offsets, fixed)
    }

    /// Numbers of pieces.
    pub(super) fn pieces(&self) -> u64 {
        self.segments + self.rows() / PIECE_ROWS
    }

    /// Adds the dispatches that reduce so many pieces of values and weights to partial results.
    pub(super) fn bind_pieces(
        &self,
        builder: &mut StepBuilder<'_>,
        (values, weights): (&Source, Option<&Source>),
        places: &PlacesOfRows,
        partials: &Source,
        pieces: u64,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let partial_bytes = pieces * self.columns() * self.partial_bytes();
        refuse_large(builder, partial_bytes)?;
        let share = self.share(&kernels);
        let (offsets, segments_offset) = &places.offsets;
        let end = partials.offset + partial_bytes;
        let mut bound = vec![offsets.clone(), bind_range(partials, partials.offset, end)];
        bound.extend(places.order.clone());
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
            segments: self.segments as u32,
            segments_offset: (segments_offset / 4) as u32,
            rows: self.rows() as u32,
            ..fixed
        };
        let element = self.values.element.bytes() as u64;
        let (values, slack) = bind_whole(builder, values, self.span(layout.values, element))?;
        parameters.values_offset = (slack / element) as u32;
        bound.push(values);
        if let Some(weights) = weights {
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
        Ok(())
    }

    /// Adds the dispatch that merges the pieces of each segment.
    pub(super) fn bind_merge(
        &self,
        builder: &mut StepBuilder<'_>,
        partials: Source,
        results: &Source,
        (offsets, segments_offset): (Bound, u64),
        fixed: ReduceParameters,
    ) -> Result<()> {
        let fixed = ReduceParameters {
            columns: self.columns() as u32,
            part_length: PIECE_ROWS as u32,
            segments: self.segments as u32,
            segments_offset: (segments_offset / 4) as u32,
            rows: self.rows() as u32,
            ..fixed
        };
        let merge = self.merge(builder.kernels());
        merge.bind(builder, partials, results.clone(), Some(offsets), fixed)
    }

    /// Bytes of a partial result.
    pub(super) fn partial_bytes(&self) -> u64 {
        16 * u64::from(self.values.statistic.partial_vectors())
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
}

// What a batch that comes in pieces needs.
#[cfg(feature = "runtime")]
impl SegmentReduction {
    /// Some of its rows or segments, gone through as all of them are.
    pub(super) fn part(&self, layout: ReduceLayout, segments: u64) -> Self {
        Self { layout, segments, ..self.clone() }
    }

    /// Columns that a workgroup takes together.
    pub(super) fn width(&self, kernels: &Kernels) -> u64 {
        self.share(kernels).width
    }

    /// The most bytes that a binding has to hold.
    pub(super) fn largest_binding(&self) -> u64 {
        let element = self.values.element.bytes() as u64;
        let of_weights = match self.values.weights {
            WeightsKind::Along(element) => element.bytes() as u64,
            WeightsKind::None | WeightsKind::OfRun => 0,
        };
        let result = 4 * u64::from(self.values.statistic.result_words());
        let all = [
            self.span(self.layout.values, element),
            self.span(self.layout.weights, of_weights),
            4 * if self.by_ids { self.rows() } else { self.segments + 1 },
            self.pieces().saturating_mul(self.columns() * self.partial_bytes()),
            self.segments.saturating_mul(self.columns() * result),
        ];
        all.into_iter().max().unwrap_or_default()
    }
}

/// All of a source in one binding, and the bytes before it. Segments may lie anywhere.
pub(super) fn bind_whole(
    builder: &StepBuilder<'_>,
    source: &Source,
    bytes: u64,
) -> Result<(Bound, u64)> {
    let slack = source.offset % builder.kernels().capabilities().storage_alignment;
    // A single half at the end of its word has no whole word behind it.
    let bytes = bytes.max(1);
    refuse_large(builder, slack + bytes)?;
    let start = source.offset - slack;
    Ok((bind_range(source, start, source.offset + bytes), slack))
}

pub(super) fn refuse_large(builder: &StepBuilder<'_>, bytes: u64) -> Result<()> {
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
