//! Log-sum-exp of each row: `lse = m + log1p(r)`, with `m` the row's maximum and
//! `r = sum_{j != argmax} exp(x_j - m)`.

use wgpu::BufferSlice;

use crate::element::{Element, OwnedValues};
use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::RowParameters;
use crate::kernel::{Operation, Record, RowVariant, StateKind, Word};
use crate::logits::Shape;
use crate::ops::cross_entropy::Reduction;
use crate::pipelines::Kernels;
use crate::plan::Purpose;

use super::debug_view::{self, DebugView};
use super::operand::{Rows, if_wanted};
use super::pass::{Pass, UpstreamOperand};
use super::rows::{RowsPlan, RowsRequest};
use super::step::{Step, StepBuilder};
use super::validate::LOG_SUM_EXP as OPERATION;

/// Options of log-sum-exp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogSumExp {
    /// The gradient's element type. Default: `None`, that of the logits.
    pub gradient_element: Option<Element>,
}

/// Results of log-sum-exp.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSumExpOutput<T = f32, G = OwnedValues> {
    /// `log sum_c exp(x_c)` of each row: `-inf` for a row of `-inf` or without classes, `+inf` for
    /// one that holds `+inf`, NaN for one that holds NaN.
    pub log_sum_exp: Vec<T>,
    /// `upstream * softmax(x)`, shaped as the logits but contiguous, where a gradient was asked for.
    /// NaN in rows of nothing but `-inf` and with any NaN; in others with a `+inf`, NaN there and 0
    /// elsewhere, as PyTorch's `exp(x - lse)`.
    pub gradient: Option<G>,
}

/// The caller's buffers for a [`LogSumExpPlan`]; as
/// [`CrossEntropyOperands`](super::cross_entropy::CrossEntropyOperands).
#[derive(Clone, Copy, Debug)]
pub struct LogSumExpOperands<'a> {
    /// Logits, shaped and stored as planned. Overwritten by an in-place gradient.
    pub logits: BufferSlice<'a>,
    /// Each row's log-sum-exp, `f32`, written by forward and fused.
    pub log_sum_exp: Option<BufferSlice<'a>>,
    /// The gradient, for a [`GradientPlace`](crate::GradientPlace) of its own.
    pub gradient: Option<BufferSlice<'a>>,
    /// Each row's state, 8 bytes, written by a forward that saves it, read by a backward.
    pub state: Option<BufferSlice<'a>>,
    /// The upstream gradient.
    pub upstream: UpstreamOperand<'a>,
}

impl<'a> LogSumExpOperands<'a> {
    /// Logits, and nothing else yet.
    pub fn new(logits: BufferSlice<'a>) -> Self {
        Self {
            logits,
            log_sum_exp: None,
            gradient: None,
            state: None,
            upstream: UpstreamOperand::default(),
        }
    }
}

/// Log-sum-exp for one shape, with its kernel chosen and compiled.
#[derive(Clone, Debug)]
pub struct LogSumExpPlan {
    kernels: Kernels,
    pass: Pass,
    rows: RowsPlan,
}

impl LogSumExp {
    /// Chooses and compiles the kernel for logits of this shape.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for overlapping rows,
    /// [`Error::Limit`](crate::Error::Limit) where the device is too small,
    /// [`Error::Device`](crate::Error::Device) where it refuses a kernel.
    pub fn plan(&self, kernels: &Kernels, logits: Shape, pass: Pass) -> Result<LogSumExpPlan> {
        let gradient = pass.gradient_shape(OPERATION, logits, self.gradient_element)?;
        let backward = pass.is_backward();
        let purpose = if backward { Purpose::FromState } else { Purpose::Reduce };
        let request = RowsRequest {
            gradient,
            gradient_variant: pass.variant(gradient.element, Reduction::None),
            record: Record::NONE.with(Word::LogSumExp, !backward),
            state: match backward || pass.saves_state() {
                true => StateKind::Pair,
                false => StateKind::None,
            },
            ..RowsRequest::new(Operation::LogSumExp, logits, purpose)
        };
        let rows = RowsPlan::new(kernels, OPERATION, request)?;
        Ok(LogSumExpPlan { kernels: kernels.clone(), pass, rows })
    }
}

impl LogSumExpPlan {
    /// Checks the caller's buffers and binds them, as
    /// [`CrossEntropyPlan::bind`](super::cross_entropy::CrossEntropyPlan::bind).
    ///
    /// # Errors
    /// As there.
    pub fn bind(&self, operands: &LogSumExpOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let count = self.rows.logits.rows;
        let mut bound = self.rows.matrices(OPERATION, operands.logits, operands.gradient)?;
        bound.extend(self.rows.upstream(OPERATION, self.pass, operands.upstream)?);
        let forward = !self.pass.is_backward();
        let results = [
            (Slot::LogSumExp, operands.log_sum_exp, forward, 4),
            (Slot::State, operands.state, !forward || self.pass.saves_state(), 8),
        ];
        for (slot, slice, is_wanted, bytes) in results {
            let rows = Rows::of_one(count, bytes);
            bound.extend(if_wanted(OPERATION, slot, slice, is_wanted, rows)?);
        }
        let parameters = RowParameters {
            upstream: operands.upstream.scalar(),
            upstream_stride: self.pass.upstream_stride(),
            ..Default::default()
        };
        self.rows.bind(&mut builder, &bound, parameters)?;
        builder.finish()
    }

    /// What was planned.
    pub fn variant(&self) -> &RowVariant {
        &self.rows.variant
    }

    /// The plan's pipeline, with what it is given.
    pub fn debug_view(&self) -> DebugView {
        let upstream = self.pass.upstream_values(self.rows.logits.rows);
        debug_view::of_rows(&self.rows, upstream, &self.kernels)
    }

    /// Bytes of logits and gradient that must move at the least.
    pub fn least_bytes(&self) -> u64 {
        self.rows.least_bytes()
    }

    /// How often the logits are read: once where rows are held in registers.
    pub fn reads(&self) -> u32 {
        self.rows.reads()
    }
}
