//! The verbs `plan` and `bind` of the relatives of softmax cross-entropy.

use wgpu::BufferSlice;

use crate::element::Element;
use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::softmax_loss::{AgainstKind, SoftmaxLossVariant};
use crate::kernel::{UpstreamKind, Variant};
use crate::logits::Shape;
use crate::ops::cross_entropy::Reduction;
use crate::ops::{GradientPlace, Pass, UpstreamSource};
use crate::pipelines::Kernels;
use crate::plan::row_chunks;

#[cfg(feature = "runtime")]
use super::super::block::BatchReductions;
use super::super::operand::{Operand, Rows, if_wanted, required};
use super::super::pass::UpstreamOperand;
use super::super::rows::{RowShapes, dispatch_rows};
use super::super::step::{Step, StepBuilder};
use super::super::totals::{self, TOTALS_BYTES};
use super::choice::with_access;
use super::{SoftmaxAgainstLayout, SoftmaxLoss, validate};

/// What a plan computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftmaxLossPass {
    /// The losses alone.
    Forward,
    /// Losses and gradient together.
    Fused {
        /// Where the gradient goes.
        gradient: GradientPlace,
        /// Where the upstream gradient comes from.
        upstream: UpstreamSource,
    },
}

impl SoftmaxLossPass {
    fn pass(self) -> Pass {
        match self {
            Self::Forward => Pass::Forward { save_state: false },
            Self::Fused { gradient, upstream } => Pass::Fused { gradient, upstream },
        }
    }
}

/// The caller's buffers for a [`SoftmaxLossPlan`], as
/// [`CrossEntropyOperands`](crate::CrossEntropyOperands).
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxLossOperands<'a> {
    /// Logits, shaped and stored as planned. Overwritten by an in-place gradient.
    pub logits: BufferSlice<'a>,
    /// What they are compared with: a class for each row, `i32`; probabilities or a teacher's logits,
    /// shaped and stored as planned.
    pub against: BufferSlice<'a>,
    /// A weight for each class, `f32`, where the plan has them.
    pub class_weights: Option<BufferSlice<'a>>,
    /// A weight for each row, `f32`, where the plan has them.
    pub row_weights: Option<BufferSlice<'a>>,
    /// The gradient, for a [`GradientPlace`] of its own.
    pub gradient: Option<BufferSlice<'a>>,
    /// Each row's loss, `f32`; needed where the options ask for rows.
    pub loss_rows: Option<BufferSlice<'a>>,
    /// The reduced results, 32 bytes laid out as [`Totals`](crate::Totals). Targets that are no class
    /// are reported here and nowhere else (and their rows' results are NaN).
    pub totals: Option<BufferSlice<'a>>,
    /// The upstream gradient.
    pub upstream: UpstreamOperand<'a>,
}

impl<'a> SoftmaxLossOperands<'a> {
    /// Logits and what they are compared with, and nothing else yet.
    pub fn new(logits: BufferSlice<'a>, against: BufferSlice<'a>) -> Self {
        Self {
            logits,
            against,
            class_weights: None,
            row_weights: None,
            gradient: None,
            loss_rows: None,
            totals: None,
            upstream: UpstreamOperand::default(),
        }
    }
}

/// A relative of softmax cross-entropy for one shape, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct SoftmaxLossPlan {
    kernels: Kernels,
    options: SoftmaxLoss,
    pass: Pass,
    /// Rows of the batch, of which these may be a piece.
    batch_rows: usize,
    variant: SoftmaxLossVariant,
    shapes: RowShapes,
    counts: totals::Reduction,
    sums: Option<totals::Reduction>,
}

impl SoftmaxLoss {
    /// Chooses and compiles the kernels for logits of this shape, compared with what has this form.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for zero classes, overlapping rows, options out of range, operands that the
    /// function has not, or an upstream gradient for each row of a reduced loss; [`Error::Limit`](crate::Error::Limit)
    /// where the device is too small; [`Error::Device`](crate::Error::Device) where it refuses a kernel.
    pub fn plan(
        &self,
        kernels: &Kernels,
        logits: Shape,
        against: &SoftmaxAgainstLayout,
        pass: SoftmaxLossPass,
    ) -> Result<SoftmaxLossPlan> {
        let operation = self.function.name();
        validate::options(self, logits, against)?;
        let pass = pass.pass();
        pass.validate(operation, self.reduction != Reduction::None)?;
        logits.validate(operation)?;
        if let Some(matrix) = against.matrix() {
            matrix.validate(operation)?;
        }
        let gradient = pass.gradient_shape(operation, logits, self.gradient_element)?;
        let shapes = RowShapes { logits, gradient, values: against.matrix() };
        shapes.refuse_too_many(operation)?;

        let variant = self.variant(kernels, &shapes, against, pass)?;
        kernels.pipeline(&Variant::SoftmaxLoss(variant))?;
        let (counts, sums) = self.reductions(against);
        for reduction in [Some(counts), sums].iter().flatten() {
            reduction.warm_up(kernels)?;
        }
        log::debug!("{operation}: planned {variant} for {} x {}", logits.rows, logits.classes);
        let (kernels, options) = (kernels.clone(), *self);
        let batch_rows = logits.rows;
        Ok(SoftmaxLossPlan { kernels, options, pass, batch_rows, variant, shapes, counts, sums })
    }
}

