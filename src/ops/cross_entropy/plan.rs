//! The verbs `plan` and `bind` of softmax cross-entropy.

use wgpu::BufferSlice;

use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::{Operation, Record, RowVariant, StateKind, TargetKind};
use crate::logits::Shape;
use crate::ops::cross_entropy::{CrossEntropy, Input, Reduction};
use crate::partial::ClassRange;
use crate::pipelines::Kernels;
use crate::plan::Purpose;
use crate::targets::TargetLayout;

#[cfg(feature = "runtime")]
use super::super::block::BatchReductions;
use super::super::debug_view::DebugView;
use super::super::operand::{Operand, Rows, if_wanted, required, unwanted};
use super::super::pass::{Pass, UpstreamOperand};
use super::super::rows::{RowsPlan, RowsRequest};
use super::super::step::{Step, StepBuilder};
use super::super::totals::{self, TOTALS_BYTES};
use super::super::validate;

pub(super) use crate::ops::validate::CROSS_ENTROPY as OPERATION;

/// Classes among which targets are ranked at the most: parts of a cut row count them beside the flags of
/// its state, in 27 bits.
const MOST_RANKED: usize = 1 << 27;

/// The caller's buffers for a [`CrossEntropyPlan`]. Each slice starts where its first row's value
/// lies and may be longer than needed; offsets are multiples of the element's bytes. The buffers
/// need usage `STORAGE`.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyOperands<'a> {
    /// Logits, shaped and stored as planned. Overwritten by an in-place gradient.
    pub logits: BufferSlice<'a>,
    /// A target class for each row, `i32`; or probabilities, shaped and stored as planned.
    pub targets: BufferSlice<'a>,
    /// A weight for each class (of all parts), `f32`, where the plan has them.
    pub class_weights: Option<BufferSlice<'a>>,
    /// A weight for each row, `f32`, where the plan has them.
    pub row_weights: Option<BufferSlice<'a>>,
    /// The gradient, for a [`GradientPlace`](crate::GradientPlace) of its own.
    pub gradient: Option<BufferSlice<'a>>,
    /// What [`RowOutputs`](crate::RowOutputs) asks for of each row: a record of
    /// [`CrossEntropyPlan::record`]'s words, `f32` or `u32`, for one row after the other.
    pub rows: Option<BufferSlice<'a>>,
    /// Each row's state, [`CrossEntropyPlan::state_bytes`] each, written by a forward that saves
    /// it, read by a backward.
    pub state: Option<BufferSlice<'a>>,
    /// The reduced results, 32 bytes laid out as [`Totals`](crate::Totals): written by forward and
    /// fused, read by the backward of [`Reduction::Mean`]. Targets that are no class are reported here and
    /// nowhere else (and their rows' results are NaN).
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
            class_weights: None,
            row_weights: None,
            gradient: None,
            rows: None,
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
    classes: ClassRange,
    /// Rows of the batch, of which these may be a piece.
    batch_rows: usize,
    rows: RowsPlan,
    counts: Option<totals::Reduction>,
    sums: Option<totals::Reduction>,
}

impl CrossEntropy {
    /// Chooses and compiles the kernels for logits of this shape and targets of this form.
    ///
    /// # Errors
    /// [`Error::Invalid`] for zero classes, overlapping rows, options out of range, or an upstream
    /// gradient for each row of a reduced loss; [`Error::Limit`] where the device is too small;
    /// [`Error::Device`] where it refuses a kernel.
    pub fn plan(
        &self,
        kernels: &Kernels,
        logits: Shape,
        targets: &TargetLayout,
        pass: Pass,
    ) -> Result<CrossEntropyPlan> {
        if self.ranks_target() && logits.classes > MOST_RANKED {
            let expected = format!("at most {MOST_RANKED}, since targets are ranked");
            return Err(Error::invalid(OPERATION, "number of classes", expected, logits.classes));
        }
        let whole = ClassRange { first: 0, total: logits.classes };
        let keeps = match (pass, self.target_kind(targets)) {
            (Pass::Fused { .. } | Pass::Forward { save_state: false }, _) => StateKind::None,
            (_, _) if self.input == Input::LogProbabilities => StateKind::None,
            (_, TargetKind::Class) => StateKind::Pair,
            _ => StateKind::Sums,
        };
        self.plan_with(kernels, logits, targets, pass, whole, keeps)
    }

