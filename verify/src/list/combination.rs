//! Combinations of the options of cross-entropy.

use wgpu_loss::{CrossEntropy, Element, Input, Mode, Reduction, RowOutputs};

use super::covering::{Pair, covering, pairs_of};
use super::layout::Layout;
use crate::call::Operation;
use crate::operands::{Factor, Ignored, Integer, Probabilities, Targets, Weights};
use crate::random::SplitMix64;

/// What a combination chooses, each from so many levels; level 0 is the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    Kind,
    ClassWeights,
    Transform,
    Mode,
    Element,
    Layout,
    Pass,
    Parts,
    Smoothing,
    Reduction,
    ZLoss,
    RowWeights,
    Ignored,
    Integer,
    GradientElement,
    Outputs,
    ProbabilityKind,
    ProbabilityElement,
}
use Dimension as D;

impl Dimension {
    /// The levels of [`Transform`](Self::Transform).
    pub(super) const TRANSFORMS: usize = TRANSFORMS.len();
}

/// Every dimension with its number of levels.
const DIMENSIONS: [(D, usize); 18] = [
    (D::Kind, 3),
    (D::ClassWeights, 5),
    (D::Transform, TRANSFORMS.len()),
    (D::Mode, 2),
    (D::Element, 3),
    (D::Layout, 3),
    (D::Pass, 3),
    (D::Parts, 4),
    (D::Smoothing, 3),
    (D::Reduction, 3),
    (D::ZLoss, 3),
    (D::RowWeights, 5),
    (D::Ignored, 5),
    (D::Integer, 4),
    (D::GradientElement, 4),
    (D::Outputs, 5),
    (D::ProbabilityKind, 3),
    (D::ProbabilityElement, 3),
];

/// The first of [`DIMENSIONS`] choose kernels: every pair of their levels is met.
const PAIRED: usize = 9;

/// Scale and softcap.
const TRANSFORMS: [(f32, Option<f32>); 6] =
    [(1.0, None), (0.7, None), (1.0, Some(5.0)), (-2.0, None), (0.125, Some(30.0)), (0.0, None)];
const SMOOTHING: [f32; 3] = [0.0, 0.1, 1.0];
const Z_LOSS: [f32; 3] = [0.0, 1e-3, -0.5];
const REDUCTIONS: [Reduction; 3] = [Reduction::Mean, Reduction::Sum, Reduction::None];
/// Which mean, by the level of [`Dimension::Outputs`], which has nothing to do with it.
const MEANS: [Reduction; 5] = [
    Reduction::Mean,
    Reduction::BatchMean,
    Reduction::Mean,
    Reduction::ElementMean,
    Reduction::Mean,
];

const CLASSES: usize = 0;
const PROBABILITIES: usize = 1;
const LOG_PROBABILITIES: usize = 2;
const FORWARD: usize = 2;
const PER_ROW: usize = 1;

/// Of how many option sets [`Extent::Broad`](crate::Extent::Broad) is made: each compiles a
/// kernel per family, which takes a software device 0.1 s.
const COUNT: usize = 40;

/// A level of each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Combination([usize; DIMENSIONS.len()]);

impl Combination {
    /// The usual everything, forward and backward.
    pub(super) const USUAL: Self = Self([0; DIMENSIONS.len()]);

    fn get(&self, dimension: D) -> usize {
        self.0[dimension as usize]
    }

    pub(super) fn with(mut self, dimension: D, level: usize) -> Self {
        self.0[dimension as usize] = level;
        self
    }

    /// Any, but each level 0 more often than the others.
    pub(super) fn draw(random: &mut SplitMix64) -> Self {
        let mut level = |(_, levels): (D, usize)| match random.one_in(4) {
            true => 0,
            false => random.below(levels),
        };
        Self(DIMENSIONS.map(&mut level)).consistent()
    }

    /// Sets to level 0 what means nothing, or is refused, beside the rest.
    fn consistent(mut self) -> Self {
        let meaningless: &[D] = match self.get(D::Kind) {
            PROBABILITIES => &[D::Ignored, D::Integer],
            LOG_PROBABILITIES => &[
                D::Transform,
                D::Parts,
                D::Smoothing,
                D::ZLoss,
                D::ProbabilityKind,
                D::ProbabilityElement,
            ],
            _ => &[D::ProbabilityKind, D::ProbabilityElement],
        };
        for &dimension in meaningless {
            self = self.with(dimension, 0);
        }
        if self.get(D::Pass) == FORWARD {
            self = self.with(D::GradientElement, 0);
        }
        if self.get(D::Pass) == PER_ROW {
            self = self.with(D::Reduction, 2);
        }
        self
    }

