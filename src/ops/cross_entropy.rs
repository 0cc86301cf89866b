//! Softmax cross-entropy against target classes:
//! `L_i = log sum_c exp(x_ic) - x_iy = (m - x_iy) + log1p(r)`.

use wgpu::BufferSlice;

use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::{Kernels, Operation, RowVariant, TotalsKernel};
use crate::{Error, Result, Shape};

use super::operand::{Operand, Rows, if_wanted, required, unwanted};
use super::pass::{Pass, UpstreamOperand};
use super::rows::{RowResults, RowsPlan};
use super::step::{Step, StepBuilder};
use super::totals::{self, TOTALS_BYTES};

const OPERATION: &str = "cross-entropy";
const COUNT: [TotalsKernel; 2] = [TotalsKernel::CountTiles, TotalsKernel::CountFinish];

/// How the losses of the rows become one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// They do not: each row keeps its own.
    None,
    /// Their sum; ignored rows count as 0.
    Sum,
    /// Their sum divided by the number of rows that are not ignored.
    #[default]
    Mean,
}

/// Which values of each row are wanted beside the reduced ones. What is not asked for costs
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RowOutputs {
    /// The row's loss, 0 for ignored rows. Always given under [`Reduction::None`].
    pub loss: bool,
    /// The row's log-sum-exp.
    pub log_sum_exp: bool,
    /// The row's most likely class: the lowest index on ties, the first NaN's where there is one.
    pub argmax: bool,
}

/// Options of softmax cross-entropy with target classes; the defaults are PyTorch's.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Logits, Reduction, RowOutputs, cpu};
/// let options = CrossEntropy {
///     reduction: Reduction::Sum,
///     rows: RowOutputs { argmax: true, ..Default::default() },
///     ..Default::default()
/// };
/// let logits = [2.0, 0.0, 0.0, 3.0, 1.0, 1.0];
/// let out = cpu::Oracle.cross_entropy(Logits::new(&logits, 3, 2)?, &[0, -100, 1], &options)?;
/// assert_eq!(out.counted, 2); // the row with target -100 is ignored
/// assert_eq!(out.argmax, Some(vec![0, 1, 0]));
/// assert!((out.loss - (0.126_928 + 0.693_147)).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrossEntropy {
    /// How the rows' losses are reduced. Default: the mean.
    pub reduction: Reduction,
    /// Rows with this target have no part in loss and gradient; it may be a class. Default:
    /// `Some(-100)`, as PyTorch. `None`: every row counts.
    pub ignore_index: Option<i32>,
    /// Which values of each row are wanted.
    pub rows: RowOutputs,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self { reduction: Reduction::Mean, ignore_index: Some(-100), rows: RowOutputs::default() }
    }
}

/// Results of softmax cross-entropy.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropyOutput<T = f32> {
    /// The reduced loss; NaN under [`Reduction::None`], and for the mean over no rows.
    pub loss: T,
    /// What the mean is divided by: the number of counted rows.
    pub denominator: T,
    /// Rows that are not ignored.
    pub counted: usize,
    /// Each row's loss, where asked for.
    pub loss_rows: Option<Vec<T>>,
    /// Each row's log-sum-exp, where asked for.
    pub log_sum_exp: Option<Vec<T>>,
    /// Each row's most likely class, where asked for.
    pub argmax: Option<Vec<u32>>,
    /// The gradient with respect to the logits, contiguous `(rows, classes)`, where asked for.
    pub gradient: Option<Vec<T>>,
}

/// The caller's buffers for a [`CrossEntropyPlan`]. Each slice starts where its first row's value
/// lies and may be longer than needed; offsets are multiples of the element's bytes. The buffers
/// need usage `STORAGE`.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyOperands<'a> {
    /// Logits, `f32`, shaped as planned. Overwritten by an in-place gradient.
    pub logits: BufferSlice<'a>,
    /// A target class for each row, `i32`.
    pub targets: BufferSlice<'a>,
    /// The gradient, `f32`, for [`GradientPlace::Separate`](crate::ops::GradientPlace).
    pub gradient: Option<BufferSlice<'a>>,
    /// Each row's loss, `f32`; scratch memory takes its place where it is not wanted.
    pub loss: Option<BufferSlice<'a>>,
    /// Each row's log-sum-exp, `f32`, where [`RowOutputs`] asks for it.
    pub log_sum_exp: Option<BufferSlice<'a>>,
    /// Each row's most likely class, `u32`, where [`RowOutputs`] asks for it.
    pub argmax: Option<BufferSlice<'a>>,
    /// Each row's state, 8 bytes, written by a forward that saves it, read by a backward.
    pub state: Option<BufferSlice<'a>>,
    /// The reduced results, 16 bytes laid out as [`Totals`](crate::kernel::parameters::Totals):
    /// written by forward and fused, read by the backward of a mean. Targets that are no class are
    /// reported here and nowhere else (and their rows' results are NaN).
    pub totals: Option<BufferSlice<'a>>,
    /// The upstream gradient.
    pub upstream: UpstreamOperand<'a>,
}

impl<'a> CrossEntropyOperands<'a> {
    /// Logits and targets, and nothing else yet.
    pub fn new(logits: BufferSlice<'a>, targets: BufferSlice<'a>) -> Self {
        Self {
            logits,
            targets,
            gradient: None,
            loss: None,
            log_sum_exp: None,
            argmax: None,
            state: None,
            totals: None,
            upstream: UpstreamOperand::default(),
        }
    }
}

/// Softmax cross-entropy for one shape, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct CrossEntropyPlan {
    kernels: Kernels,
    options: CrossEntropy,
    pass: Pass,
    rows: RowsPlan,
}

