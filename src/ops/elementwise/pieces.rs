//! Losses that are put together in pieces.

use super::ElementwiseLayout;
use super::kinds::Forms;
use super::plan::ElementwisePlan;
use super::{ElementwiseLoss, ElementwisePass};
use crate::Result;
use crate::kernel::Kernels;
use crate::ops::reduce::pieces::PiecewiseReduction;

/// What a piece is a part of.
#[derive(Clone, Copy)]
pub(crate) struct WholeLoss<'a> {
    /// The forms of everything.
    pub(crate) layout: &'a ElementwiseLayout,
    /// The pass over everything.
    pub(crate) pass: ElementwisePass,
    /// A piece has partial results; else its rows or elements have results of their own.
    pub(crate) is_merged: bool,
}

/// The whole whose pieces have partial results.
pub(crate) struct PiecewiseLoss {
    pub(crate) layout: ElementwiseLayout,
    /// What becomes of the pieces' results.
    pub(crate) merging: PiecewiseReduction,
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
        let whole = self.sum(kernels, &Forms { layout, gradient, pass, whole: None })?;
        let fixed = self.parameters(layout, 1.0);
        let merging = PiecewiseReduction::new(kernels, self.function.name(), whole, fixed)?;
        Ok(PiecewiseLoss { layout: *layout, merging })
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