    /// The same where products and sums of the logits may overflow: only what needs none.
    pub(super) fn without_products(self) -> Self {
        let products = [
            D::Kind,
            D::ClassWeights,
            D::Transform,
            D::Smoothing,
            D::ZLoss,
            D::RowWeights,
            D::ProbabilityKind,
            D::ProbabilityElement,
        ];
        products.into_iter().fold(self, |combination, it| combination.with(it, 0)).consistent()
    }

    pub(super) fn element(&self) -> Element {
        Element::ALL[self.get(D::Element)]
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::ALL[self.get(D::Layout)]
    }

    pub(super) fn targets(&self, gap: usize) -> Targets {
        match self.get(D::Kind) {
            PROBABILITIES => Targets::Probabilities {
                kind: Probabilities::ALL[self.get(D::ProbabilityKind)],
                element: Element::ALL[self.get(D::ProbabilityElement)],
                gap,
            },
            _ => Targets::Classes {
                ignored: [Ignored::No, Ignored::Some, Ignored::No, Ignored::No, Ignored::All]
                    [self.get(D::Ignored)],
                integer: Integer::ALL[self.get(D::Integer)],
            },
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

    /// For rows of so many classes.
    pub(super) fn operation(&self, classes: usize) -> Operation {
        let kind = self.get(D::Kind);
        let (logit_scale, softcap) = TRANSFORMS[self.get(D::Transform)];
        let ignored = Integer::ALL[self.get(D::Integer)].ignore_index();
        let ignore_index = match self.get(D::Ignored) {
            2 => Some(0),
            3 => None,
            _ => Some(ignored),
        };
        let all = self.get(D::Outputs);
        let wants = |level| all == 0 || all == level;
        let softmax = kind != LOG_PROBABILITIES;
        let may_rank = kind == CLASSES && self.get(D::Parts) == 0;
        let options = CrossEntropy {
            reduction: match REDUCTIONS[self.get(D::Reduction)] {
                Reduction::Mean => MEANS[self.get(D::Outputs)],
                reduction => reduction,
            },
            ignore_index,
            label_smoothing: SMOOTHING[self.get(D::Smoothing)],
            z_loss: Z_LOSS[self.get(D::ZLoss)],
            logit_scale,
            softcap,
            input: if softmax { Input::Logits } else { Input::LogProbabilities },
            mode: [Mode::Strict, Mode::Masked][self.get(D::Mode)],
            rows: RowOutputs {
                loss: wants(1),
                log_sum_exp: softmax && wants(2),
                target_log_probability: kind != PROBABILITIES && wants(3),
                entropy: softmax && wants(2),
                argmax: softmax && wants(1),
                target_rank: may_rank && wants(3),
                z_loss: softmax && wants(3),
            },
            correct: kind == CLASSES && (wants(1) || wants(3)),
            // Without the rank itself, and with it.
            top_k: if may_rank && classes > 1 && self.get(D::Mode) == 1 { 2 } else { 1 },
            gradient_element: self
                .get(D::GradientElement)
                .checked_sub(1)
                .map(|level| Element::ALL[level]),
        };
        match self.get(D::Parts) {
            0 => Operation::CrossEntropy(options),
            parts => Operation::MergedParts { options, parts },
        }
    }

    /// Every pair of levels, with whether both dimensions choose kernels.
    fn pairs(self) -> impl Iterator<Item = (Pair, bool)> {
        pairs_of(self.0, |_, other| other < PAIRED)
    }
}

/// Few combinations that hold every pair of levels of what chooses kernels, and most other pairs.
pub(super) fn combinations() -> Vec<Combination> {
    let worth = |(pair, paired)| (pair, if paired { 8 } else { 1 });
    covering(COUNT, SplitMix64(3), Combination::draw, |it| it.pairs().map(worth))
}

#[cfg(test)]
mod tests {
    use super::super::covering::tests::{every_level_is_met, every_pair_is_met};
    use super::*;

    #[test]
    fn every_level_and_every_pair_that_chooses_a_kernel_is_met() {
        let chosen = combinations();
        assert_eq!(chosen.len(), COUNT);
        every_level_is_met(&chosen, &DIMENSIONS, Combination::get);
        every_pair_is_met(&chosen, Combination::draw, Combination::pairs);
    }

    #[test]
    fn dimensions_are_numbered_in_their_order() {
        for (index, (dimension, _)) in DIMENSIONS.iter().enumerate() {
            assert_eq!(*dimension as usize, index);
        }
    }
}