    /// The same for a part of the classes: a forward that saves a
    /// [`PartialState`](crate::partial::PartialState) of each row, or a backward from the merged
    /// ones. A forward has no other results than the states and the counts of
    /// [`Totals`](crate::Totals).
    ///
    /// # Errors
    /// Also [`Error::Invalid`] for a fused pass, a forward that saves no states, or a part that
    /// ends beyond the last class.
    pub fn plan_part(
        &self,
        kernels: &Kernels,
        logits: Shape,
        classes: ClassRange,
        targets: &TargetLayout,
        pass: Pass,
    ) -> Result<CrossEntropyPlan> {
        validate::part(logits.classes, classes, self)?;
        if matches!(pass, Pass::Fused { .. } | Pass::Forward { save_state: false }) {
            let expected = "a forward that saves states, or a backward, for a part of the classes";
            return Err(Error::invalid(OPERATION, "pass", expected, format!("{pass:?}")));
        }
        self.plan_with(kernels, logits, targets, pass, classes, StateKind::Partial)
    }

    fn plan_with(
        &self,
        kernels: &Kernels,
        logits: Shape,
        targets: &TargetLayout,
        pass: Pass,
        classes: ClassRange,
        state: StateKind,
    ) -> Result<CrossEntropyPlan> {
        validate::cross_entropy_options(self, logits, targets)?;
        pass.validate(OPERATION, self.reduction != Reduction::None)?;
        let comparison = self.comparison(targets);
        let gradient = pass.gradient_shape(OPERATION, logits, self.gradient_element)?;
        let forward = !pass.is_backward();
        let is_part = state == StateKind::Partial;
        let record = if forward && !is_part { self.record() } else { Record::NONE };
        let purpose = match (self.input, pass.gradient()) {
            (Input::LogProbabilities, gradient) => Purpose::Gather { gradient: gradient.is_some() },
            (Input::Logits, _) if pass.is_backward() => Purpose::FromState,
            (Input::Logits, _) => Purpose::Reduce,
        };
        let request = RowsRequest {
            values: targets.probabilities,
            gradient,
            transform: self.transform(),
            comparison,
            gradient_variant: pass.variant(gradient.element, self.reduction),
            record,
            state,
            ..RowsRequest::new(Operation::CrossEntropy, logits, purpose)
        };
        let rows = RowsPlan::new(kernels, OPERATION, request)?;
        let counts = forward.then(|| totals::Reduction::counts(&comparison, self.reduction));
        let sums = if forward && !is_part {
            totals::Reduction::sums(&comparison, self.reduced(), record)
        } else {
            None
        };
        for reduction in counts.iter().chain(&sums) {
            reduction.warm_up(kernels)?;
        }
        let (kernels, options) = (kernels.clone(), *self);
        let batch_rows = logits.rows;
        Ok(CrossEntropyPlan { kernels, options, pass, classes, batch_rows, rows, counts, sums })
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
        self.bind_with(operands, true)
    }

