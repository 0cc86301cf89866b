//! The dispatches over rows of logits, which all operations share.

use wgpu::BufferSlice;

use crate::element::Element;
use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::RowParameters;
use crate::kernel::{
    Access, Comparison, Family, GradientKind, GradientVariant, Operation, Record, RowVariant,
    StateKind, Transform, UpstreamKind, Variant,
};
use crate::logits::Shape;
use crate::pipelines::Kernels;
use crate::plan::{Chunk, Purpose, choose, row_chunks};

use super::operand::{Operand, Rows, if_wanted};
use super::pass::{Pass, UpstreamOperand};
use super::split::{self, Cut};
use super::step::{Bound, StepBuilder};

/// What an operation wants of its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsRequest {
    pub(super) operation: Operation,
    pub(super) logits: Shape,
    /// What else has a value for each logit: probabilities, or an upstream gradient.
    pub(super) values: Option<Shape>,
    pub(super) gradient: Shape,
    pub(super) transform: Transform,
    pub(super) comparison: Comparison,
    pub(super) gradient_variant: Option<GradientVariant>,
    pub(super) record: Record,
    pub(super) state: StateKind,
    pub(super) purpose: Purpose,
}

impl RowsRequest {
    /// Nothing but the logits.
    pub(super) fn new(operation: Operation, logits: Shape, purpose: Purpose) -> Self {
        Self {
            operation,
            logits,
            values: None,
            gradient: logits,
            transform: Transform::None,
            comparison: Comparison::PLAIN,
            gradient_variant: None,
            record: Record::NONE,
            state: StateKind::None,
            purpose,
        }
    }
}

/// The kernel that goes over the rows.
#[derive(Clone, Debug)]
pub(crate) struct RowsPlan {
    pub(crate) variant: RowVariant,
    pub(crate) logits: Shape,
    pub(crate) gradient: Shape,
    pub(crate) values: Option<Shape>,
    /// How rows are cut, where they are.
    pub(crate) cut: Option<Cut>,
    /// Packed rows are staged in workgroup memory.
    tile: bool,
}

impl RowsPlan {
    /// Chooses the kernel and compiles it.
    pub(super) fn new(
        kernels: &Kernels,
        operation: &'static str,
        request: RowsRequest,
    ) -> Result<Self> {
        let RowsRequest { logits, values, gradient, .. } = request;
        logits.validate(operation)?;
        for shape in values.iter().chain([&gradient]) {
            shape.validate(operation)?;
        }
        RowShapes { logits, gradient, values }.refuse_too_many(operation)?;
        let is_strided = kernels.takes_side_by_side(&logits);
        let choice = choose(
            kernels.capabilities(),
            kernels.tuning(),
            logits.classes as u64,
            is_strided,
            request.purpose,
        )?;
        let has_upstream_matrix = request.operation != Operation::CrossEntropy;
        let plan = Self {
            variant: RowVariant {
                operation: request.operation,
                family: choice.family,
                team: choice.team,
                geometry: choice.geometry,
                access: if is_strided { Access::Strided } else { Access::Vector },
                element: logits.element,
                upstream_element: match values {
                    Some(upstream) if has_upstream_matrix => upstream.element,
                    _ => Element::F32,
                },
                transform: request.transform,
                comparison: request.comparison,
                gradient: request.gradient_variant,
                record: request.record,
                state: request.state,
                split: choice.split,
            },
            logits,
            gradient,
            values,
            cut: choice.split.then(|| {
                let bytes = (logits.classes * logits.element.bytes()) as u64;
                Cut::new(kernels, logits.classes as u64, bytes)
            }),
            tile: choice.tile && values.is_none() && logits.classes > 0,
        };
        // What most buffers will need; a misaligned one has the other compiled when it is bound.
        let plan = Self { variant: plan.with_access([0; 3]), ..plan };
        for variant in split::kernels_of(&plan.variant, kernels.tuning().totals_lanes) {
            kernels.pipeline(&variant)?;
        }
        let Shape { rows, classes, .. } = logits;
        log::debug!("{operation}: planned {} for {rows} x {classes}", plan.variant);
        Ok(plan)
    }

