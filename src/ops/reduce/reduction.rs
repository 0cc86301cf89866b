//! A reduction that was planned: over runs or columns, then over partial results.

use crate::error::Result;
use crate::kernel::Access;
use crate::kernel::bindings::Slot;
use crate::kernel::reduce::{
    Along, ColumnsVariant, ReduceOutputKind, ReduceVariant, ReducedValues, RowsOf, RunsVariant,
    WeightsKind,
};
use crate::ops::operand::Operand;
use crate::ops::step::Bound;
use crate::pipelines::Kernels;
use crate::plan::reduce::{Boxed, Nest, ReduceLayout, RunEntry, Strides, Walk, run_geometry};

use super::merge::{Merge, merges};
use super::others::Other;

/// Bytes that the rows of a part of a column may be apart, so that a binding holds it.
const MOST_PART_BYTES: u64 = 1 << 26;

/// A reduction that was planned: its geometry, and how its partial results are numbered.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Reduction {
    pub(in crate::ops) values: ReducedValues,
    pub(super) layout: ReduceLayout,
    pub(super) kernel: Geometry,
    pub(super) nest: Nest,
    /// Numbers of partial results along each axis of the nest.
    pub(super) output: [u64; 3],
    /// Of each result.
    pub(super) partials: u64,
    /// Values behind the last whole vector of a single run.
    pub(super) tail: u64,
    /// Operands of the loss that is reduced, in the order of [`Sources::others`].
    pub(super) others: Vec<Other>,
    /// Partial results are what is left, even if there is but one.
    pub(super) is_piece: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Geometry {
    Runs { entry: RunEntry, is_grouped: bool, rounds: u64 },
    Columns { lanes: u32, width: u64, depth: u64 },
}

/// A caller's buffer, or one of ours: where what the kernels number 0 starts.
#[derive(Clone)]
pub(in crate::ops) struct Source {
    pub(in crate::ops) slot: Slot,
    pub(in crate::ops) buffer: wgpu::Buffer,
    pub(in crate::ops) offset: u64,
}

impl From<&Operand> for Source {
    fn from(operand: &Operand) -> Self {
        Self { slot: operand.slot, buffer: operand.buffer.clone(), offset: operand.row.offset }
    }
}

/// What a reduction reads and writes.
pub(in crate::ops) struct Sources {
    /// Unless the weights alone are reduced.
    pub(in crate::ops) values: Option<Source>,
    pub(in crate::ops) weights: Option<Source>,
    /// Results of the forward, and the upstream gradient where it has a buffer.
    pub(in crate::ops) forward: Option<Source>,
    pub(in crate::ops) upstream: Option<Source>,
    /// All results share one upstream gradient.
    pub(in crate::ops) shares_upstream: bool,
    pub(in crate::ops) results: Source,
    /// Operands of a loss.
    pub(in crate::ops) others: Vec<Source>,
}

impl Sources {
    /// Of weights that are added up alone.
    pub(in crate::ops) fn of_weights(weights: Source, results: Source) -> Self {
        Self {
            values: None,
            weights: Some(weights),
            forward: None,
            upstream: None,
            shares_upstream: false,
            results,
            others: Vec::new(),
        }
    }
}

