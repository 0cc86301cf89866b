//! The stages of an element-wise loss, as few as there may be: losses that are put together, and
//! losses or gradients that are written element by element.

use super::kinds::{Forms, gradient_kind, kind_of};
use super::write::Writing;
use super::{ElementwisePass, ElementwiseUpstreamLayout};
use crate::kernel::Kernels;
use crate::kernel::loss::{LossGradient, LossTerm};
use crate::kernel::reduce::{ReducedTerm, ReducedValues, StatisticKind, WeightsKind};
use crate::ops::reduce::reduction::Reduction;
use crate::plan::reduce::{LOSS_OPERANDS, ReduceLayout, Strides, Walk};
use crate::{Axis, ElementwiseLoss, ElementwiseReduction, Mode, Result, WeightLayout};

/// See the module.
pub(super) struct Stages {
    /// Puts losses together; may write gradients, too.
    pub(super) sum: Option<Reduction>,
    /// Writes each element's loss or gradient.
    pub(super) write: Option<Writing>,
}

impl ElementwiseLoss {
    /// Whether results are divided by sums of weights that a device adds up.
    pub(crate) fn divides(&self, weights: WeightLayout) -> bool {
        self.reduction == ElementwiseReduction::WeightedMean && weights != WeightLayout::None
    }

    pub(super) fn statistic(&self, weights: WeightLayout) -> StatisticKind {
        match self.reduction {
            ElementwiseReduction::None | ElementwiseReduction::Sum => StatisticKind::Sum,
            ElementwiseReduction::Mean | ElementwiseReduction::BatchMean => {
                StatisticKind::DividedSum
            }
            ElementwiseReduction::WeightedMean if weights == WeightLayout::None => {
                StatisticKind::CountedMean
            }
            ElementwiseReduction::WeightedMean => StatisticKind::WeightedMean,
        }
    }

    /// [`ElementwisePlan::result_words`](super::ElementwisePlan::result_words).
    pub(crate) fn result_words(&self, weights: WeightLayout) -> u32 {
        self.statistic(weights).result_words()
    }

    /// The stages of operands of these forms; of a piece, with the parts of the whole.
    pub(super) fn stages(&self, kernels: &Kernels, forms: &Forms<'_>) -> Result<Stages> {
        let is_unreduced = self.reduction == ElementwiseReduction::None;
        let is_backward = matches!(forms.pass, ElementwisePass::Backward { .. });
        let sum = match is_unreduced || is_backward {
            true => None,
            false => Some(self.sum(kernels, forms)?),
        };
        let term = sum.as_ref().and_then(|sum| sum.values.loss());
        let is_fused = term.is_some_and(|term| term.gradient.is_some());
        let writes = is_unreduced || (forms.pass.gradient().is_some() && !is_fused);
        Ok(Stages { sum, write: writes.then(|| self.writing(forms)) })
    }

    /// What puts losses together. Runs have their gradients written on the way, unless these wait
    /// for what everything is divided by.
    pub(super) fn sum(&self, kernels: &Kernels, forms: &Forms<'_>) -> Result<Reduction> {
        let layout = forms.layout;
        let (reduced, strides) = forms.along(self.axis, self.axis, false);
        let is_fused = !self.divides(layout.weights) && reduced.walk == Walk::Runs;
        let kind = |layout, step: u64| match reduced.walk {
            Walk::Columns => kind_of(layout, 1),
            Walk::Runs => kind_of(layout, step),
        };
        let of_gradient = if is_fused { self.loss_gradient(forms, false, &strides) } else { None };
        let counts = self.threshold.is_some();
        let term = self.term(forms, counts, of_gradient, kind(layout.third(), strides[1].step));
        let values = ReducedValues {
            statistic: self.statistic(layout.weights),
            element: layout.input.element,
            weights: kind(layout.weights, reduced.weights.step),
            masked: self.mode == Mode::Masked,
            term: Some(ReducedTerm::Loss(term)),
        };
        let others = forms.others(&term, &strides, false);
        let whole = forms.whole_along(self.axis, self.axis, false);
        let reduction = Reduction::new(kernels, reduced, whole.as_ref(), values, others)?;
        let is_merged = forms.whole.is_some_and(|whole| whole.is_merged);
        Ok(if is_merged { reduction } else { reduction.with_results() })
    }

    /// What writes each element's loss, its gradient or both.
    fn writing(&self, forms: &Forms<'_>) -> Writing {
        let layout = forms.layout;
        let is_unreduced = self.reduction == ElementwiseReduction::None;
        let divides = self.divides(layout.weights);
        let writes_losses = is_unreduced && !matches!(forms.pass, ElementwisePass::Backward { .. });
        let result = if divides { self.axis } else { Axis::All };
        let (mut written, strides): (ReduceLayout, _) =
            forms.along(Axis::All, result, is_unreduced);
        let whole = forms.whole_along(Axis::All, result, is_unreduced);
        written.result = written.forward;
        let term = self.term(
            forms,
            self.threshold.is_some() && writes_losses,
            self.loss_gradient(forms, divides, &strides),
            kind_of(layout.third(), strides[1].step),
        );
        let weights = kind_of(layout.weights, written.weights.step);
        let mut operands = forms.first(&written, weights);
        operands.extend(forms.others(&term, &strides, writes_losses));
        if divides {
            operands.push(forms.denominators(&written));
        }
        Writing {
            term,
            element: layout.input.element,
            weights,
            masked: self.mode == Mode::Masked,
            writes_losses,
            run_length: whole.map_or(written.length, |whole| whole.length),
            layout: written,
            operands,
        }
    }

    fn term(
        &self,
        forms: &Forms<'_>,
        counts: bool,
        gradient: Option<LossGradient>,
        third: WeightsKind,
    ) -> LossTerm {
        LossTerm {
            kind: self.function.kind(),
            smoothed: self.label_smoothing != 0.0,
            target: forms.layout.target.map(|target| target.element),
            third,
            counts,
            gradient,
        }
    }

    fn loss_gradient(
        &self,
        forms: &Forms<'_>,
        divides: bool,
        strides: &[Strides; LOSS_OPERANDS],
    ) -> Option<LossGradient> {
        let element = forms.gradient.element;
        forms.pass.gradient().map(|(place, upstream)| LossGradient {
            place: gradient_kind(place, element),
            upstream: match upstream {
                ElementwiseUpstreamLayout::Scalar => WeightsKind::None,
                ElementwiseUpstreamLayout::Buffer(WeightLayout::None) => WeightsKind::OfRun,
                ElementwiseUpstreamLayout::Buffer(factors) => kind_of(factors, strides[2].step),
            },
            divides,
            of_third: forms.layout.has_variance_of_elements().then_some(element),
        })
    }
}