    fn bind_with(&self, operands: &CrossEntropyOperands<'_>, reduces: bool) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let count = self.rows.logits.rows;
        let forward = !self.pass.is_backward();
        let variant = &self.rows.variant;

        let targets = self.targets(operands.targets)?;
        let weights = self.weights(operands)?;
        let mut bound = self.rows.matrices(OPERATION, operands.logits, operands.gradient)?;
        bound.push(targets.clone());
        bound.extend(weights.iter().cloned());
        bound.extend(self.rows.upstream(OPERATION, self.pass, operands.upstream)?);
        let records = self.records(&builder, operands.rows)?;
        bound.extend(records.clone());
        let states = Rows::of_one(count, variant.state.bytes());
        let keeps_state = variant.state != StateKind::None;
        bound.extend(if_wanted(OPERATION, Slot::State, operands.state, keeps_state, states)?);
        let totals = self.totals(&builder, operands.totals)?;
        if variant.gradient.is_some_and(|gradient| gradient.divides) {
            bound.extend(totals.clone());
        }

        let of_rows = RowParameters {
            upstream: operands.upstream.scalar(),
            ..self.options.row_parameters(self.classes, self.pass, self.batch_rows)
        };
        let of_totals = self.totals_parameters();
        // The denominators come first: they depend on targets and weights alone, and the gradient
        // needs them.
        if let (Some(counts), Some(totals), true) = (self.counts, &totals, reduces) {
            let sources = counted([targets], weights);
            counts.bind(&mut builder, &sources, totals, count, of_totals)?;
        }
        self.rows.bind(&mut builder, &bound, of_rows)?;
        let is_asked_for = reduces && forward && operands.totals.is_some();
        if let (Some(sums), Some(records), Some(totals), true) =
            (self.sums, records, &totals, is_asked_for)
        {
            sums.bind(&mut builder, &[records], totals, count, of_totals)?;
        }
        builder.finish()
    }

    fn totals_parameters(&self) -> TotalsParameters {
        self.options.totals_parameters(self.classes.total, self.batch_rows)
    }

    fn targets(&self, slice: BufferSlice<'_>) -> Result<Operand> {
        match &self.rows.values {
            Some(probabilities) => {
                let rows = Rows::of_shape(probabilities);
                Operand::new(OPERATION, Slot::Probabilities, slice, rows)
            }
            None => {
                let rows = Rows::of_one(self.rows.logits.rows, 4);
                Operand::new(OPERATION, Slot::Targets, slice, rows)
            }
        }
    }

    fn weights(&self, operands: &CrossEntropyOperands<'_>) -> Result<Vec<Operand>> {
        let comparison = &self.rows.variant.comparison;
        let of_classes = Rows::shared(self.classes.total, 4);
        let of_rows = Rows::of_one(self.rows.logits.rows, 4);
        let class_weights = if_wanted(
            OPERATION,
            Slot::ClassWeights,
            operands.class_weights,
            comparison.class_weights,
            of_classes,
        )?;
        let (slot, wanted) = (Slot::RowWeights, comparison.row_weights);
        let row_weights = if_wanted(OPERATION, slot, operands.row_weights, wanted, of_rows)?;
        Ok(class_weights.into_iter().chain(row_weights).collect())
    }

    /// The rows' records; scratch memory where only reductions need them.
    fn records(
        &self,
        builder: &StepBuilder<'_>,
        slice: Option<BufferSlice<'_>>,
    ) -> Result<Option<Operand>> {
        let words = self.record().words();
        let count = self.rows.logits.rows;
        let rows = Rows::of_words(count, words);
        match slice {
            _ if words == 0 => {
                unwanted(OPERATION, Slot::Rows, slice, "this pass has no results of rows")?;
                Ok(None)
            }
            None if self.options.wants_rows() => {
                let why = "values of each row are wanted";
                required(OPERATION, Slot::Rows, None, why)?;
                Ok(None)
            }
            Some(slice) => Operand::new(OPERATION, Slot::Rows, slice, rows).map(Some),
            None => {
                let bytes = 4 * u64::from(words) * count as u64;
                let scratch = builder.scratch("wgpu-loss rows", bytes)?;
                Ok(Some(Operand::scratch(Slot::Rows, scratch, rows)))
            }
        }
    }