    /// The kernel for logits, gradient and values that start at these byte offsets.
    fn with_access(&self, offsets: [u64; 3]) -> RowVariant {
        let of_four = |shape: &Shape, offset: u64| {
            shape.classes.is_multiple_of(4)
                && (shape.row_stride.is_multiple_of(4) || shape.rows <= 1)
                && offset.is_multiple_of(4 * shape.element.bytes() as u64)
        };
        // Words are staged whole.
        let packed = |shape: &Shape, offset: u64| {
            (shape.row_stride == shape.classes || shape.rows <= 1) && offset.is_multiple_of(4)
        };
        let values = self.values.unwrap_or(self.logits);
        let shapes = [&self.logits, &self.gradient, &values];
        let access = if self.variant.access == Access::Strided {
            Access::Strided
        } else if self.tile && shapes.into_iter().zip(offsets).all(|(at, from)| packed(at, from)) {
            Access::Tile
        } else if shapes.into_iter().zip(offsets).all(|(shape, offset)| of_four(shape, offset)) {
            Access::Vector
        } else if self.variant.interleaves(self.logits.classes) {
            Access::Interleaved
        } else {
            Access::Scalar
        };
        RowVariant { access, ..self.variant }
    }

    /// Adds the dispatches: as many as bindings and workgroup counts demand.
    pub(super) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        operands: &[Operand],
        fixed: RowParameters,
    ) -> Result<()> {
        let capabilities = *builder.kernels().capabilities();
        let offset = |slots: &[Slot]| {
            let found = operands.iter().find(|operand| slots.contains(&operand.slot));
            found.map_or(0, |operand| operand.row.offset)
        };
        let variant = self.with_access([
            offset(&[Slot::Logits]),
            offset(&[Slot::Gradient]),
            offset(&[Slot::Probabilities, Slot::UpstreamMatrix]),
        ]);
        if let Some(cut) = self.cut {
            return split::bind(self, cut, &variant, builder, operands, fixed);
        }
        let rows: Vec<_> = operands.iter().map(|operand| operand.row).collect();
        let chunks = row_chunks(
            builder.operation(),
            &capabilities,
            self.logits.rows as u64,
            variant.geometry.rows.into(),
            &rows,
        )?;
        log::debug!("{}: {variant} in {} dispatches", builder.operation(), chunks.len());
        for chunk in chunks {
            self.dispatch(builder, &Variant::Rows(variant), chunk, operands, fixed)?;
        }
        Ok(())
    }

    /// Adds one dispatch of a kernel over some of the rows.
    pub(super) fn dispatch(
        &self,
        builder: &mut StepBuilder<'_>,
        variant: &Variant,
        chunk: Chunk,
        operands: &[Operand],
        fixed: RowParameters,
    ) -> Result<()> {
        let Self { logits, gradient, values, .. } = *self;
        let shapes = RowShapes { logits, gradient, values };
        dispatch_rows(builder, &shapes, variant, chunk, operands, fixed)
    }

    /// Logits and, where it has a buffer of its own, the gradient.
    pub(super) fn matrices(
        &self,
        operation: &'static str,
        logits: BufferSlice<'_>,
        gradient: Option<BufferSlice<'_>>,
    ) -> Result<Vec<Operand>> {
        let place = self.variant.gradient.map(|gradient| gradient.place);
        let is_separate = matches!(place, Some(GradientKind::Separate(_)));
        let rows = Rows::of_shape(&self.logits);
        let mut operands = vec![Operand::new(operation, Slot::Logits, logits, rows)?];
        let rows = Rows::of_shape(&self.gradient);
        operands.extend(if_wanted(operation, Slot::Gradient, gradient, is_separate, rows)?);
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
        let is_buffer =
            self.variant.gradient.is_some_and(|each| each.upstream == UpstreamKind::Buffer);
        let rows = match pass.upstream_stride() {
            0 => Rows::shared(1, 4),
            _ => Rows::of_one(self.logits.rows, 4),
        };
        if_wanted(operation, Slot::Upstream, slice, is_buffer, rows)
    }

    /// The least bytes that must move: logits and probabilities once, the gradient once.
    pub(crate) fn least_bytes(&self) -> u64 {
        let matrix = |element: Element| {
            self.logits.rows as u64 * self.logits.classes as u64 * element.bytes() as u64
        };
        let read = match self.variant.family {
            Family::Gathered => (self.logits.rows * self.logits.element.bytes()) as u64,
            _ => matrix(self.logits.element),
        };
        read + self.values.map_or(0, |values| matrix(values.element))
            + self.variant.gradient_element().map_or(0, matrix)
    }

    /// Times the logits are read.
    pub(crate) fn reads(&self) -> u32 {
        match self.variant.family {
            Family::Streamed | Family::Split if self.variant.gradient.is_some() => 2,
            _ => 1,
        }
    }
}