impl SoftmaxLossPlan {
    /// Checks the caller's buffers and binds them, as
    /// [`CrossEntropyPlan::bind`](crate::CrossEntropyPlan::bind).
    ///
    /// # Errors
    /// As there.
    pub fn bind(&self, operands: &SoftmaxLossOperands<'_>) -> Result<Step> {
        self.bind_with(operands, true)
    }

    fn bind_with(&self, operands: &SoftmaxLossOperands<'_>, reduces: bool) -> Result<Step> {
        let operation = self.options.function.name();
        let mut builder = StepBuilder::new(&self.kernels, operation);
        let count = self.shapes.logits.rows;
        let against = self.against(operation, operands.against)?;
        let row_weights = if_wanted(
            operation,
            Slot::RowWeights,
            operands.row_weights,
            self.variant.row_weights,
            Rows::of_one(count, 4),
        )?;
        let losses = self.losses(&builder, operation, operands.loss_rows)?;
        let totals = self.totals(&builder, operation, operands.totals)?;
        let mut bound = self.matrices(operation, operands)?;
        bound.push(against.clone());
        bound.push(Operand { slot: Slot::LossRows, ..losses.clone() });
        bound.extend(row_weights.clone());
        bound.extend(self.upstream(operation, operands.upstream)?);
        let divides = self.variant.gradient.is_some_and(|gradient| gradient.divides);
        bound.extend(totals.clone().filter(|_| divides));

        let classes = self.shapes.logits.classes;
        let of_rows = RowParameters {
            upstream: operands.upstream.scalar(),
            upstream_stride: self.pass.upstream_stride(),
            ..self.options.row_parameters(classes, self.batch_rows)
        };
        let of_totals = self.totals_parameters();
        // The denominator comes first: the gradient needs it.
        if let (Some(totals), true) = (&totals, reduces) {
            let sources: Vec<_> = [against]
                .into_iter()
                .filter(|against| against.slot == Slot::Targets)
                .chain(row_weights)
                .collect();
            self.counts.bind(&mut builder, &sources, totals, count, of_totals)?;
        }
        self.bind_chunks(&mut builder, &bound, of_rows)?;
        let is_asked_for = reduces && operands.totals.is_some();
        if let (Some(sums), Some(totals), true) = (self.sums, &totals, is_asked_for) {
            sums.bind(&mut builder, &[losses], totals, count, of_totals)?;
        }
        builder.finish()
    }

    fn totals_parameters(&self) -> TotalsParameters {
        let of_rows = self.options.row_parameters(self.shapes.logits.classes, self.batch_rows);
        TotalsParameters {
            total_classes: of_rows.total_classes,
            ignore_index: of_rows.ignore_index,
            has_ignore_index: of_rows.has_ignore_index,
            batch_size: of_rows.batch_size,
            ..Default::default()
        }
    }

    fn bind_chunks(
        &self,
        builder: &mut StepBuilder<'_>,
        operands: &[Operand],
        fixed: RowParameters,
    ) -> Result<()> {
        let offset = |slots: &[Slot]| {
            let found = operands.iter().find(|operand| slots.contains(&operand.slot));
            found.map_or(0, |operand| operand.row.offset)
        };
        let offsets = [
            offset(&[Slot::Logits]),
            offset(&[Slot::Gradient]),
            offset(&[Slot::Probabilities, Slot::Teacher]),
        ];
        let variant = with_access(self.variant, &self.shapes, offsets);
        let rows: Vec<_> = operands.iter().map(|operand| operand.row).collect();
        let chunks = row_chunks(
            builder.operation(),
            self.kernels.capabilities(),
            self.shapes.logits.rows as u64,
            variant.geometry.rows.into(),
            &rows,
        )?;
        let variant = Variant::SoftmaxLoss(variant);
        for chunk in chunks {
            dispatch_rows(builder, &self.shapes, &variant, chunk, operands, fixed)?;
        }
        Ok(())
    }

    fn matrices(
        &self,
        operation: &'static str,
        operands: &SoftmaxLossOperands<'_>,
    ) -> Result<Vec<Operand>> {
        let logits = Rows::of_shape(&self.shapes.logits);
        let mut list = vec![Operand::new(operation, Slot::Logits, operands.logits, logits)?];
        let is_separate = matches!(
            self.pass.gradient(),
            Some((GradientPlace::Separate | GradientPlace::SeparateWithRowStride(_), _))
        );
        let gradient = Rows::of_shape(&self.shapes.gradient);
        let slot = Slot::Gradient;
        list.extend(if_wanted(operation, slot, operands.gradient, is_separate, gradient)?);
        let weights = Rows::shared(self.shapes.logits.classes, 4);
        let (slot, wanted) = (Slot::ClassWeights, self.variant.class_weights);
        list.extend(if_wanted(operation, slot, operands.class_weights, wanted, weights)?);
        Ok(list)
    }

