//! The dispatches over rows of logits, which all operations share.

use wgpu::BufferSlice;

use crate::kernel::bindings::Slot;
use crate::kernel::parameters::RowParameters;
use crate::kernel::{
    Access, Family, GradientKind, Kernels, Operation, RowVariant, UpstreamKind, Variant,
};
use crate::plan::{choose, row_chunks};
use crate::{Result, Shape};

use super::operand::{Operand, Rows, if_wanted};
use super::pass::{Pass, UpstreamOperand};
use super::step::{Bound, StepBuilder};

/// What an operation wants of its rows beside the gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowResults {
    pub(super) log_sum_exp: bool,
    pub(super) argmax: bool,
    /// The gradient is divided by the batch's denominator.
    pub(super) divides: bool,
}

/// The kernel that goes over the rows.
#[derive(Clone, Debug)]
pub(crate) struct RowsPlan {
    pub(crate) variant: RowVariant,
    pub(crate) logits: Shape,
    pub(crate) gradient: Shape,
}

impl RowsPlan {
    /// Chooses the kernel and compiles it.
    pub(super) fn new(
        kernels: &Kernels,
        operation: &'static str,
        kind: Operation,
        logits: Shape,
        pass: Pass,
        results: RowResults,
    ) -> Result<Self> {
        logits.validate(operation)?;
        let gradient = pass.gradient_shape(operation, logits)?;
        for (what, count, most) in
            [("rows", logits.rows, u32::MAX as usize), ("classes", logits.classes, 1 << 30)]
        {
            if count >= most {
                let expected = format!("fewer than {most}");
                return Err(crate::Error::invalid(operation, what, expected, count));
            }
        }
        let backward = pass.is_backward();
        let choice =
            choose(kernels.capabilities(), kernels.tuning(), logits.classes as u64, backward)?;
        let plan = Self {
            variant: RowVariant {
                operation: kind,
                family: choice.family,
                team: choice.team,
                geometry: choice.geometry,
                access: Access::Vector,
                gradient: pass.kinds(),
                divides: results.divides && pass.gradient().is_some(),
                writes_log_sum_exp: results.log_sum_exp && !backward,
                writes_argmax: results.argmax && !backward,
                saves_state: pass.saves_state(),
            },
            logits,
            gradient,
        };
        // What most buffers will need; a misaligned one has the other compiled when it is bound.
        kernels.pipeline(&Variant::Rows(plan.with_access(0, 0)))?;
        Ok(plan)
    }

    /// The kernel for buffers whose first rows start at these byte offsets.
    fn with_access(&self, logits_offset: u64, gradient_offset: u64) -> RowVariant {
        let of_four = |shape: &Shape, offset: u64| {
            shape.classes.is_multiple_of(4)
                && (shape.row_stride.is_multiple_of(4) || shape.rows <= 1)
                && offset.is_multiple_of(16)
        };
        let vector =
            of_four(&self.logits, logits_offset) && of_four(&self.gradient, gradient_offset);
        RowVariant { access: if vector { Access::Vector } else { Access::Scalar }, ..self.variant }
    }

