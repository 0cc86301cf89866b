//! Combinations of the options and operands of element-wise losses.

use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, LossFunction, Mode};

use super::covering::{Pair, covering, pairs_of};
use super::layout::Layout;
use super::reduction::weights_laid_out;
use crate::operands::{ElementWeights, Factor, Numbers, Targets, Weights};
use crate::random::SplitMix64;

/// What a combination chooses, each from so many levels; level 0 is the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    Function,
    Reduction,
    WeightLayout,
    Pass,
    Element,
    Third,
    Layout,
    Mode,
    TargetElement,
    Threshold,
    WeightElement,
    WeightKind,
    Smoothing,
    GradientElement,
}
use Dimension as D;

const DIMENSIONS: [(D, usize); 14] = [
    (D::Function, FUNCTIONS.len()),
    (D::Reduction, REDUCTIONS.len()),
    (D::WeightLayout, 4),
    (D::Pass, 5),
    (D::Element, 3),
    (D::Third, 4),
    (D::Layout, 3),
    (D::Mode, 2),
    (D::TargetElement, 3),
    (D::Threshold, 2),
    (D::WeightElement, 3),
    (D::WeightKind, 4),
    (D::Smoothing, 3),
    (D::GradientElement, 4),
];

/// The first of [`DIMENSIONS`] choose kernels: every pair of their levels is met, but for those of
/// function and reduction, which only the full list crosses.
const PAIRED: usize = 5;

/// Of how many option sets [`Extent::Broad`](crate::Extent::Broad) is made.
const COUNT: usize = 110;

pub(super) const FUNCTIONS: [LossFunction; 20] = [
    LossFunction::BinaryCrossEntropyWithLogits,
    LossFunction::GaussianNll { full: false, epsilon: 1e-6 },
    LossFunction::SquaredError,
    LossFunction::BinaryCrossEntropy,
    LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 },
    LossFunction::KlDivergence { log_target: false },
    LossFunction::KlDivergence { log_target: true },
    LossFunction::AbsoluteError,
    LossFunction::Huber { delta: 0.7 },
    LossFunction::PoissonNll { log_input: true, full: false, epsilon: 1e-8 },
    LossFunction::Entropy,
    LossFunction::CrossEntropyOfProbabilities,
    LossFunction::KlDivergenceOfProbabilities,
    LossFunction::SigmoidFocal { alpha: None, gamma: 0.5 },
    LossFunction::SigmoidFocal { alpha: Some(0.6), gamma: 3.7 },
    LossFunction::SigmoidFocal { alpha: None, gamma: 0.0 },
    LossFunction::SigmoidFocal { alpha: Some(0.4), gamma: 300.0 },
    LossFunction::PoissonNll { log_input: true, full: true, epsilon: 1e-8 },
    LossFunction::PoissonNll { log_input: false, full: true, epsilon: 0.25 },
    LossFunction::GaussianNll { full: true, epsilon: 0.25 },
];

pub(super) const REDUCTIONS: [(ElementwiseReduction, Axis); 11] = [
    (ElementwiseReduction::None, Axis::All),
    (ElementwiseReduction::Mean, Axis::All),
    (ElementwiseReduction::Sum, Axis::EachRow),
    (ElementwiseReduction::WeightedMean, Axis::EachColumn),
    (ElementwiseReduction::WeightedMean, Axis::All),
    (ElementwiseReduction::Mean, Axis::EachRow),
    (ElementwiseReduction::Sum, Axis::EachColumn),
    (ElementwiseReduction::WeightedMean, Axis::EachRow),
    (ElementwiseReduction::Sum, Axis::All),
    (ElementwiseReduction::Mean, Axis::EachColumn),
    (ElementwiseReduction::BatchMean, Axis::All),
];

const PER_COLUMN: usize = 2;
const PER_ELEMENT: usize = 3;
const FORWARD: usize = 0;
const SCALAR: usize = 1;
const FACTORS_OF_ROWS: usize = 2;
const FACTORS_OF_COLUMNS: usize = 3;
const MATRIX: usize = 4;

/// A level of each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe([usize; DIMENSIONS.len()]);

impl Recipe {
    /// Binary cross-entropy of each logit, without weights or gradient.
    pub(super) const USUAL: Self = Self([0; DIMENSIONS.len()]);

    fn get(&self, dimension: D) -> usize {
        self.0[dimension as usize]
    }

    pub(super) fn with(mut self, dimension: D, level: usize) -> Self {
        self.0[dimension as usize] = level;
        self.consistent()
    }

    pub(super) fn draw(random: &mut SplitMix64) -> Self {
        Self(DIMENSIONS.map(|(_, levels)| random.below(levels))).consistent()
    }

    pub(super) fn function(&self) -> LossFunction {
        FUNCTIONS[self.get(D::Function)]
    }

