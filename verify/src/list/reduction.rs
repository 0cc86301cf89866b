//! Combinations of the options and operands of reductions.

use wgpu_loss::{Axis, Denominator, Element, Mode, Reduce, Statistic};

use super::covering::{Pair, covering, pairs_of};
use super::layout::Layout;
use crate::operands::{ElementWeights, Factor, Weights};
use crate::random::SplitMix64;

/// What a combination chooses, each from so many levels; level 0 is the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    Statistic,
    Axis,
    WeightLayout,
    Mode,
    Element,
    Pass,
    WeightElement,
    Layout,
    WeightKind,
    GradientElement,
    WeightGap,
}
use Dimension as D;

const DIMENSIONS: [(D, usize); 11] = [
    (D::Statistic, STATISTICS.len()),
    (D::Axis, AXES.len()),
    (D::WeightLayout, 4),
    (D::Mode, 2),
    (D::Element, 3),
    (D::Pass, 5),
    (D::WeightElement, 3),
    (D::Layout, 3),
    (D::WeightKind, 5),
    (D::GradientElement, 4),
    (D::WeightGap, 2),
];

/// The first of [`DIMENSIONS`] choose kernels: every pair of their levels is met.
const PAIRED: usize = 6;

/// Of how many option sets [`Extent::Broad`](crate::Extent::Broad) is made.
const COUNT: usize = 45;

pub(super) const AXES: [Axis; 3] = [Axis::EachRow, Axis::EachColumn, Axis::All];

pub(super) const STATISTICS: [(Statistic, Denominator); 9] = [
    (Statistic::Sum, Denominator::Weights),
    (Statistic::Mean, Denominator::Weights),
    (Statistic::LogSumExp, Denominator::Weights),
    (Statistic::Mean, Denominator::NonzeroWeights),
    (Statistic::SumOfSquares, Denominator::Weights),
    (Statistic::MeanAndVariance { correction: 0.0 }, Denominator::Weights),
    (Statistic::MeanAndVariance { correction: 1.0 }, Denominator::Weights),
    (Statistic::Max, Denominator::Weights),
    (Statistic::Min, Denominator::Weights),
];

/// Those of [`STATISTICS`] that have a gradient.
const DIFFERENTIABLE: usize = 4;

pub(super) const LOG_SUM_EXP: usize = 2;
/// Weights that are all 0.
pub(super) const ZERO: usize = 4;
const PER_COLUMN: usize = 2;
const PER_ELEMENT: usize = 3;
const FORWARD: usize = 0;

/// A level of each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe([usize; DIMENSIONS.len()]);

impl Recipe {
    /// The sum of each row, without weights or gradient.
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

    /// Sets to level 0 what means nothing, or is refused, beside the rest.
    fn consistent(mut self) -> Self {
        let layout = self.get(D::WeightLayout);
        if self.get(D::Statistic) >= DIFFERENTIABLE {
            self.0[D::Pass as usize] = FORWARD;
        } else if layout == 0 && self.get(D::Pass) > 2 {
            // Without weights there is no gradient with respect to them.
            self.0[D::Pass as usize] -= 2;
        }
        for (dimension, has_meaning) in [
            (D::WeightElement, layout == PER_ELEMENT),
            (D::WeightGap, layout == PER_ELEMENT),
            (D::WeightKind, layout != 0),
            (D::GradientElement, self.get(D::Pass) != FORWARD),
        ] {
            if !has_meaning {
                self.0[dimension as usize] = 0;
            }
        }
        self
    }

    /// The same without weights that are all 0, which leave nothing to tell long lists by.
    pub(super) fn weighing(self) -> Self {
        match self.get(D::WeightKind) {
            ZERO => self.with(D::WeightKind, 0),
            _ => self,
        }
    }

    pub(super) fn element(&self) -> Element {
        Element::ALL[self.get(D::Element)]
    }

    pub(super) fn axis(&self) -> Axis {
        AXES[self.get(D::Axis)]
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::ALL[self.get(D::Layout)]
    }

    pub(super) fn options(&self) -> Reduce {
        let (statistic, denominator) = STATISTICS[self.get(D::Statistic)];
        let gradient_element = self.get(D::GradientElement).checked_sub(1);
        Reduce {
            statistic,
            axis: self.axis(),
            mode: [Mode::Strict, Mode::Masked][self.get(D::Mode)],
            denominator,
            gradient_element: gradient_element.map(|level| Element::ALL[level]),
            weight_gradient: self.get(D::Pass) > 2,
        }
    }

    pub(super) fn upstream(&self, random: &mut SplitMix64) -> Factor {
        match self.get(D::Pass) {
            FORWARD => Factor::None,
            pass if pass % 2 == 1 => Factor::Scalar(random.pick(&[0.37, -2.5, 1024.5])),
            _ => Factor::PerRow,
        }
    }

    /// Weights for each row, for each column, for each value.
    pub(super) fn weights(
        &self,
        gap: usize,
    ) -> (Option<Weights>, Option<Weights>, Option<ElementWeights>) {
        const KINDS: [Weights; 5] =
            [Weights::Fine, Weights::SomeZero, Weights::Signed, Weights::Positive, Weights::Zero];
        self.weights_of(KINDS[self.get(D::WeightKind)], gap)
    }

    /// The same of another kind.
    pub(super) fn weights_of(
        &self,
        kind: Weights,
        gap: usize,
    ) -> (Option<Weights>, Option<Weights>, Option<ElementWeights>) {
        let layout = self.get(D::WeightLayout);
        let (element, has_gap) = (self.get(D::WeightElement), self.get(D::WeightGap) == 1);
        let (element, gap) = (Element::ALL[element], if has_gap { gap } else { 0 });
        weights_laid_out(layout, ElementWeights { kind, element, gap })
    }

    /// Every pair of levels, with whether both dimensions choose kernels.
    fn pairs(self) -> impl Iterator<Item = (Pair, bool)> {
        pairs_of(self.0, |_, other| other < PAIRED)
    }
}

/// Weights for each row, for each column, for each element: of one of these layouts or none.
pub(super) fn weights_laid_out(
    layout: usize,
    weights: ElementWeights,
) -> (Option<Weights>, Option<Weights>, Option<ElementWeights>) {
    (
        (layout == 1).then_some(weights.kind),
        (layout == PER_COLUMN).then_some(weights.kind),
        (layout == PER_ELEMENT).then_some(weights),
    )
}

/// Few recipes that hold every pair of levels of what chooses kernels, and most other pairs.
pub(super) fn recipes() -> Vec<Recipe> {
    let worth = |(pair, paired)| (pair, if paired { 64 } else { 1 });
    covering(COUNT, SplitMix64(4), Recipe::draw, |it| it.pairs().map(worth))
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
        assert!(matches!(STATISTICS[LOG_SUM_EXP].0, Statistic::LogSumExp));
    }
}