/// The shapes of what has a value for each logit.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowShapes {
    pub(super) logits: Shape,
    pub(super) gradient: Shape,
    pub(super) values: Option<Shape>,
}

impl RowShapes {
    /// Refuses what kernels could not count.
    pub(super) fn refuse_too_many(&self, operation: &'static str) -> Result<()> {
        let Shape { rows, classes, .. } = self.logits;
        for (what, count, most) in
            [("rows", rows, u32::MAX as usize), ("classes", classes, 1 << 30)]
        {
            if count >= most {
                let expected = format!("fewer than {most}");
                return Err(Error::invalid(operation, what, expected, count));
            }
        }
        Ok(())
    }
}

/// Adds one dispatch of a kernel over some of the rows.
pub(super) fn dispatch_rows(
    builder: &mut StepBuilder<'_>,
    shapes: &RowShapes,
    variant: &Variant,
    chunk: Chunk,
    operands: &[Operand],
    fixed: RowParameters,
) -> Result<()> {
    let alignment = builder.kernels().capabilities().storage_alignment;
    let inner = shapes.logits.inner.max(1) as u64;
    let mut parameters = RowParameters {
        rows: chunk.rows as u32,
        classes: shapes.logits.classes as u32,
        inner: inner as u32,
        first_inner: (chunk.first_row % inner) as u32,
        logits_stride: shapes.logits.row_stride as u32,
        gradient_stride: shapes.gradient.row_stride as u32,
        targets_stride: shapes.values.map_or(0, |values| values.row_stride as u32),
        ..fixed
    };
    let mut bound = Vec::with_capacity(operands.len());
    for operand in operands {
        let slack = operand.row.slack(chunk.first_row, alignment);
        let span = operand.row.span(chunk.first_row, chunk.rows);
        *offset_of(&mut parameters, operand.slot) = (slack / operand.unit) as u32;
        bound.push(if span == 0 {
            // Rows without classes have no bytes, yet a binding must have some.
            let buffer = builder.scratch("wgpu-loss nothing", 16)?;
            Bound { slot: operand.slot, buffer, offset: 0, bytes: 16 }
        } else {
            Bound {
                slot: operand.slot,
                buffer: operand.buffer.clone(),
                offset: operand.row.binding_offset(chunk.first_row, alignment),
                bytes: (slack + span).next_multiple_of(4),
            }
        });
    }
    builder.dispatch(variant, &parameters, chunk.workgroups, &bound)
}

/// Where a dispatch is told the offset of an operand.
pub(super) fn offset_of(parameters: &mut RowParameters, slot: Slot) -> &mut u32 {
    match slot {
        Slot::Gradient => &mut parameters.gradient_offset,
        Slot::Targets | Slot::Probabilities | Slot::Teacher | Slot::UpstreamMatrix => {
            &mut parameters.targets_offset
        }
        Slot::Rows | Slot::LogSumExp | Slot::LossRows => &mut parameters.record_offset,
        Slot::State => &mut parameters.state_offset,
        Slot::Upstream => &mut parameters.upstream_offset,
        Slot::Totals => &mut parameters.totals_offset,
        Slot::ClassWeights => &mut parameters.class_weights_offset,
        Slot::RowWeights => &mut parameters.row_weights_offset,
        // Nothing else is bound by rows but the logits.
        _ => &mut parameters.logits_offset,
    }
}