    /// Adds the dispatches: as many as bindings and workgroup counts demand.
    pub(super) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        operands: &[Operand],
        fixed: RowParameters,
    ) -> Result<()> {
        let capabilities = *builder.kernels().capabilities();
        let alignment = capabilities.storage_alignment;
        let offset = |slot| {
            let found = operands.iter().find(|operand| operand.slot == slot);
            found.map_or(0, |operand| operand.row.offset)
        };
        let variant = self.with_access(offset(Slot::Logits), offset(Slot::Gradient));
        let rows: Vec<_> = operands.iter().map(|operand| operand.row).collect();
        let chunks = row_chunks(
            builder.operation(),
            &capabilities,
            self.logits.rows as u64,
            variant.geometry.rows.into(),
            &rows,
        )?;
        log::debug!(
            "{}: {} in {} dispatches",
            builder.operation(),
            Variant::Rows(variant),
            chunks.len()
        );
        for chunk in chunks {
            let mut parameters = RowParameters {
                rows: chunk.rows as u32,
                classes: self.logits.classes as u32,
                logits_stride: self.logits.row_stride as u32,
                gradient_stride: self.gradient.row_stride as u32,
                ..fixed
            };
            let mut bound = Vec::with_capacity(operands.len());
            for operand in operands {
                let slack = operand.row.slack(chunk.first_row, alignment);
                let span = (chunk.rows - 1) * operand.row.stride + operand.row.bytes;
                *offset_of(&mut parameters, operand.slot) =
                    (slack / element_bytes(operand.slot)) as u32;
                bound.push(if span == 0 {
                    // Rows without classes have no bytes, yet a binding must have some.
                    let buffer = builder.scratch("wgpu-loss nothing", 16)?;
                    Bound { slot: operand.slot, buffer, offset: 0, bytes: 16 }
                } else {
                    Bound {
                        slot: operand.slot,
                        buffer: operand.buffer.clone(),
                        offset: operand.row.binding_offset(chunk.first_row, alignment),
                        bytes: slack + span,
                    }
                });
            }
            builder.dispatch(&Variant::Rows(variant), &parameters, chunk.workgroups, &bound)?;
        }
        Ok(())
    }

    /// Logits and, where it has a buffer of its own, the gradient.
    pub(super) fn matrices(
        &self,
        operation: &'static str,
        logits: BufferSlice<'_>,
        gradient: Option<BufferSlice<'_>>,
    ) -> Result<Vec<Operand>> {
        let rows = |shape: &Shape| Rows {
            count: shape.rows,
            stride: shape.row_stride,
            elements: shape.classes,
            element_bytes: 4,
        };
        let is_separate = matches!(self.variant.gradient, Some((GradientKind::Separate, _)));
        let mut operands = vec![Operand::new(operation, Slot::Logits, logits, rows(&self.logits))?];
        operands.extend(if_wanted(
            operation,
            Slot::Gradient,
            gradient,
            is_separate,
            rows(&self.gradient),
        )?);
        Ok(operands)
    }

    /// The upstream gradient's buffer, where it has one.
    pub(super) fn upstream(
        &self,
        operation: &'static str,
        pass: Pass,
        upstream: UpstreamOperand<'_>,
    ) -> Result<Option<Operand>> {
        let slice = match upstream {
            UpstreamOperand::Scalar(_) => None,
            UpstreamOperand::Buffer(slice) => Some(slice),
        };
        let is_buffer = matches!(self.variant.gradient, Some((_, UpstreamKind::Buffer)));
        let stride = pass.upstream_stride() as usize;
        let rows = Rows { count: self.logits.rows, stride, elements: 1, element_bytes: 4 };
        if_wanted(operation, Slot::Upstream, slice, is_buffer, rows)
    }

    /// The least bytes that must move: the logits once, the gradient once.
    pub(crate) fn least_bytes(&self) -> u64 {
        let matrix = self.logits.rows as u64 * self.logits.classes as u64 * 4;
        matrix * if self.variant.gradient.is_some() { 2 } else { 1 }
    }

    /// Times the logits are read.
    pub(crate) fn reads(&self) -> u32 {
        match self.variant.family {
            Family::Streamed if self.variant.gradient.is_some() => 2,
            _ => 1,
        }
    }
}

fn element_bytes(slot: Slot) -> u64 {
    if slot == Slot::State { 8 } else { 4 }
}

fn offset_of(parameters: &mut RowParameters, slot: Slot) -> &mut u32 {
    match slot {
        Slot::Gradient => &mut parameters.gradient_offset,
        Slot::Targets => &mut parameters.targets_offset,
        Slot::Loss => &mut parameters.loss_offset,
        Slot::LogSumExp => &mut parameters.log_sum_exp_offset,
        Slot::Argmax => &mut parameters.argmax_offset,
        Slot::State => &mut parameters.state_offset,
        Slot::Upstream => &mut parameters.upstream_offset,
        Slot::Totals => &mut parameters.totals_offset,
        // Nothing else is bound by rows.
        Slot::Logits | Slot::Parameters | Slot::Partials => &mut parameters.logits_offset,
    }
}