impl Reduction {
    /// Chooses geometry and parts. They depend on the shape alone, so that results do not depend on
    /// what else a device can do than run them. `whole`: of a piece, the layout of everything; it has
    /// the partial results that the whole has of its values.
    pub(in crate::ops) fn new(
        kernels: &Kernels,
        layout: ReduceLayout,
        whole: Option<&ReduceLayout>,
        values: ReducedValues,
        others: Vec<Other>,
    ) -> Result<Self> {
        let is_piece = whole.is_some();
        let whole = whole.unwrap_or(&layout);
        let (capabilities, tuning) = (kernels.capabilities(), &kernels.tuning().reduce);
        let ReduceLayout { outer, inner, length, results, .. } = layout;
        let reduces_all = whole.reduces_all();
        match layout.walk {
            Walk::Runs => {
                let most = tuning.part_length;
                let is_grouped =
                    reduces_all && whole.outer * whole.inner > 1 && 2 * whole.length <= most;
                let entries = if is_grouped { &tuning.grouped } else { &tuning.runs };
                let run_length = whole.length.min(most);
                let entry = run_geometry(capabilities, entries, run_length, is_grouped)?
                    .for_values(&values);
                let rows = u64::from(entry.geometry.rows);
                let rounds = match is_grouped {
                    true => (most / (rows * whole.length.max(1))).max(1),
                    false => 1,
                };
                // A single run keeps its vectors whole; what is left is a part of its own.
                let has_tail = whole.is_single_run() && whole.length > 4;
                let tail = if has_tail { length % 4 } else { 0 };
                let nest =
                    Nest { places: [outer, inner, length - tail], unit: [1, rows * rounds, most] };
                let parts = (length - tail).div_ceil(most);
                let units = inner.div_ceil(rows * rounds);
                let (partials, output) = if is_grouped {
                    (outer * units, [units, 1, 0])
                } else if reduces_all {
                    (outer * inner * parts + u64::from(tail > 0), [inner * parts, parts, 1])
                } else {
                    // Of each run along the inner axis, those of all blocks follow each other.
                    (outer * parts, [parts, outer * parts, 1])
                };
                let kernel = Geometry::Runs { entry, is_grouped, rounds };
                Ok(Self { values, layout, kernel, nest, output, partials, tail, others, is_piece })
            }
            Walk::Columns => {
                let lanes = column_lanes(kernels);
                let width = whole.length.clamp(1, lanes.into());
                let depth = u64::from(lanes) / width;
                let apart = whole.values.inner.max(1) * values.element.bytes() as u64;
                let most = (MOST_PART_BYTES / apart).max(1);
                let rows = (depth * tuning.rows_per_lane).min(match most >= depth {
                    true => most - most % depth,
                    false => most,
                });
                let nest = Nest { places: [outer, inner, length], unit: [1, rows, width] };
                let parts = inner.div_ceil(rows);
                debug_assert_eq!(results, outer * length);
                let output = [length * parts, 1, parts];
                let kernel = Geometry::Columns { lanes, width, depth };
                let (partials, tail) = (parts, 0);
                Ok(Self { values, layout, kernel, nest, output, partials, tail, others, is_piece })
            }
        }
    }

    /// The same of a piece that has results of its own.
    pub(in crate::ops) fn with_results(self) -> Self {
        Self { is_piece: false, ..self }
    }

    /// The operands of the loss that is reduced.
    pub(in crate::ops) fn others(&self) -> &[Other] {
        &self.others
    }

