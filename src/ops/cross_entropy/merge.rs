//! Results from partial states: the verbs `plan_merge` and `bind`.

use wgpu::BufferSlice;

use crate::element::Element;
use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::{Comparison, MergeVariant, Record, StateKind, TargetKind, Variant};
use crate::logits::Shape;
use crate::ops::Pass;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::validate::CROSS_ENTROPY as OPERATION;
use crate::partial::{ClassRange, PartialState};
use crate::pipelines::Kernels;
use crate::plan::row_chunks;
use crate::targets::TargetLayout;

#[cfg(feature = "runtime")]
use super::super::block::BatchReductions;
use super::super::operand::{Operand, Rows, if_wanted};
use super::super::rows::offset_of;
use super::super::step::{Bound, Step, StepBuilder};
use super::super::totals::{self, TOTALS_BYTES};
use super::super::validate;

const STATE_BYTES: u64 = size_of::<PartialState>() as u64;

/// The caller's buffers for a [`MergePlan`]; as
/// [`CrossEntropyOperands`](super::CrossEntropyOperands).
#[derive(Clone, Copy, Debug)]
pub struct MergeOperands<'a> {
    /// The parts' states, `(parts, rows)`, by ascending classes: 32 bytes each, laid out as
    /// [`PartialState`].
    pub parts: BufferSlice<'a>,
    /// A target class for each row, `i32`, unless the targets are probabilities.
    pub targets: Option<BufferSlice<'a>>,
    /// A weight for each class, `f32`, where the plan has them and targets are classes. Only the
    /// denominator depends on them: the states know the rest.
    pub class_weights: Option<BufferSlice<'a>>,
    /// A weight for each row, `f32`, where the plan has them.
    pub row_weights: Option<BufferSlice<'a>>,
    /// The words of each row, as [`MergePlan::record`] tells.
    pub rows: Option<BufferSlice<'a>>,
    /// The merged state of each row, 32 bytes, for the backward of each part. `None`: not kept.
    pub state: Option<BufferSlice<'a>>,
    /// The reduced results, 32 bytes laid out as [`Totals`](crate::Totals).
    pub totals: Option<BufferSlice<'a>>,
}

impl<'a> MergeOperands<'a> {
    /// States, and nothing else yet.
    pub fn new(parts: BufferSlice<'a>) -> Self {
        Self {
            parts,
            targets: None,
            class_weights: None,
            row_weights: None,
            rows: None,
            state: None,
            totals: None,
        }
    }
}

/// Cross-entropy from partial states, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct MergePlan {
    kernels: Kernels,
    options: CrossEntropy,
    comparison: Comparison,
    rows: usize,
    /// Rows of the batch, of which these may be a piece.
    batch_rows: usize,
    parts: usize,
    classes: usize,
    record: Record,
    counts: totals::Reduction,
    sums: Option<totals::Reduction>,
}

impl CrossEntropy {
    /// Chooses and compiles the kernels that merge the states of `parts` parts of `classes` classes
    /// in all, and finish every result but the gradient.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); [`Error::Invalid`] without parts.
    pub fn plan_merge(
        &self,
        kernels: &Kernels,
        rows: usize,
        parts: usize,
        classes: usize,
        targets: &TargetLayout,
    ) -> Result<MergePlan> {
        let logits = Shape::new(rows, classes);
        let layout =
            TargetLayout { probabilities: targets.probabilities.map(|_| logits), ..*targets };
        validate::cross_entropy_options(self, logits, &layout)?;
        validate::part(classes, ClassRange { first: 0, total: classes }, self)?;
        if parts == 0 || parts > u32::MAX as usize {
            return Err(Error::invalid(OPERATION, "number of parts", "at least 1", parts));
        }
        let target = match targets.probabilities {
            Some(_) => TargetKind::Probability(Element::F32),
            None => TargetKind::Class,
        };
        let comparison = Comparison { target, ..self.comparison(targets) };
        let record = self.record();
        let counts = totals::Reduction::counts(&comparison, self.reduction);
        let sums = totals::Reduction::sums(&comparison, self.reduced(), record);
        for reduction in [counts].iter().chain(&sums) {
            reduction.warm_up(kernels)?;
        }
        let (kernels, options) = (kernels.clone(), *self);
        let plan = MergePlan {
            kernels,
            options,
            comparison,
            rows,
            batch_rows: rows,
            parts,
            classes,
            record,
            counts,
            sums,
        };
        plan.kernels.pipeline(&plan.variant(false))?;
        log::debug!(
            "{OPERATION}: planned {} for {rows} rows of {parts} parts",
            plan.variant(false)
        );
        Ok(plan)
    }
}

