//! Merging partial results.

use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{
    MergeRange, MergedVariant, ReduceOutputKind, ReduceVariant, ReducedValues,
};
use crate::ops::step::{Bound, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::merge_geometry;

use super::reduction::{Source, bind_range};
use super::validate::OPERATION;

/// Partial results that a workgroup merges.
const MERGED_AT_ONCE: u64 = 1024;

/// The merges of so many partial results of each result, in their order.
pub(in crate::ops) fn merges(
    kernels: &Kernels,
    values: &ReducedValues,
    results: u64,
    mut partials: u64,
) -> Vec<Merge> {
    let mut merges = Vec::new();
    while partials != 1 {
        let groups = partials.div_ceil(MERGED_AT_ONCE).max(1);
        let group_length = partials.div_ceil(groups);
        let output = match groups {
            1 => ReduceOutputKind::Result,
            _ => ReduceOutputKind::Partial,
        };
        let of = MergedPartials { results, partials, groups, group_length };
        merges.push(Merge::new(kernels, values, MergeRange::Parts, output, of));
        partials = groups;
    }
    merges
}

/// Adds the dispatches of these merges, from the first's partial results to the results.
pub(in crate::ops) fn bind_merges(
    builder: &mut StepBuilder<'_>,
    merges: Vec<Merge>,
    partials: Option<Source>,
    results: &Source,
    fixed: ReduceParameters,
) -> Result<()> {
    let mut partials = partials;
    for merge in merges {
        let next = match merge.output {
            ReduceOutputKind::Partial => {
                let count = merge.partials.results * merge.partials.groups;
                Some(scratch_partials(builder, count, merge.vectors)?)
            }
            ReduceOutputKind::Result => None,
        };
        let written = next.clone().unwrap_or_else(|| results.clone());
        let input = partials.take().unwrap_or_else(|| written.clone());
        merge.bind(builder, input, written, None, fixed)?;
        partials = next;
    }
    Ok(())
}

/// A buffer for partial results.
pub(in crate::ops) fn scratch_partials(
    builder: &StepBuilder<'_>,
    count: u64,
    vectors: u32,
) -> Result<Source> {
    let bytes = (count * 16 * u64::from(vectors)).max(16);
    let available = builder.kernels().capabilities().max_binding_bytes;
    if bytes > available {
        return Err(Error::Limit {
            operation: OPERATION,
            limit: "max_storage_buffer_binding_size",
            needed: bytes,
            available,
        });
    }
    let buffer = builder.scratch("wgpu-loss partial results", bytes)?;
    Ok(Source { slot: Slot::PartialResults, buffer, offset: 0 })
}

/// How many partial results are merged.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct MergedPartials {
    pub(in crate::ops) results: u64,
    /// Of each result.
    pub(in crate::ops) partials: u64,
    pub(in crate::ops) groups: u64,
    pub(in crate::ops) group_length: u64,
}

/// A merge of partial results.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Merge {
    pub(in crate::ops) variant: ReduceVariant,
    output: ReduceOutputKind,
    vectors: u32,
    words: u32,
    pub(in crate::ops) partials: MergedPartials,
    rows: u32,
}

impl Merge {
    pub(in crate::ops) fn new(
        kernels: &Kernels,
        values: &ReducedValues,
        range: MergeRange,
        output: ReduceOutputKind,
        partials: MergedPartials,
    ) -> Self {
        let (team, mut geometry) = merge_geometry(partials.group_length);
        let most = kernels.capabilities().max_invocations;
        geometry.rows = geometry.rows.min((most / geometry.lanes).max(1));
        let variant = ReduceVariant::Merge(MergedVariant {
            statistic: values.statistic,
            masked: values.masked,
            range,
            team,
            geometry,
            output,
        });
        Self {
            variant,
            output,
            vectors: values.statistic.partial_vectors(),
            words: values.statistic.result_words(),
            partials,
            rows: geometry.rows,
        }
    }

    /// Adds the dispatches; `offsets`: of segments.
    pub(in crate::ops) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        input: Source,
        output: Source,
        offsets: Option<Bound>,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let capabilities = *builder.kernels().capabilities();
        let alignment = capabilities.storage_alignment;
        let MergedPartials { results, partials, groups, group_length } = self.partials;
        let units = results * groups;
        // Offsets count vectors of partial results, words of results.
        let (unit, bytes) = match self.output {
            ReduceOutputKind::Partial => (16, 16 * u64::from(self.vectors)),
            ReduceOutputKind::Result => (4, 4 * u64::from(self.words)),
        };
        let slack = output.offset % alignment;
        let end = output.offset + units * bytes;
        if end - (output.offset - slack) > capabilities.max_binding_bytes {
            return Err(Error::Limit {
                operation: OPERATION,
                limit: "max_storage_buffer_binding_size",
                needed: units * bytes,
                available: capabilities.max_binding_bytes,
            });
        }
        let mut bound = vec![bind_range(&output, output.offset - slack, end)];
        // Of nothing, nothing is read; but a binding there must be.
        let input = match partials {
            0 => scratch_partials(builder, 1, self.vectors)?,
            _ => input,
        };
        let input_bytes = input.buffer.size();
        bound.push(bind_range(&Source { slot: Slot::Partials, ..input }, 0, input_bytes));
        bound.extend(offsets);
        let workgroups = units.div_ceil(self.rows.into());
        let mut first = 0;
        while first < workgroups {
            let count = (workgroups - first).min(capabilities.max_workgroups.into());
            let parameters = ReduceParameters {
                first_part: first as u32,
                results: results as u32,
                merged: partials as u32,
                groups: groups as u32,
                group_length: group_length as u32,
                output_offset: (slack / unit) as u32,
                ..fixed
            };
            builder.dispatch(&Variant::Reduce(self.variant), &parameters, count as u32, &bound)?;
            first += count;
        }
        Ok(())
    }
}