    pub(super) fn output_kind(&self) -> ReduceOutputKind {
        match self.partials {
            1 if !self.is_piece => ReduceOutputKind::Result,
            _ => ReduceOutputKind::Partial,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nest.places.contains(&0) && self.tail == 0
    }

    /// The kernel over the values. `along`: what tells its workgroups apart.
    pub(super) fn variant(&self, access: Access, along: Along) -> ReduceVariant {
        let values = self.values.as_read();
        match self.kernel {
            Geometry::Runs { entry, is_grouped, .. } => ReduceVariant::Runs(RunsVariant {
                values,
                access,
                team: entry.team,
                geometry: entry.geometry,
                is_grouped,
                along,
                output: self.output_kind(),
            }),
            Geometry::Columns { lanes, depth, .. } => ReduceVariant::Columns(ColumnsVariant {
                values,
                rows: RowsOf::Parts,
                lanes,
                vectors: 2,
                is_shallow: depth == 1,
                output: self.output_kind(),
            }),
        }
    }

    /// The kernels of aligned operands in as few dispatches as there may be.
    pub(in crate::ops) fn variants(&self, kernels: &Kernels) -> Vec<ReduceVariant> {
        let mut variants = Vec::new();
        if !self.is_empty() {
            let whole = Boxed { first: [0; 3], end: self.nest.places };
            variants.push(self.variant(self.access([0, 0], &[]), self.along(&whole)));
            if self.tail > 0 {
                variants.push(self.variant(Access::Scalar, Along::Parts));
            }
        }
        variants.extend(self.merges(kernels).into_iter().map(|merge| merge.variant));
        variants
    }

    /// How values and weights that start at these byte offsets are addressed.
    pub(super) fn access(&self, offsets: [u64; 2], others: &[Source]) -> Access {
        let is_whole = |strides: Strides, offset: u64, bytes: u64| {
            let apart = |count: u64, stride: u64| count <= 1 || stride.is_multiple_of(4);
            offset.is_multiple_of(4 * bytes)
                && apart(self.layout.outer, strides.outer)
                && apart(self.layout.inner, strides.inner)
        };
        let weights = match self.values.weights {
            WeightsKind::Along(element) => {
                is_whole(self.layout.weights, offsets[1], element.bytes() as u64)
            }
            WeightsKind::None | WeightsKind::OfRun => true,
        };
        let bytes = self.values.element.bytes() as u64;
        let offset = |at: usize| others.get(at).map_or(0, |source| source.offset);
        let mut all = self.others.iter().enumerate();
        let others = all.all(|(at, other)| other.is_whole(&self.layout, offset(at)));
        let values = !self.values.reads_values() || is_whole(self.layout.values, offsets[0], bytes);
        let is_vector = self.nest.places[2].is_multiple_of(4) && values && weights && others;
        if is_vector { Access::Vector } else { Access::Scalar }
    }

    pub(super) fn along(&self, of: &Boxed) -> Along {
        let units = [0, 1, 2].map(|axis| of.units(&self.nest, axis));
        match units {
            [1, 1, _] => Along::Parts,
            [1, _, 1] => Along::Units,
            _ => Along::Both,
        }
    }

    /// The merges that follow, in their order.
    pub(super) fn merges(&self, kernels: &Kernels) -> Vec<Merge> {
        if self.is_piece {
            return Vec::new();
        }
        // Of nothing there is still a result.
        let partials = if self.is_empty() { 0 } else { self.partials };
        merges(kernels, &self.values, self.layout.results, partials)
    }

    /// How many partial results there are of each result, and of how many words each is.
    pub(in crate::ops) fn partial_results(&self) -> (u64, u32) {
        (self.partials, 4 * self.values.statistic.partial_vectors())
    }

    /// Of a piece, how many partial results it leaves, and of how many words each is.
    pub(in crate::ops) fn piece_results(&self) -> Option<(usize, u32)> {
        let (partials, words) = self.partial_results();
        self.is_piece.then_some(((partials * self.layout.results) as usize, words))
    }

    /// Bytes of partial results that are written and read again.
    pub(in crate::ops) fn scratch_bytes(&self) -> u64 {
        match self.partials {
            0 | 1 => 0,
            _ if self.is_piece => 0,
            partials => {
                partials
                    * self.layout.results
                    * 16
                    * u64::from(self.values.statistic.partial_vectors())
            }
        }
    }
}

// What a batch that comes in pieces needs.
#[cfg(feature = "runtime")]
impl Reduction {
    /// How values are gone through.
    pub(in crate::ops) fn layout(&self) -> &ReduceLayout {
        &self.layout
    }

    /// Whether aligned operands are addressed four elements at a time.
    pub(in crate::ops) fn is_by_four(&self) -> bool {
        self.access([0, 0], &[]) == Access::Vector
    }

    /// Places along the inner axis and along a run that make up one partial result.
    pub(in crate::ops) fn unit(&self) -> [u64; 2] {
        let [_, inner, length] = self.nest.unit;
        match self.kernel {
            // Runs that a workgroup takes together are apart.
            Geometry::Runs { is_grouped: false, .. } => [1, length],
            Geometry::Runs { .. } | Geometry::Columns { .. } => [inner, length],
        }
    }
}

/// A range of a source, of whole words.
pub(in crate::ops) fn bind_range(source: &Source, start: u64, end: u64) -> Bound {
    Bound {
        slot: source.slot,
        buffer: source.buffer.clone(),
        offset: start,
        bytes: (end - start).next_multiple_of(4),
    }
}

/// Invocations of a workgroup over columns, on a device that may have fewer than the tuning's.
pub(in crate::ops) fn column_lanes(kernels: &Kernels) -> u32 {
    let capabilities = kernels.capabilities();
    // Two vectors of four words for each.
    let most = capabilities.max_invocations.min(capabilities.max_workgroup_bytes / 32);
    kernels.tuning().reduce.column_lanes.min(1 << most.max(1).ilog2())
}