impl CrossEntropy {
    /// Chooses and compiles the kernels for logits of this shape.
    ///
    /// # Errors
    /// [`Error::Invalid`] for zero classes, overlapping rows, or an upstream gradient for each row
    /// of a reduced loss; [`Error::Limit`] where the device is too small; [`Error::Device`] where
    /// it refuses a kernel.
    pub fn plan(&self, kernels: &Kernels, logits: Shape, pass: Pass) -> Result<CrossEntropyPlan> {
        if logits.classes == 0 {
            return Err(Error::invalid(OPERATION, "classes", "at least 1", 0));
        }
        let reduced = self.reduction != Reduction::None;
        pass.validate(OPERATION, reduced)?;
        let results = RowResults {
            log_sum_exp: self.rows.log_sum_exp,
            argmax: self.rows.argmax,
            divides: self.reduction == Reduction::Mean,
        };
        let rows =
            RowsPlan::new(kernels, OPERATION, Operation::CrossEntropy, logits, pass, results)?;
        if !pass.is_backward() {
            totals::warm_up(kernels, &COUNT)?;
            totals::warm_up(kernels, self.sum_kernels())?;
        }
        Ok(CrossEntropyPlan { kernels: kernels.clone(), options: *self, pass, rows })
    }

    fn sum_kernels(&self) -> &'static [TotalsKernel] {
        match self.reduction {
            Reduction::None => &[],
            Reduction::Sum => &[TotalsKernel::SumTiles, TotalsKernel::SumFinish],
            Reduction::Mean => &[TotalsKernel::SumTiles, TotalsKernel::MeanFinish],
        }
    }
}

impl CrossEntropyPlan {
    /// Checks the caller's buffers and binds them. Allocates, so not on the hot path; the step is
    /// recorded as often as wanted.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the operand for a missing, unwanted, too short, misaligned or
    /// overlapping buffer or one without usage `STORAGE`; [`Error::Limit`] where a row exceeds a
    /// binding.
    pub fn bind(&self, operands: &CrossEntropyOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let count = self.rows.logits.rows;
        let one = Rows::of_one(count, 4);
        let operand = |slot, slice, rows| Operand::new(OPERATION, slot, slice, rows);

        let targets = operand(Slot::Targets, operands.targets, one)?;
        let mut bound = self.rows.matrices(OPERATION, operands.logits, operands.gradient)?;
        bound.push(targets.clone());
        bound.extend(self.rows.upstream(OPERATION, self.pass, operands.upstream)?);

        let forward = !self.pass.is_backward();
        let loss = match operands.loss {
            _ if !forward => {
                unwanted(OPERATION, Slot::Loss, operands.loss, "a backward has no loss")?;
                None
            }
            Some(slice) => Some(operand(Slot::Loss, slice, one)?),
            None if self.options.rows.loss || self.options.reduction == Reduction::None => {
                return Err(Error::invalid(
                    OPERATION,
                    Slot::Loss.name(),
                    "a buffer, since each row's loss is wanted",
                    "none",
                ));
            }
            None => {
                let scratch = builder.scratch("wgpu-loss losses", 4 * count as u64)?;
                Some(Operand::scratch(Slot::Loss, scratch, one))
            }
        };
        bound.extend(loss.clone());
        let wanted = self.options.rows;
        for (slot, slice, is_wanted) in [
            (Slot::LogSumExp, operands.log_sum_exp, forward && wanted.log_sum_exp),
            (Slot::Argmax, operands.argmax, forward && wanted.argmax),
        ] {
            bound.extend(if_wanted(OPERATION, slot, slice, is_wanted, one)?);
        }
        let keeps_state = !forward || self.pass.saves_state();
        let states = Rows::of_one(count, 8);
        bound.extend(if_wanted(OPERATION, Slot::State, operands.state, keeps_state, states)?);

        let all = Rows { count: 1, stride: 0, elements: 4, element_bytes: 4 };
        let divides = self.rows.variant.divides;
        let totals = match operands.totals {
            Some(slice) => Some(operand(Slot::Totals, slice, all)?),
            None if divides && !forward => {
                let why = "the backward of a mean reads its denominator";
                Some(operand(Slot::Totals, required(OPERATION, Slot::Totals, None, why)?, all)?)
            }
            None if divides => {
                let scratch = builder.scratch("wgpu-loss totals", TOTALS_BYTES)?;
                Some(Operand::scratch(Slot::Totals, scratch, all))
            }
            None => None,
        };
        if divides {
            bound.extend(totals.clone());
        }

        let of_rows = RowParameters {
            upstream: match operands.upstream {
                UpstreamOperand::Scalar(value) => value,
                UpstreamOperand::Buffer(_) => 0.0,
            },
            upstream_stride: self.pass.upstream_stride(),
            ignore_index: self.options.ignore_index.unwrap_or_default(),
            has_ignore_index: self.options.ignore_index.is_some().into(),
            ..Default::default()
        };
        let of_totals = TotalsParameters {
            classes: self.rows.logits.classes as u32,
            ignore_index: of_rows.ignore_index,
            has_ignore_index: of_rows.has_ignore_index,
            ..Default::default()
        };
        // The denominator comes first: it depends on the targets alone, and the gradient needs it.
        if let (true, Some(totals)) = (forward, &totals) {
            totals::reduce(&mut builder, COUNT, &targets, totals, count, of_totals)?;
        }
        self.rows.bind(&mut builder, &bound, of_rows)?;
        if let (Some(loss), Some(totals), [tiles, finish], true) =
            (&loss, &totals, self.options.sum_kernels(), operands.totals.is_some())
        {
            totals::reduce(&mut builder, [*tiles, *finish], loss, totals, count, of_totals)?;
        }
        builder.finish()
    }

    /// What was planned.
    pub fn variant(&self) -> &RowVariant {
        &self.rows.variant
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
