//! The verbs `plan` and `bind` of softmax and log-softmax.

use wgpu::BufferSlice;

use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::RowParameters;
use crate::kernel::{Operation, RowVariant};
use crate::logits::Shape;
use crate::ops::cross_entropy::Reduction;
use crate::ops::softmax::Softmax;
use crate::ops::{GradientPlace, Pass, UpstreamSource};
use crate::pipelines::Kernels;
use crate::plan::Purpose;

use super::super::debug_view::{self, DebugView};
use super::super::operand::{Operand, Rows};
use super::super::rows::{RowsPlan, RowsRequest};
use super::super::step::{Step, StepBuilder};
use super::super::validate;

/// What a softmax plan computes. Both results go over the logits or to another buffer, as a
/// gradient does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftmaxPass {
    /// The softmax: one read of the logits, one write.
    Forward {
        /// Where it goes.
        output: GradientPlace,
    },
    /// The gradient with respect to the logits, for an upstream gradient of this shape.
    Backward {
        /// Shape of the upstream gradient.
        upstream: Shape,
        /// Where the gradient goes.
        gradient: GradientPlace,
    },
}

/// The caller's buffers for a [`SoftmaxPlan`]; as
/// [`CrossEntropyOperands`](crate::CrossEntropyOperands).
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxOperands<'a> {
    /// Logits, shaped and stored as planned. Overwritten by a result in place.
    pub logits: BufferSlice<'a>,
    /// The upstream gradient, shaped and stored as planned, of a backward.
    pub upstream: Option<BufferSlice<'a>>,
    /// The result, for a place of its own.
    pub output: Option<BufferSlice<'a>>,
}

/// Softmax or log-softmax for one shape, with its kernel chosen and compiled.
#[derive(Clone, Debug)]
pub struct SoftmaxPlan {
    kernels: Kernels,
    name: &'static str,
    rows: RowsPlan,
}

impl Softmax {
    /// The operation's name in errors.
    pub fn name(&self) -> &'static str {
        if self.log { "log-softmax" } else { "softmax" }
    }

    /// Chooses and compiles the kernel for logits of this shape.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for overlapping rows or an upstream gradient
    /// shaped otherwise than the logits, [`Error::Limit`](crate::Error::Limit) where the device is
    /// too small, [`Error::Device`](crate::Error::Device) where it refuses a kernel.
    pub fn plan(&self, kernels: &Kernels, logits: Shape, pass: SoftmaxPass) -> Result<SoftmaxPlan> {
        let name = self.name();
        let (operation, place, values) = match (pass, self.log) {
            (SoftmaxPass::Forward { output }, false) => (Operation::Softmax, output, None),
            (SoftmaxPass::Forward { output }, true) => (Operation::LogSoftmax, output, None),
            (SoftmaxPass::Backward { upstream, gradient }, false) => {
                (Operation::SoftmaxGradient, gradient, Some(upstream))
            }
            (SoftmaxPass::Backward { upstream, gradient }, true) => {
                (Operation::LogSoftmaxGradient, gradient, Some(upstream))
            }
        };
        if let Some(upstream) = values {
            validate::same_form(name, "upstream gradient", logits, upstream)?;
        }
        let as_fused = Pass::Fused { gradient: place, upstream: UpstreamSource::Scalar };
        let output = as_fused.gradient_shape(name, logits, self.element)?;
        let request = RowsRequest {
            values,
            gradient: output,
            gradient_variant: as_fused.variant(output.element, Reduction::None),
            ..RowsRequest::new(
                operation,
                logits,
                if operation.splits() { Purpose::Reduce } else { Purpose::ReduceWhole },
            )
        };
        let rows = RowsPlan::new(kernels, name, request)?;
        Ok(SoftmaxPlan { kernels: kernels.clone(), name, rows })
    }
}

impl SoftmaxPlan {
    /// Checks the caller's buffers and binds them, as
    /// [`CrossEntropyPlan::bind`](crate::CrossEntropyPlan::bind).
    ///
    /// # Errors
    /// As there.
    pub fn bind(&self, operands: &SoftmaxOperands<'_>) -> Result<Step> {
        self.bind_matrices(operands).map_err(|error| match error {
            // Kernels know the result as a gradient, callers as the output.
            Error::Invalid { operation, what, expected, found }
                if what == Slot::Gradient.name() =>
            {
                Error::Invalid { operation, what: "output", expected, found }
            }
            error => error,
        })
    }

    fn bind_matrices(&self, operands: &SoftmaxOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, self.name);
        let mut bound = self.rows.matrices(self.name, operands.logits, operands.output)?;
        bound.extend(match (&self.rows.values, operands.upstream) {
            (Some(upstream), slice) => {
                let why = "the gradient needs it";
                let slot = Slot::UpstreamMatrix;
                let slice = super::super::operand::required(self.name, slot, slice, why)?;
                Some(Operand::new(self.name, slot, slice, Rows::of_shape(upstream))?)
            }
            (None, slice) => {
                let why = "a forward has no upstream gradient";
                super::super::operand::unwanted(self.name, Slot::UpstreamMatrix, slice, why)?;
                None
            }
        });
        self.rows.bind(&mut builder, &bound, RowParameters::default())?;
        builder.finish()
    }

    /// What was planned.
    pub fn variant(&self) -> &RowVariant {
        &self.rows.variant
    }

    /// The plan's pipeline, with what it is given.
    pub fn debug_view(&self) -> DebugView {
        debug_view::of_rows(&self.rows, 0, &self.kernels)
    }

    /// Bytes of logits, upstream gradient and result that must move at the least.
    pub fn least_bytes(&self) -> u64 {
        self.rows.least_bytes()
    }

    /// How often the logits are read: once where rows are held in registers.
    pub fn reads(&self) -> u32 {
        self.rows.reads()
    }
}
