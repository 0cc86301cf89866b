//! Combinations of the options and operands of focal loss and divergences of logits.

use wgpu_loss::{Element, Mode, Reduction, SoftmaxFunction, SoftmaxLoss};

use super::covering::{Pair, covering, pairs_of};
use super::layout::Layout;
use crate::operands::{Factor, Ignored, Integer, Probabilities, Targets, Teacher, Weights};
use crate::random::SplitMix64;

/// What a combination chooses, each from so many levels; level 0 is the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    Against,
    Pass,
    Element,
    OtherElement,
    Layout,
    ClassWeights,
    RowWeights,
    Mode,
    Reduction,
    Temperature,
    Gamma,
    GradientElement,
    Teacher,
    ProbabilityKind,
    Ignored,
    Integer,
    Smoothing,
    Rows,
}
use Dimension as D;

const DIMENSIONS: [(D, usize); 18] = [
    (D::Against, AGAINST),
    (D::Pass, 3),
    (D::Element, 3),
    (D::OtherElement, 3),
    (D::Layout, 3),
    (D::ClassWeights, 5),
    (D::RowWeights, 5),
    (D::Mode, 2),
    (D::Reduction, 3),
    (D::Temperature, TEMPERATURES.len()),
    (D::Gamma, GAMMAS.len()),
    (D::GradientElement, 4),
    (D::Teacher, Teacher::ALL.len()),
    (D::ProbabilityKind, Probabilities::ALL.len()),
    (D::Ignored, 5),
    (D::Integer, 4),
    (D::Smoothing, 2),
    (D::Rows, 2),
];

/// The first of [`DIMENSIONS`] choose kernels: every pair of their levels is met.
const PAIRED: usize = 9;

/// Of how many option sets [`Extent::Broad`](crate::Extent::Broad) is made.
const COUNT: usize = 48;

/// What rows are compared with: a class, with and without label smoothing, probabilities, and a
/// teacher in two ways.
pub(super) const AGAINST: usize = 5;
const CLASS: usize = 0;
const SMOOTHED_CLASS: usize = 1;
const PROBABILITIES: usize = 2;
const JENSEN_SHANNON: usize = 4;

const TEMPERATURES: [f32; 6] = [1.0, 2.0, 3.0, 0.7, 0.25, 1e5];
const GAMMAS: [f32; 6] = [2.0, 0.0, 0.5, 1.0, 3.7, 300.0];
const REDUCTIONS: [Reduction; 3] = [Reduction::Mean, Reduction::Sum, Reduction::None];
/// Which mean, by the level of the gradient's element, which has nothing to do with it.
const MEANS: [Reduction; 4] =
    [Reduction::Mean, Reduction::BatchMean, Reduction::Mean, Reduction::ElementMean];

const FORWARD: usize = 1;
const PER_ROW: usize = 2;

/// A level of each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OptionSet([usize; DIMENSIONS.len()]);

impl OptionSet {
    /// Focal loss of classes, forward and backward.
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

    pub(super) fn has_teacher(&self) -> bool {
        self.get(D::Against) > PROBABILITIES
    }

    /// Sets to level 0 what means nothing, or is refused, beside the rest.
    fn consistent(mut self) -> Self {
        let (against, has_teacher) = (self.get(D::Against), self.has_teacher());
        if self.get(D::Pass) == PER_ROW {
            self.0[D::Reduction as usize] = 2;
        }
        let has_classes = against <= SMOOTHED_CLASS;
        for (dimension, has_meaning) in [
            (D::OtherElement, against >= PROBABILITIES),
            (D::ClassWeights, !has_teacher),
            (D::Gamma, !has_teacher),
            (D::GradientElement, self.get(D::Pass) != FORWARD),
            (D::Teacher, has_teacher),
            (D::ProbabilityKind, against == PROBABILITIES),
            (D::Ignored, has_classes),
            (D::Integer, has_classes),
            (D::Smoothing, against == SMOOTHED_CLASS || against == PROBABILITIES),
        ] {
            if !has_meaning {
                self.0[dimension as usize] = 0;
            }
        }
        self
    }

    /// The same where products and sums of the logits may overflow: focal loss that needs none.
    pub(super) fn without_products(self) -> Self {
        let products =
            [D::Against, D::ClassWeights, D::RowWeights, D::Temperature, D::Gamma, D::Smoothing];
        products.into_iter().fold(self, |it, dimension| it.with(dimension, 0))
    }

