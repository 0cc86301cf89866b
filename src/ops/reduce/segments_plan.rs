//! The verbs `plan` and `bind` of segmented reductions.

use crate::error::Result;
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::logits::Shape;
use crate::ops::operand::{Operand, Rows};
use crate::ops::reduce::Reduce;
use crate::ops::step::{Step, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::column_layout;
use crate::weights::WeightLayout;

use super::operands::{ReduceSegmentsOperands, SegmentLayout, weights_operand};
use super::plan::check_shapes;
use super::reduction::Source;
#[cfg(feature = "runtime")]
use super::segment_pieces::PiecewiseSegments;
use super::segments::{SegmentReduction, SegmentSources};
use super::validate::{self, OPERATION};

/// A segmented reduction of one shape, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct ReduceSegmentsPlan {
    kernels: Kernels,
    options: Reduce,
    values: Shape,
    weights: WeightLayout,
    reduction: SegmentReduction,
}

impl Reduce {
    /// Chooses and compiles the kernels that reduce the rows of each segment, column by column.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and [`Error::Invalid`](crate::Error::Invalid) for another axis
    /// than [`Axis::EachColumn`](crate::Axis::EachColumn), or rows side by side.
    pub fn plan_segments(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        segments: SegmentLayout,
    ) -> Result<ReduceSegmentsPlan> {
        let reduction = self.segment_reduction(values, weights, segments)?;
        for variant in reduction.variants(kernels) {
            log::debug!("{OPERATION}: planned {variant} for {} x {}", values.rows, values.classes);
            kernels.pipeline(&Variant::Reduce(variant))?;
        }
        let kernels = kernels.clone();
        Ok(ReduceSegmentsPlan { kernels, options: *self, values, weights, reduction })
    }

    fn segment_reduction(
        &self,
        values: Shape,
        weights: WeightLayout,
        segments: SegmentLayout,
    ) -> Result<SegmentReduction> {
        check_shapes(values, weights)?;
        validate::segment_options(self, values, weights, segments.segments())?;
        let layout = column_layout(values, weights);
        let reduced = self.reduced(values, weights, &layout);
        let by_ids = matches!(segments, SegmentLayout::Ids(_));
        Ok(SegmentReduction::new(reduced, layout, segments.segments() as u64, by_ids))
    }
}

#[cfg(feature = "runtime")]
impl Reduce {
    /// How a segmented reduction of values and weights of this form goes in pieces.
    pub(crate) fn piecewise_segments(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        segments: SegmentLayout,
    ) -> Result<PiecewiseSegments> {
        let whole = self.segment_reduction(values, weights, segments)?;
        Ok(PiecewiseSegments { kernels: kernels.clone(), whole, fixed: self.parameters() })
    }
}

impl ReduceSegmentsPlan {
    /// Number of results: segments times columns.
    pub fn results(&self) -> usize {
        self.reduction.segments as usize * self.values.classes
    }

    /// Words of a result, as [`ReducePlan::result_words`](super::ReducePlan::result_words).
    pub fn result_words(&self) -> u32 {
        self.reduction.values.statistic.result_words()
    }

    /// Checks the caller's buffers and binds them.
    ///
    /// # Errors
    /// As [`ReducePlan::bind`](super::ReducePlan::bind); [`Error::Limit`](crate::Error::Limit) also for values, weights, ids or offsets that a
    /// binding cannot hold: segments may lie anywhere in them.
    pub fn bind(&self, operands: &ReduceSegmentsOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let values =
            Operand::new(OPERATION, Slot::Values, operands.values, Rows::of_shape(&self.values))?;
        let weights = weights_operand(self.values, self.weights, operands.weights)?;
        let (slot, count) = match self.reduction.by_ids {
            true => (Slot::SegmentIds, self.values.rows),
            false => (Slot::SegmentOffsets, self.reduction.segments as usize + 1),
        };
        let segments = Operand::new(OPERATION, slot, operands.segments, Rows::of_one(count, 4))?;
        let rows = Rows::of_words(self.results(), self.result_words());
        let results = Operand::new(OPERATION, Slot::Results, operands.results, rows)?;
        let sources = SegmentSources {
            values: Source::from(&values),
            weights: weights.as_ref().map(Source::from),
            segments: Source::from(&segments),
            results: Source::from(&results),
        };
        self.reduction.bind(&mut builder, &sources, self.options.parameters())?;
        builder.finish()
    }
}
