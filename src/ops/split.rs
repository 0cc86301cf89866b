//! The dispatches over rows that are cut into parts: few rows of very many classes keep a whole
//! device busy.

use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::RowParameters;
use crate::kernel::{Family, RowVariant, StateKind, Variant};
use crate::pipelines::Kernels;
use crate::plan::{Capabilities, Chunk, RowOperand, row_chunks};

use super::operand::{Operand, Rows};
use super::rows::RowsPlan;
use super::step::StepBuilder;

/// How rows are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Classes of a part.
    pub(crate) part_classes: u64,
    /// Parts of a row.
    pub(crate) parts: u64,
    /// Rows whose kernels follow one another.
    pub(crate) rows: u64,
}

impl Cut {
    pub(super) fn new(kernels: &Kernels, classes: u64, row_bytes: u64) -> Self {
        let tuning = kernels.tuning();
        Self {
            part_classes: tuning.part_classes,
            parts: classes.div_ceil(tuning.part_classes).max(1),
            rows: (tuning.chunk_bytes / row_bytes.max(1)).max(1),
        }
    }

    fn parameters(&self, fixed: RowParameters, rows: u64) -> RowParameters {
        RowParameters {
            parts: self.parts as u32,
            part_stride: rows as u32,
            part_classes: self.part_classes as u32,
            ..fixed
        }
    }

    /// The rows of each dispatch, for kernels of one team a part.
    fn chunks(
        &self,
        operation: &'static str,
        capabilities: &Capabilities,
        rows: u64,
        rows_per_workgroup: u64,
        operands: &[RowOperand],
    ) -> Result<Vec<Chunk>> {
        let teams = u64::from(capabilities.max_workgroups) * rows_per_workgroup;
        let most = (teams / self.parts).min(self.rows).min(u64::from(u32::MAX));
        if most == 0 {
            return Err(Error::Limit {
                operation,
                limit: "max_compute_workgroups_per_dimension",
                needed: self.parts.div_ceil(rows_per_workgroup),
                available: capabilities.max_workgroups.into(),
            });
        }
        let limited = Capabilities { max_workgroups: most as u32, ..*capabilities };
        row_chunks(operation, &limited, rows, 1, operands)
    }
}

/// The kernels of a plan: one, or those of rows that are cut and reduced.
pub(super) fn kernels_of(variant: &RowVariant, lanes: u32) -> Vec<Variant> {
    if variant.family != Family::Split {
        return vec![Variant::Rows(*variant)];
    }
    let mut variants =
        vec![Variant::Rows(variant.of_parts()), Variant::Merge(variant.merge_of_parts(lanes))];
    variants.extend(variant.gradient_of_parts().map(Variant::Rows));
    variants
}

/// Adds the dispatches for rows that are cut.
pub(super) fn bind(
    plan: &RowsPlan,
    cut: Cut,
    variant: &RowVariant,
    builder: &mut StepBuilder<'_>,
    operands: &[Operand],
    fixed: RowParameters,
) -> Result<()> {
    let capabilities = *builder.kernels().capabilities();
    let lanes = builder.kernels().tuning().totals_lanes;
    let rows = plan.logits.rows as u64;
    let per_workgroup = u64::from(variant.geometry.rows);
    let mut placed: Vec<_> = operands.iter().map(|operand| operand.row).collect();
    let is_backward = variant.family != Family::Split;
    let of_parts = variant.of_parts();
    let part_bytes = cut.parts * of_parts.state.bytes();
    if !is_backward {
        placed.push(RowOperand::of_rows(0, part_bytes, part_bytes));
    }
    let chunks = cut.chunks(builder.operation(), &capabilities, rows, per_workgroup, &placed)?;
    log::debug!("{}: {variant}, {cut:?}, in {} rounds", builder.operation(), chunks.len());
    let teams = |chunk: &Chunk| {
        let workgroups = (chunk.rows * cut.parts).div_ceil(per_workgroup);
        Chunk { workgroups: workgroups as u32, ..*chunk } // at most max_workgroups
    };
    if is_backward {
        for chunk in &chunks {
            let parameters = cut.parameters(fixed, chunk.rows);
            plan.dispatch(builder, &Variant::Rows(*variant), teams(chunk), operands, parameters)?;
        }
        return Ok(());
    }

    let most = chunks.iter().map(|chunk| chunk.rows).max().unwrap_or(0);
    let scratch = builder.scratch("wgpu-loss states of parts", most * part_bytes)?;
    let states = |slot| {
        let count = (most * cut.parts) as usize;
        Operand::scratch(slot, scratch.clone(), Rows::shared(count, of_parts.state.bytes()))
    };
    let mut kept: Vec<_> = operands.to_vec();
    if variant.merged_state() != StateKind::None && variant.state == StateKind::None {
        let bytes = variant.merged_state().bytes();
        let buffer = builder.scratch("wgpu-loss states of rows", rows * bytes)?;
        kept.push(Operand::scratch(Slot::State, buffer, Rows::of_one(plan.logits.rows, bytes)));
    }
    let without = |slots: &[Slot]| -> Vec<Operand> {
        kept.iter().filter(|operand| !slots.contains(&operand.slot)).cloned().collect()
    };
    let mut for_parts = without(&[Slot::State]);
    for_parts.push(states(Slot::State));
    let mut for_merge = without(&[Slot::Logits, Slot::Probabilities]);
    for_merge.push(states(Slot::Parts));
    let merge = Variant::Merge(variant.merge_of_parts(lanes));
    for chunk in &chunks {
        let parameters = cut.parameters(fixed, chunk.rows);
        let of_parts = Variant::Rows(of_parts);
        plan.dispatch(builder, &of_parts, teams(chunk), &for_parts, parameters)?;
        let workgroups = chunk.rows.div_ceil(lanes.into()) as u32;
        let merged = Chunk { workgroups, ..*chunk };
        plan.dispatch(builder, &merge, merged, &for_merge, parameters)?;
        if let Some(gradient) = variant.gradient_of_parts() {
            plan.dispatch(builder, &Variant::Rows(gradient), teams(chunk), &kept, parameters)?;
        }
    }
    Ok(())
}