    pub(super) fn element(&self) -> Element {
        Element::ALL[self.get(D::Element)]
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::ALL[self.get(D::Layout)]
    }

    pub(super) fn targets(&self, gap: usize) -> Targets {
        let element = Element::ALL[self.get(D::OtherElement)];
        match self.get(D::Against) {
            CLASS | SMOOTHED_CLASS => Targets::Classes {
                ignored: [Ignored::No, Ignored::Some, Ignored::No, Ignored::No, Ignored::All]
                    [self.get(D::Ignored)],
                integer: Integer::ALL[self.get(D::Integer)],
            },
            PROBABILITIES => {
                let kind = Probabilities::ALL[self.get(D::ProbabilityKind)];
                Targets::Probabilities { kind, element, gap }
            }
            _ => Targets::Teacher { kind: Teacher::ALL[self.get(D::Teacher)], element, gap },
        }
    }

    pub(super) fn class_weights(&self) -> Option<Weights> {
        self.get(D::ClassWeights).checked_sub(1).map(|level| Weights::ALL[level])
    }

    pub(super) fn row_weights(&self) -> Option<Weights> {
        self.get(D::RowWeights).checked_sub(1).map(|level| Weights::ALL[level])
    }

    pub(super) fn upstream(&self, random: &mut SplitMix64) -> Factor {
        match self.get(D::Pass) {
            FORWARD => Factor::None,
            PER_ROW => Factor::PerRow,
            _ => Factor::Scalar(random.pick(&[1.0, 0.37, -2.5, 1024.5])),
        }
    }

    pub(super) fn options(&self) -> SoftmaxLoss {
        let against = self.get(D::Against);
        let function = match against {
            CLASS | SMOOTHED_CLASS | PROBABILITIES => {
                SoftmaxFunction::Focal { gamma: GAMMAS[self.get(D::Gamma)] }
            }
            JENSEN_SHANNON => SoftmaxFunction::JensenShannon,
            _ => SoftmaxFunction::KlDivergence,
        };
        let smoothing = self.get(D::Smoothing);
        let ignored = Integer::ALL[self.get(D::Integer)].ignore_index();
        let ignore_index = match self.get(D::Ignored) {
            2 => Some(0),
            3 => None,
            _ => Some(ignored),
        };
        let gradient_element = self.get(D::GradientElement).checked_sub(1);
        SoftmaxLoss {
            temperature: TEMPERATURES[self.get(D::Temperature)],
            reduction: match REDUCTIONS[self.get(D::Reduction)] {
                Reduction::Mean => MEANS[self.get(D::GradientElement)],
                reduction => reduction,
            },
            ignore_index,
            label_smoothing: match against {
                SMOOTHED_CLASS => [0.1, 1.0][smoothing],
                _ => [0.0, 0.1][smoothing],
            },
            mode: [Mode::Strict, Mode::Masked][self.get(D::Mode)],
            rows: self.get(D::Rows) == 0,
            gradient_element: gradient_element.map(|level| Element::ALL[level]),
            ..SoftmaxLoss::new(function)
        }
    }

    /// Every pair of levels, with whether both dimensions choose kernels.
    fn pairs(self) -> impl Iterator<Item = (Pair, bool)> {
        pairs_of(self.0, |_, other| other < PAIRED)
    }
}

/// Few option sets that hold every pair of levels of what chooses kernels, and most other pairs.
pub(super) fn option_sets() -> Vec<OptionSet> {
    let worth = |(pair, paired)| (pair, if paired { 16 } else { 1 });
    covering(COUNT, SplitMix64(7), OptionSet::draw, |it| it.pairs().map(worth))
}

#[cfg(test)]
mod tests {
    use super::super::covering::tests::{every_level_is_met, every_pair_is_met};
    use super::*;

    #[test]
    fn every_pair_that_chooses_a_kernel_is_met() {
        let chosen = option_sets();
        every_pair_is_met(&chosen, OptionSet::draw, OptionSet::pairs);
        every_level_is_met(&chosen, &DIMENSIONS, OptionSet::get);
    }

    #[test]
    fn dimensions_are_numbered_in_their_order() {
        for (index, (dimension, _)) in DIMENSIONS.iter().enumerate() {
            assert_eq!(*dimension as usize, index);
        }
    }
}