    fn totals(
        &self,
        builder: &StepBuilder<'_>,
        slice: Option<BufferSlice<'_>>,
    ) -> Result<Option<Operand>> {
        let all = Rows::shared(TOTALS_BYTES as usize / 4, 4);
        let divides = self.rows.variant.gradient.is_some_and(|gradient| gradient.divides);
        match slice {
            Some(slice) => Operand::new(OPERATION, Slot::Totals, slice, all).map(Some),
            None if divides && self.pass.is_backward() => {
                let why = "the backward of a mean reads its denominator";
                required(OPERATION, Slot::Totals, None, why)?;
                Ok(None)
            }
            None if divides => {
                let scratch = builder.scratch("wgpu-loss totals", TOTALS_BYTES)?;
                Ok(Some(Operand::scratch(Slot::Totals, scratch, all)))
            }
            None => Ok(None),
        }
    }

    /// The words of each row's record, in the operand `rows`: those asked for, and those that
    /// reductions need. [`Record::place`] tells where each stands.
    pub fn record(&self) -> Record {
        self.rows.variant.record
    }

    /// Bytes of each row's state: 8 for class targets, 32 where every class has a term in the loss
    /// and for parts of the classes, 0 where none is saved.
    pub fn state_bytes(&self) -> u64 {
        self.rows.variant.state.bytes()
    }

    /// What was planned.
    pub fn variant(&self) -> &RowVariant {
        &self.rows.variant
    }

    /// The plan's pipelines, in the order of their dispatches, with what they are given.
    pub fn debug_view(&self) -> DebugView {
        let mut view = DebugView::default();
        let rows = self.rows.logits.rows;
        if let Some(counts) = self.counts {
            view.push_totals(&counts.variants(&self.kernels), rows, &self.kernels);
        }
        view.push_rows(&self.rows, self.pass.upstream_values(rows), &self.kernels);
        if let Some(sums) = self.sums {
            view.push_totals(&sums.variants(&self.kernels), rows, &self.kernels);
        }
        view
    }

    /// Bytes of logits, probabilities and gradient that must move at the least.
    pub fn least_bytes(&self) -> u64 {
        self.rows.least_bytes()
    }

    /// How often the logits are read: once where rows are held in registers.
    pub fn reads(&self) -> u32 {
        self.rows.reads()
    }
}

// What a batch that comes in blocks needs.
#[cfg(feature = "runtime")]
impl CrossEntropyPlan {
    /// Of a piece of a batch of so many rows.
    pub(crate) fn of_batch(self, batch_rows: usize) -> Self {
        Self { batch_rows, ..self }
    }

    /// The rows alone, of a batch that [`batch_reductions`](Self::batch_reductions) reduce: of a
    /// mean's gradient, `totals` holds the denominators already.
    pub(crate) fn bind_rows(&self, operands: &CrossEntropyOperands<'_>) -> Result<Step> {
        self.bind_with(operands, false)
    }

    /// How the rows are reduced where the batch comes in blocks.
    pub(crate) fn batch_reductions(&self) -> BatchReductions {
        let comparison = &self.rows.variant.comparison;
        let counts_classes =
            comparison.class_weights && !matches!(comparison.target, TargetKind::Probability(_));
        BatchReductions {
            kernels: self.kernels.clone(),
            operation: OPERATION,
            counts: self.counts,
            sums: self.sums,
            parameters: self.totals_parameters(),
            record_words: self.record().words(),
            class_weights: counts_classes.then_some(self.classes.total),
        }
    }

    /// Whether any value of each row was asked for.
    pub(crate) fn returns_rows(&self) -> bool {
        self.options.wants_rows()
    }
}

/// What rows and their weights are counted by: without target classes, by their own weights alone.
fn counted(
    targets: impl IntoIterator<Item = Operand>,
    weights: impl IntoIterator<Item = Operand>,
) -> Vec<Operand> {
    let mut sources: Vec<_> =
        targets.into_iter().filter(|targets| targets.slot == Slot::Targets).collect();
    let is_class = !sources.is_empty();
    let is_used = |weights: &Operand| weights.slot == Slot::RowWeights || is_class;
    sources.extend(weights.into_iter().filter(is_used));
    sources
}
