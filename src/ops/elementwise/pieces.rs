//! Losses that are put together in pieces.

use wgpu::BufferSlice;

use super::ElementwiseLayout;
use super::kinds::{Forms, WholeLoss, broadcast_rows};
use super::plan::ElementwisePlan;
use super::{ElementwiseLoss, ElementwisePass};
use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::ops::operand::{Operand, Rows, required};
use crate::ops::reduce::pieces::PiecewiseReduction;
use crate::ops::reduce::reduction::{Reduction, Source, Sources};
use crate::ops::step::{Step, StepBuilder};
use crate::pipelines::Kernels;

/// The whole whose pieces have partial results.
pub(crate) struct PiecewiseLoss {
    pub(crate) layout: ElementwiseLayout,
    /// What becomes of the pieces' results.
    pub(crate) merging: PiecewiseReduction,
    /// What becomes of their sums of weights, which come first where gradients are divided by them.
    pub(crate) denominators: Option<PiecewiseReduction>,
}

impl ElementwiseLoss {
    /// How losses of operands of this form are put together in pieces; `pass`: of the pieces.
    pub(crate) fn piecewise(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
    ) -> Result<PiecewiseLoss> {
        let gradient = self.gradient_shape(layout, pass)?;
        let forms = Forms { layout, gradient, pass, whole: None };
        let piecewise = |whole: Reduction| {
            let fixed = self.parameters(layout, 1.0);
            PiecewiseReduction::new(kernels, self.function.name(), whole, fixed)
        };
        let fused = self.fused_sum(kernels, &forms)?;
        let denominators = match fused.is_some() && self.divides(layout.weights) {
            true => Some(piecewise(self.denominators(kernels, &forms)?)?),
            false => None,
        };
        let merging = piecewise(match fused {
            Some(fused) => fused,
            None => self.sum(kernels, &forms, false)?,
        })?;
        Ok(PiecewiseLoss { layout: *layout, merging, denominators })
    }

    /// The step that adds up the weights of a piece, to partial results: of `[weights, results]`.
    ///
    /// # Errors
    /// As [`ElementwisePlan::bind`].
    pub(crate) fn bind_weights_of_piece(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        whole: WholeLoss<'_>,
        [weights, results]: [Option<BufferSlice<'_>>; 2],
    ) -> Result<Step> {
        let operation = self.function.name();
        let forms = Forms { layout, gradient: layout.input, pass: whole.pass, whole: Some(whole) };
        let reduction = self.denominators(kernels, &forms)?;
        let (partials, words) = reduction.partial_results();
        let partials = reduction.layout().results as usize * partials as usize;
        let needed = |slot, slice, rows| {
            let slice = required(operation, slot, slice, "weights are added up")?;
            Operand::new(operation, slot, slice, rows)
        };
        let rows = broadcast_rows(layout.input, layout.weights);
        let weights = needed(Slot::Weights, weights, rows)?;
        let results = needed(Slot::Results, results, Rows::of_words(partials, words))?;
        let sources = Sources::of_weights(Source::from(&weights), Source::from(&results));
        let mut builder = StepBuilder::new(kernels, operation);
        reduction.bind(&mut builder, &sources, ReduceParameters::default())?;
        builder.finish()
    }

    /// The plan of a piece, whose kernels are those of the whole.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub(crate) fn plan_piece(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
        whole: WholeLoss<'_>,
    ) -> Result<ElementwisePlan> {
        self.plan_of(kernels, layout, pass, Some(whole))
    }
}