impl MergePlan {
    fn variant(&self, saves_state: bool) -> Variant {
        Variant::Merge(MergeVariant {
            log_sum_exp: false,
            classes: self.comparison.target == TargetKind::Class,
            row_weights: self.comparison.row_weights,
            masked: self.comparison.masked,
            z_loss: self.comparison.z_loss,
            record: self.record,
            state: if saves_state { StateKind::Partial } else { StateKind::None },
            lanes: self.kernels.tuning().totals_lanes,
        })
    }

    /// The words of each row's record.
    pub fn record(&self) -> Record {
        self.record
    }

    /// Checks the caller's buffers and binds them.
    ///
    /// # Errors
    /// As [`CrossEntropyPlan::bind`](super::CrossEntropyPlan::bind).
    pub fn bind(&self, operands: &MergeOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let totals = self.bind_totals(&mut builder, operands)?;
        self.bind_with(builder, operands, totals.as_ref())
    }

    /// The rows, and the sums of their losses where there are `totals`.
    fn bind_with(
        &self,
        mut builder: StepBuilder<'_>,
        operands: &MergeOperands<'_>,
        totals: Option<&Operand>,
    ) -> Result<Step> {
        let records = self.records(&builder, operands.rows)?;
        let states = Rows::of_one(self.rows, STATE_BYTES);
        let saves_state = operands.state.is_some();
        let state = if_wanted(OPERATION, Slot::State, operands.state, saves_state, states)?;
        // One part is cut with its rows; several have to fit in a binding.
        let parts = match self.parts {
            1 => states,
            parts => Rows::shared(parts * self.rows, STATE_BYTES),
        };
        let mut bound =
            vec![Operand::new(OPERATION, Slot::Parts, operands.parts, parts)?, records.clone()];
        bound.extend(state);
        bound.extend(self.of_rows(operands)?);
        self.dispatch_rows(&mut builder, &bound, saves_state)?;
        if let (Some(sums), Some(totals)) = (self.sums, totals) {
            sums.bind(&mut builder, &[records], totals, self.rows, self.totals_parameters())?;
        }
        builder.finish()
    }

    /// Targets and row weights.
    fn of_rows(&self, operands: &MergeOperands<'_>) -> Result<Vec<Operand>> {
        let one = Rows::of_one(self.rows, 4);
        let is_class = self.comparison.target == TargetKind::Class;
        let targets = if_wanted(OPERATION, Slot::Targets, operands.targets, is_class, one)?;
        let weighted = self.comparison.row_weights;
        let weights = if_wanted(OPERATION, Slot::RowWeights, operands.row_weights, weighted, one)?;
        Ok(targets.into_iter().chain(weights).collect())
    }

    fn bind_totals(
        &self,
        builder: &mut StepBuilder<'_>,
        operands: &MergeOperands<'_>,
    ) -> Result<Option<Operand>> {
        let Some(slice) = operands.totals else { return Ok(None) };
        let all = Rows::shared(TOTALS_BYTES as usize / 4, 4);
        let totals = Operand::new(OPERATION, Slot::Totals, slice, all)?;
        let mut sources = self.of_rows(operands)?;
        if self.comparison.target == TargetKind::Class {
            let of_classes = Rows::shared(self.classes, 4);
            let weighted = self.comparison.class_weights;
            let slice = operands.class_weights;
            let weights = if_wanted(OPERATION, Slot::ClassWeights, slice, weighted, of_classes)?;
            sources.extend(weights);
        }
        self.counts.bind(builder, &sources, &totals, self.rows, self.totals_parameters())?;
        Ok(Some(totals))
    }