    /// Sets to another level what means nothing, or is refused, beside the rest.
    fn consistent(mut self) -> Self {
        let function = self.function();
        let (reduction, axis) = REDUCTIONS[self.get(D::Reduction)];
        let is_unreduced = reduction == ElementwiseReduction::None;
        let fits = match self.get(D::Pass) {
            FACTORS_OF_ROWS => is_unreduced || axis == Axis::EachRow,
            FACTORS_OF_COLUMNS => is_unreduced || axis == Axis::EachColumn,
            MATRIX => is_unreduced,
            _ => true,
        };
        if !fits {
            self.0[D::Pass as usize] = SCALAR;
        }
        let has_variance = matches!(function, LossFunction::GaussianNll { .. });
        if has_variance && self.get(D::Third) == 0 {
            self.0[D::Third as usize] = PER_ELEMENT;
        }
        let layout = self.get(D::WeightLayout);
        for (dimension, has_meaning) in [
            (D::WeightElement, layout == PER_ELEMENT),
            // What is left of a sum of weights of either sign depends on their order.
            (D::WeightKind, layout != 0 && reduction != ElementwiseReduction::WeightedMean),
            (D::GradientElement, self.get(D::Pass) != FORWARD),
            (D::Smoothing, function.is_binary()),
            (D::Threshold, function.is_binary()),
            (D::TargetElement, function.has_target()),
            (D::Third, has_variance || function == LossFunction::BinaryCrossEntropyWithLogits),
        ] {
            if !has_meaning {
                self.0[dimension as usize] = 0;
            }
        }
        self
    }

    pub(super) fn element(&self) -> Element {
        Element::ALL[self.get(D::Element)]
    }

    pub(super) fn axis(&self) -> Axis {
        REDUCTIONS[self.get(D::Reduction)].1
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::ALL[self.get(D::Layout)]
    }

    pub(super) fn options(&self) -> ElementwiseLoss {
        let (reduction, axis) = REDUCTIONS[self.get(D::Reduction)];
        let gradient_element = self.get(D::GradientElement).checked_sub(1);
        ElementwiseLoss {
            reduction,
            axis,
            label_smoothing: [0.0, 0.1, 1.0][self.get(D::Smoothing)],
            mode: [Mode::Strict, Mode::Masked][self.get(D::Mode)],
            threshold: [None, Some(0.25)][self.get(D::Threshold)],
            gradient_element: gradient_element.map(|level| Element::ALL[level]),
            ..ElementwiseLoss::new(self.function())
        }
    }

    pub(super) fn targets(&self, special: bool, gap: usize) -> Targets {
        let element = Element::ALL[self.get(D::TargetElement)];
        match self.function().has_target() {
            true => Targets::Elements { special, element, gap },
            false => Targets::PLAIN,
        }
    }

    pub(super) fn third(&self, random: &mut SplitMix64, gap: usize) -> Option<Numbers> {
        match self.get(D::Third) {
            0 => None,
            1 => Some(Numbers::PerRow),
            PER_COLUMN => Some(Numbers::PerColumn),
            _ => Some(Numbers::PerElement { element: random.pick(&Element::ALL), gap }),
        }
    }

    pub(super) fn upstream(&self, random: &mut SplitMix64, gap: usize) -> Factor {
        match self.get(D::Pass) {
            FORWARD => Factor::None,
            SCALAR => Factor::Scalar(random.pick(&[0.37, -2.5, 1024.5])),
            FACTORS_OF_ROWS => Factor::PerRow,
            FACTORS_OF_COLUMNS => Factor::PerColumn,
            _ => Factor::Matrix { element: random.pick(&Element::ALL), gap },
        }
    }

    /// Weights for each row, for each column, for each element.
    pub(super) fn weights(
        &self,
        gap: usize,
    ) -> (Option<Weights>, Option<Weights>, Option<ElementWeights>) {
        const KINDS: [Weights; 4] =
            [Weights::SomeZero, Weights::Fine, Weights::Signed, Weights::Zero];
        self.weights_of(KINDS[self.get(D::WeightKind)], gap)
    }

    /// The same of another kind.
    pub(super) fn weights_of(
        &self,
        kind: Weights,
        gap: usize,
    ) -> (Option<Weights>, Option<Weights>, Option<ElementWeights>) {
        let layout = self.get(D::WeightLayout);
        let element = Element::ALL[self.get(D::WeightElement)];
        weights_laid_out(layout, ElementWeights { kind, element, gap })
    }

    /// Every pair of levels, with whether both dimensions choose kernels.
    fn pairs(self) -> impl Iterator<Item = (Pair, bool)> {
        pairs_of(self.0, |one, other| {
            other < PAIRED && (one, other) != (D::Function as _, D::Reduction as _)
        })
    }
}

/// Few recipes that hold every pair of levels of what chooses kernels, and most other pairs.
pub(super) fn recipes() -> Vec<Recipe> {
    let worth = |(pair, paired)| (pair, if paired { 64 } else { 1 });
    covering(COUNT, SplitMix64(5), Recipe::draw, |it| it.pairs().map(worth))
}

#[cfg(test)]
mod tests {
    use super::super::covering::tests::{every_level_is_met, every_pair_is_met};
    use super::*;

    #[test]
    fn every_pair_that_chooses_a_kernel_is_met() {
        let chosen = recipes();
        every_pair_is_met(&chosen, Recipe::draw, Recipe::pairs);
        every_level_is_met(&chosen, &DIMENSIONS, Recipe::get);
    }

    #[test]
    fn dimensions_are_numbered_in_their_order() {
        for (index, (dimension, _)) in DIMENSIONS.iter().enumerate() {
            assert_eq!(*dimension as usize, index);
        }
    }
}