    fn against(&self, operation: &'static str, slice: BufferSlice<'_>) -> Result<Operand> {
        let slot = match self.variant.against {
            AgainstKind::Class | AgainstKind::SmoothedClass => Slot::Targets,
            AgainstKind::Probability(_) => Slot::Probabilities,
            AgainstKind::Teacher(_) => Slot::Teacher,
        };
        let rows = match &self.shapes.values {
            Some(values) => Rows::of_shape(values),
            None => Rows::of_one(self.shapes.logits.rows, 4),
        };
        Operand::new(operation, slot, slice, rows)
    }

    /// The rows' losses, as the reductions know them; scratch memory where only they need them.
    fn losses(
        &self,
        builder: &StepBuilder<'_>,
        operation: &'static str,
        slice: Option<BufferSlice<'_>>,
    ) -> Result<Operand> {
        let count = self.shapes.logits.rows;
        let rows = Rows::of_words(count, 1);
        let operand = match slice {
            Some(slice) => Operand::new(operation, Slot::LossRows, slice, rows)?,
            None if self.options.wants_rows() => {
                let why = "values of each row are wanted";
                let slice = required(operation, Slot::LossRows, None, why)?;
                Operand::new(operation, Slot::LossRows, slice, rows)?
            }
            None => {
                let scratch = builder.scratch("wgpu-loss rows", 4 * count as u64)?;
                Operand::scratch(Slot::LossRows, scratch, rows)
            }
        };
        Ok(Operand { slot: Slot::Rows, ..operand })
    }

    fn totals(
        &self,
        builder: &StepBuilder<'_>,
        operation: &'static str,
        slice: Option<BufferSlice<'_>>,
    ) -> Result<Option<Operand>> {
        let all = Rows::shared(TOTALS_BYTES as usize / 4, 4);
        let divides = self.variant.gradient.is_some_and(|gradient| gradient.divides);
        match slice {
            Some(slice) => Operand::new(operation, Slot::Totals, slice, all).map(Some),
            None if divides => {
                let scratch = builder.scratch("wgpu-loss totals", TOTALS_BYTES)?;
                Ok(Some(Operand::scratch(Slot::Totals, scratch, all)))
            }
            None => Ok(None),
        }
    }

    fn upstream(
        &self,
        operation: &'static str,
        upstream: UpstreamOperand<'_>,
    ) -> Result<Option<Operand>> {
        let slice = match upstream {
            UpstreamOperand::Scalar(_) => None,
            UpstreamOperand::Buffer(slice) => Some(slice),
        };
        let is_buffer =
            self.variant.gradient.is_some_and(|each| each.upstream == UpstreamKind::Buffer);
        let rows = match self.pass.upstream_stride() {
            0 => Rows::shared(1, 4),
            _ => Rows::of_one(self.shapes.logits.rows, 4),
        };
        if_wanted(operation, Slot::Upstream, slice, is_buffer, rows)
    }

    /// What was planned.
    pub fn variant(&self) -> &SoftmaxLossVariant {
        &self.variant
    }

    /// Bytes of logits, of what they are compared with and of the gradient that must move at the
    /// least.
    pub fn least_bytes(&self) -> u64 {
        let Shape { rows, classes, .. } = self.shapes.logits;
        let matrix = |element: Element| (rows * classes * element.bytes()) as u64;
        let gradient = self.variant.gradient.map(|_| self.shapes.gradient.element);
        let elements = [Some(self.variant.element), self.variant.against.element(), gradient];
        elements.into_iter().flatten().map(matrix).sum()
    }

    /// How often the logits are read: once where rows are held in registers.
    pub fn reads(&self) -> u32 {
        self.variant.reads()
    }
}

// What a batch that comes in blocks needs.
#[cfg(feature = "runtime")]
impl SoftmaxLossPlan {
    /// Of a piece of a batch of so many rows.
    pub(crate) fn of_batch(self, batch_rows: usize) -> Self {
        Self { batch_rows, ..self }
    }

    /// The rows alone, of a batch that [`batch_reductions`](Self::batch_reductions) reduce: of a
    /// mean's gradient, `totals` holds the denominator already.
    pub(crate) fn bind_rows(&self, operands: &SoftmaxLossOperands<'_>) -> Result<Step> {
        self.bind_with(operands, false)
    }

    /// How the rows are reduced where the batch comes in blocks.
    pub(crate) fn batch_reductions(&self) -> BatchReductions {
        BatchReductions {
            kernels: self.kernels.clone(),
            operation: self.options.function.name(),
            counts: Some(self.counts),
            sums: self.sums,
            parameters: self.totals_parameters(),
            record_words: 1,
            class_weights: None,
        }
    }
}
