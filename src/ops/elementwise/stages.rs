//! The stages of an element-wise loss, as few as there may be: losses that are put together, and
//! losses or gradients that are written element by element.

use super::kinds::{DENOMINATOR_WORDS, Forms, denominators_at, gradient_kind, kind_along, kind_of};
use super::write::Writing;
use super::{ElementwisePass, ElementwiseUpstreamLayout};
use crate::axis::Axis;
use crate::element::Element;
use crate::error::Result;
use crate::kernel::Variant;
use crate::kernel::loss::{LossGradient, LossTerm};
use crate::kernel::reduce::{
    ReduceVariant, ReducedTerm, ReducedValues, StatisticKind, WeightsKind,
};
use crate::ops::cross_entropy::Mode;
use crate::ops::elementwise::{ElementwiseLoss, ElementwiseReduction};
use crate::ops::reduce::others::Other;
use crate::ops::reduce::reduction::Reduction;
use crate::pipelines::Kernels;
use crate::plan::reduce::{ReduceLayout, Walk};
use crate::weights::WeightLayout;

/// See the module.
pub(super) struct Stages {
    /// Adds up the weights that gradients are divided by, where these do not wait for the losses.
    pub(super) denominators: Option<Reduction>,
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
        let has_gradient = forms.pass.gradient().is_some();
        let is_backward = matches!(forms.pass, ElementwisePass::Backward { .. });
        if self.reduction == ElementwiseReduction::None || is_backward {
            let write = Some(self.writing(forms));
            return Ok(Stages { denominators: None, sum: None, write });
        }
        if let Some(sum) = self.fused_sum(kernels, forms)? {
            // Pieces of a whole are told its sums.
            let is_merged = forms.whole.is_some_and(|whole| whole.is_merged);
            let denominators = match self.divides(forms.layout.weights) && !is_merged {
                true => Some(self.denominators(kernels, forms)?),
                false => None,
            };
            return Ok(Stages { denominators, sum: Some(sum), write: None });
        }
        let sum = Some(self.sum(kernels, forms, false)?);
        let write = has_gradient.then(|| self.writing(forms));
        Ok(Stages { denominators: None, sum, write })
    }

    /// What puts losses together and writes gradients on the way, if there are any and the device
    /// can bind all of that. Halves of columns, which share words, are faster read twice.
    pub(super) fn fused_sum(
        &self,
        kernels: &Kernels,
        forms: &Forms<'_>,
    ) -> Result<Option<Reduction>> {
        let (reduced, _) = forms.along(self.axis, self.axis, false);
        let are_shared = reduced.walk == Walk::Columns && forms.gradient.element != Element::F32;
        if forms.pass.gradient().is_none() || are_shared {
            return Ok(None);
        }
        let sum = self.sum(kernels, forms, true)?;
        let variants = sum.variants(kernels);
        let can_bind = |&variant: &ReduceVariant| kernels.can_bind(&Variant::Reduce(variant));
        Ok(variants.iter().all(can_bind).then_some(sum))
    }

    /// What puts losses together; `is_fused`: gradients are written on the way.
    pub(super) fn sum(
        &self,
        kernels: &Kernels,
        forms: &Forms<'_>,
        is_fused: bool,
    ) -> Result<Reduction> {
        let layout = forms.layout;
        let (mut reduced, strides) = forms.along(self.axis, self.axis, false);
        let walk = reduced.walk;
        let kind = |layout, step| kind_along(walk, layout, step);
        let divides = self.divides(layout.weights);
        let of_gradient = match is_fused {
            true => self.loss_gradient(forms, divides, |layout| kind(layout, strides[2].step)),
            false => None,
        };
        let counts = self.threshold.is_some();
        let term = self.term(forms, counts, of_gradient, kind(layout.third(), strides[1].step));
        let mut others = forms.others(&term, &strides, false);
        if of_gradient.is_some() && divides {
            reduced.forward = reduced.forward.times(DENOMINATOR_WORDS);
            others.push(denominators_at(reduced.forward));
        }
        let values = ReducedValues {
            statistic: self.statistic(layout.weights),
            element: layout.input.element,
            weights: kind(layout.weights, reduced.weights.step),
            masked: self.mode == Mode::Masked,
            term: Some(ReducedTerm::Loss(term)),
        };
        self.reduction(kernels, forms, reduced, values, others)
    }

    /// What adds up the weights of each result, in the order in which [`sum`](Self::sum) does, so
    /// that gradients are divided by the same bits as losses.
    pub(super) fn denominators(&self, kernels: &Kernels, forms: &Forms<'_>) -> Result<Reduction> {
        let (reduced, _) = forms.along(self.axis, self.axis, false);
        let values = ReducedValues {
            statistic: StatisticKind::SumOfWeights,
            element: forms.layout.input.element,
            weights: kind_along(reduced.walk, forms.layout.weights, reduced.weights.step),
            masked: false,
            term: Some(ReducedTerm::Weight),
        };
        self.reduction(kernels, forms, reduced, values, Vec::new())
    }

    fn reduction(
        &self,
        kernels: &Kernels,
        forms: &Forms<'_>,
        reduced: ReduceLayout,
        values: ReducedValues,
        others: Vec<Other>,
    ) -> Result<Reduction> {
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
        let result_words = u64::from(self.result_words(layout.weights));
        written.result = written.forward.times(result_words);
        let term = self.term(
            forms,
            self.threshold.is_some() && writes_losses,
            self.loss_gradient(forms, divides, |layout| kind_of(layout, strides[2].step)),
            kind_of(layout.third(), strides[1].step),
        );
        let weights = kind_of(layout.weights, written.weights.step);
        let mut operands = forms.first(&written, weights);
        operands.extend(forms.others(&term, &strides, writes_losses));
        if divides {
            operands.push(denominators_at(written.result));
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

    /// The gradient of a term; `kind`: where upstream gradients of a form are found.
    fn loss_gradient(
        &self,
        forms: &Forms<'_>,
        divides: bool,
        kind: impl Fn(WeightLayout) -> WeightsKind,
    ) -> Option<LossGradient> {
        let element = forms.gradient.element;
        forms.pass.gradient().map(|(place, upstream)| LossGradient {
            place: gradient_kind(place, element),
            upstream: match upstream {
                ElementwiseUpstreamLayout::Scalar => WeightsKind::None,
                ElementwiseUpstreamLayout::Buffer(WeightLayout::None) => WeightsKind::OfRun,
                ElementwiseUpstreamLayout::Buffer(factors) => kind(factors),
            },
            divides,
            of_third: forms.layout.has_variance_of_elements().then_some(element),
        })
    }
}
