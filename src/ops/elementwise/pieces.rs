//! Losses that are put together in pieces.

use super::ElementwiseLayout;
use super::kinds::Forms;
use super::plan::ElementwisePlan;
use super::{ElementwiseLoss, ElementwisePass};
use crate::Result;
use crate::kernel::Kernels;
use crate::ops::reduce::pieces::PiecewiseReduction;

/// The whole of which pieces are planned.
pub(crate) struct PiecewiseLoss {
    pub(super) layout: ElementwiseLayout,
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
        let whole = self.sum(kernels, &Forms { layout, gradient, pass, whole: None }, None)?;
        let fixed = self.parameters(layout, 1.0);
        let merging = PiecewiseReduction::new(kernels, self.function.name(), whole, fixed)?;
        Ok(PiecewiseLoss { layout: *layout, merging })
    }

    /// The plan of a piece: its results are partial results.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub(crate) fn plan_piece(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
        whole: &PiecewiseLoss,
    ) -> Result<ElementwisePlan> {
        self.plan_of(kernels, layout, pass, Some(whole))
    }
}