    fn totals_parameters(&self) -> TotalsParameters {
        self.options.totals_parameters(self.classes, self.batch_rows)
    }

    fn records(
        &self,
        builder: &StepBuilder<'_>,
        slice: Option<BufferSlice<'_>>,
    ) -> Result<Operand> {
        let words = self.record.words();
        let rows = Rows::of_words(self.rows, words);
        match slice {
            Some(slice) => Operand::new(OPERATION, Slot::Rows, slice, rows),
            None => {
                let bytes = 4 * u64::from(words) * self.rows as u64;
                Ok(Operand::scratch(Slot::Rows, builder.scratch("wgpu-loss rows", bytes)?, rows))
            }
        }
    }

    fn dispatch_rows(
        &self,
        builder: &mut StepBuilder<'_>,
        operands: &[Operand],
        saves_state: bool,
    ) -> Result<()> {
        let capabilities = *self.kernels.capabilities();
        let alignment = capabilities.storage_alignment;
        let lanes = u64::from(self.kernels.tuning().totals_lanes);
        let of_rows: Vec<_> = operands.iter().map(|operand| operand.row).collect();
        let whole = ClassRange { first: 0, total: self.classes };
        let pass = Pass::Forward { save_state: false };
        let fixed = self.options.row_parameters(whole, pass, self.batch_rows);
        for chunk in row_chunks(OPERATION, &capabilities, self.rows as u64, lanes, &of_rows)? {
            let mut parameters = RowParameters {
                rows: chunk.rows as u32,
                classes: self.classes as u32,
                inner: 1,
                parts: self.parts as u32,
                part_stride: self.rows as u32,
                ..fixed
            };
            let mut bound = Vec::with_capacity(operands.len());
            for operand in operands {
                let slack = operand.row.slack(chunk.first_row, alignment);
                let mut offset = slack / operand.unit;
                if operand.slot == Slot::Parts && self.parts > 1 {
                    offset += chunk.first_row;
                }
                *offset_of(&mut parameters, operand.slot) = offset as u32;
                bound.push(Bound {
                    slot: operand.slot,
                    buffer: operand.buffer.clone(),
                    offset: operand.row.binding_offset(chunk.first_row, alignment),
                    bytes: slack + operand.row.span(chunk.first_row, chunk.rows),
                });
            }
            builder.dispatch(&self.variant(saves_state), &parameters, chunk.workgroups, &bound)?;
        }
        Ok(())
    }
}

// What a batch that comes in blocks needs.
#[cfg(feature = "runtime")]
impl MergePlan {
    /// Of a piece of a batch of so many rows.
    pub(crate) fn of_batch(self, batch_rows: usize) -> Self {
        Self { batch_rows, ..self }
    }

    /// Whether any value of each row was asked for.
    pub(crate) fn returns_rows(&self) -> bool {
        self.options.wants_rows()
    }

    /// The rows alone, of a batch that [`batch_reductions`](Self::batch_reductions) reduce.
    pub(crate) fn bind_rows(&self, operands: &MergeOperands<'_>) -> Result<Step> {
        self.bind_with(StepBuilder::new(&self.kernels, OPERATION), operands, None)
    }

    /// How the rows are reduced where the batch comes in blocks.
    pub(crate) fn batch_reductions(&self) -> BatchReductions {
        let is_class = self.comparison.target == TargetKind::Class;
        BatchReductions {
            kernels: self.kernels.clone(),
            operation: OPERATION,
            counts: Some(self.counts),
            sums: self.sums,
            parameters: self.totals_parameters(),
            record_words: self.record.words(),
            class_weights: (self.comparison.class_weights && is_class).then_some(self.classes),
        }
    }

    /// The counts of `totals` alone, which the backward of a part needs.
    pub(crate) fn bind_counts(&self, operands: &MergeOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        self.bind_totals(&mut builder, operands)?;
        builder.finish()
    }
}
