//! The cases of element-wise losses.

use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, LossFunction, Mode, Shape};

use super::List;
use super::elementwise::{Dimension, FUNCTIONS, REDUCTIONS, Recipe, recipes};
use super::lengths::REDUCED;
use crate::call::Operation;
use crate::case::{Case, Fault};
use crate::content::Content;
use crate::operands::{ElementWeights, Factor, Numbers, Targets, Weights};

/// The longest list of elements that [`Extent::Broad`](crate::Extent::Broad) reduces.
const BROAD: usize = 110_000;

/// What is special to element-wise losses.
const CONTENTS: [Content; 9] = [
    Content::Wide,
    Content::Offset(10_000),
    Content::Ties,
    Content::Masked,
    Content::Infinite,
    Content::NotANumber,
    Content::Extreme,
    Content::Lowest,
    Content::Subnormal,
];

const TARGET: Targets = Targets::Elements { special: false, element: Element::F32, gap: 0 };

impl List {
    /// The option sets take turns where they are not drawn.
    fn loss_recipe(&mut self) -> Recipe {
        self.turn += 1;
        match self.loss_recipes.is_empty() {
            true => Recipe::draw(&mut self.random),
            false => self.loss_recipes[self.turn % self.loss_recipes.len()],
        }
    }

    fn loss(&mut self, recipe: Recipe, rows: usize, columns: usize, content: Content) -> &mut Case {
        // An exponential that is infinite whatever the precision, less a product that single
        // precision alone overflows, is infinite or NaN.
        let content = match recipe.function() {
            LossFunction::PoissonNll { .. } if content.overflows(recipe.element()) => Content::Wide,
            _ => content,
        };
        let shape = recipe.layout().shape(&mut self.random, rows, columns);
        let shape = shape.with_element(recipe.element());
        let mut gap = || self.random.pick(&[0, 0, 1, 4]);
        let gaps = [gap(), gap(), gap(), gap()];
        let upstream = recipe.upstream(&mut self.random, gaps[0]);
        let third = recipe.third(&mut self.random, gaps[1]);
        let operation = Operation::Elementwise(recipe.options());
        let case = self.push(operation, shape, content, upstream);
        (case.row_weights, case.class_weights, case.element_weights) = recipe.weights(gaps[2]);
        (case.targets, case.third) = (recipe.targets(false, gaps[3]), third);
        case
    }

    /// So many elements along an axis, beside a few others.
    fn loss_along(&mut self, recipe: Recipe, length: usize, content: Content) {
        let (rows, columns) = self.rows_and_columns(recipe.axis(), length);
        self.loss(recipe, rows, columns, content);
    }

    /// Inputs, targets or weights that are not finite, with a weight of 0 for some.
    fn special_loss(&mut self, function: usize, mode: usize, turn: usize) {
        let recipe = Recipe::USUAL
            .with(Dimension::Function, function)
            .with(Dimension::Mode, mode)
            .with(Dimension::Pass, 1)
            .with(Dimension::WeightLayout, 1 + turn % 3)
            .with(Dimension::Reduction, [0, 2, 0, 3][turn % 4]);
        let content = [Content::Infinite, Content::NotANumber, Content::Masked][turn % 3];
        let case = self.loss(recipe, 9, 7, content);
        if recipe.function().has_target() {
            case.targets = Targets::Elements { special: true, element: Element::F32, gap: 1 };
        }
    }

    fn infinite_weights(&mut self, function: usize, turn: usize) {
        let recipe = Recipe::USUAL
            .with(Dimension::Function, function)
            .with(Dimension::Mode, turn % 2)
            .with(Dimension::WeightLayout, 1 + turn % 3)
            .with(Dimension::Reduction, [0, 2, 8][turn % 3]);
        let case = self.loss(recipe, 7, 5, Content::Normal);
        (case.row_weights, case.class_weights, case.element_weights) =
            recipe.weights_of(Weights::NotFinite, 1);
    }

    pub(super) fn quick_losses(&mut self) {
        self.loss_recipes = recipes();
        for function in 0..FUNCTIONS.len() {
            let recipe = self.loss_recipe().with(Dimension::Function, function);
            self.loss(recipe, 18, 33, Content::Normal);
        }
        for (turn, length) in [1, 65, 1025, 8193].into_iter().enumerate() {
            let recipe = self.loss_recipe().with(Dimension::Reduction, 1 + 2 * turn);
            self.loss_along(recipe, length, Content::Normal);
        }
        for turn in 0..4 {
            self.special_loss(turn, turn % 2, turn);
        }
        for content in [Content::Wide, Content::Extreme, Content::Subnormal] {
            let recipe = self.loss_recipe();
            self.loss(recipe, 12, 10, content);
        }
        self.quick_corners_of_losses();
        self.loss(Recipe::USUAL.with(Dimension::Pass, 1), 0, 3, Content::Normal);
        let mean = Recipe::USUAL.with(Dimension::Reduction, 4).with(Dimension::Mode, 1);
        self.loss(mean, 3, 0, Content::Normal);
    }

    /// Special values where a safeguard of the kernels shows that no other case needs.
    fn quick_corners_of_losses(&mut self) {
        let of =
            |function| Recipe::USUAL.with(Dimension::Function, function).with(Dimension::Pass, 1);
        // Far from 0, where one of two probabilities is all but 0; a focal loss's power is small.
        for function in [0, 13] {
            self.loss(of(function), 12, 10, Content::Wide);
        }
        // Beyond the range of half precision.
        self.loss(of(2).with(Dimension::Element, 1), 12, 10, Content::Extreme).upstream =
            Factor::Scalar(-2.5);
        let counted = of(0).with(Dimension::Threshold, 1).with(Dimension::WeightLayout, 3);
        self.loss(counted, 9, 7, Content::NotANumber);
        let mean = of(0).with(Dimension::Reduction, 4).with(Dimension::WeightLayout, 1);
        self.loss(mean, 9, 7, Content::Normal).row_weights = Some(Weights::Zero);
    }

    /// The same, at the end of the list, so that no seed of other cases depends on it.
    pub(super) fn quick_safeguards_of_losses(&mut self) {
        let of =
            |function| Recipe::USUAL.with(Dimension::Function, function).with(Dimension::Pass, 1);
        self.loss(of(0).with(Dimension::Third, 1), 12, 10, Content::Normal);
        // Elements of weight 0 whose losses are infinite, and targets that are certain.
        self.special_loss(0, 1, 0);
        // Probabilities of 0, and close to their targets.
        for function in [3, 10, 12] {
            self.loss(of(function), 12, 10, Content::FinitelyMasked);
        }
        // A power of all the digits there are.
        let function = LossFunction::SigmoidFocal { alpha: None, gamma: 0.75 };
        self.loss(of(13), 200, 10, Content::Wide).operation =
            Operation::Elementwise(ElementwiseLoss::unreduced(function));
        // Weights whose sum is 0, though they are not.
        let mean = of(0).with(Dimension::Reduction, 4).with(Dimension::WeightLayout, 1);
        self.loss(mean, 2, 5, Content::Normal).row_weights = Some(Weights::Cancelling);
    }

    pub(super) fn broad_losses(&mut self) {
        self.loss_recipes = recipes();
        for recipe in recipes() {
            self.loss(recipe, 18, 33, Content::Normal);
        }
        let lengths = REDUCED.into_iter().filter(|&it| it <= BROAD);
        for (turn, length) in lengths.enumerate() {
            let recipe = self.loss_recipe().with(Dimension::Reduction, turn % REDUCTIONS.len());
            self.loss_along(recipe, length, [Content::Normal, Content::Wide][turn % 2]);
        }
        for content in CONTENTS {
            for _ in 0..2 {
                let recipe = self.loss_recipe();
                self.loss(recipe, 12, 10, content);
            }
        }
        for function in 0..FUNCTIONS.len() {
            self.special_loss(function, function % 2, function);
        }
        for turn in 0..3 {
            self.infinite_weights(turn, turn);
        }
        self.losses_of_nothing(1);
    }

    pub(super) fn full_losses(&mut self) {
        self.loss_recipes.clear();
        // Every function with every reduction, of every family.
        for function in 0..FUNCTIONS.len() {
            for reduction in 0..REDUCTIONS.len() {
                for (rows, columns) in [(18, 7), (36, 300)] {
                    let recipe = self.loss_recipe().with(Dimension::Function, function);
                    let recipe = recipe.with(Dimension::Reduction, reduction);
                    self.loss(recipe, rows, columns, Content::Normal);
                }
            }
            for content in Content::ALL {
                let recipe = self.loss_recipe().with(Dimension::Function, function);
                self.loss(recipe, 12, 10, content);
            }
            for turn in 0..4 {
                self.special_loss(function, turn / 2, turn + function);
                self.infinite_weights(function, turn);
            }
        }
        for length in REDUCED {
            for reduction in 0..REDUCTIONS.len() {
                let recipe = self.loss_recipe().with(Dimension::Reduction, reduction);
                self.loss_along(recipe, length, Content::Normal);
            }
        }
        for recipe in recipes() {
            self.loss(recipe, 65, 700, Content::Normal);
        }
        for (rows, columns) in [(65_537, 3), (65_535, 1), (3, 65_537)] {
            for reduction in 0..REDUCTIONS.len() {
                let recipe = self.loss_recipe().with(Dimension::Reduction, reduction);
                self.loss(recipe, rows, columns, Content::Normal);
            }
        }
        self.losses_of_nothing(3);
    }

    /// No rows, and no columns, in every reduction.
    fn losses_of_nothing(&mut self, times: usize) {
        for _ in 0..times {
            for reduction in 0..REDUCTIONS.len() {
                let recipe = self.loss_recipe().with(Dimension::Reduction, reduction);
                let (rows, columns) = [(0, 3), (4, 0)][reduction % 2];
                self.loss(recipe, rows, columns, Content::Normal);
            }
        }
    }

    /// What every engine refuses.
    pub(super) fn faulty_losses(&mut self) {
        let squared = ElementwiseLoss::new(LossFunction::SquaredError);
        let element = ElementWeights { kind: Weights::Positive, element: Element::F16, gap: 0 };
        let case = self.faulty_loss(squared);
        (case.row_weights, case.fault) = (Some(Weights::Positive), Some(Fault::SpareRowWeight));
        let case = self.faulty_loss(squared);
        (case.class_weights, case.fault) =
            (Some(Weights::Positive), Some(Fault::MissingClassWeight));
        let case = self.faulty_loss(squared);
        (case.element_weights, case.fault) = (Some(element), Some(Fault::WideWeights));
        self.faulty_loss(squared).fault = Some(Fault::WideProbabilities);
        // No target, one too many, and weights of positives that the function has not.
        self.faulty_loss(squared).targets = Targets::PLAIN;
        self.faulty_loss(ElementwiseLoss::new(LossFunction::Entropy));
        self.faulty_loss(squared).third = Some(Numbers::PerRow);
        let gaussian =
            ElementwiseLoss::new(LossFunction::GaussianNll { full: false, epsilon: 1e-6 });
        self.faulty_loss(gaussian);
        for numbers in [Numbers::PerRow, Numbers::PerColumn] {
            let case = self.faulty_loss(gaussian);
            (case.third, case.fault) = (Some(numbers), Some(Fault::SpareNumber));
        }
        // Upstream gradients of another form or length than the results.
        let matrix = Factor::Matrix { element: Element::F32, gap: 0 };
        let reduced = |reduction, axis| ElementwiseLoss { reduction, axis, ..squared };
        let sum = |axis| reduced(ElementwiseReduction::Sum, axis);
        for (axis, upstream) in [
            (Axis::All, Factor::PerRow),
            (Axis::EachColumn, Factor::PerRow),
            (Axis::EachRow, Factor::PerColumn),
            (Axis::All, Factor::PerColumn),
            (Axis::EachRow, matrix),
        ] {
            self.faulty_loss(sum(axis)).upstream = upstream;
        }
        let unreduced = ElementwiseLoss::unreduced(LossFunction::SquaredError);
        let case = self.faulty_loss(unreduced);
        (case.upstream, case.fault) = (matrix, Some(Fault::TallUpstream));
        for (options, upstream) in [
            (unreduced, Factor::PerRow),
            (unreduced, Factor::PerColumn),
            (sum(Axis::EachRow), Factor::PerRow),
            (sum(Axis::EachColumn), Factor::PerColumn),
        ] {
            let case = self.faulty_loss(options);
            (case.upstream, case.fault) = (upstream, Some(Fault::SpareFactor));
        }
        let binary = ElementwiseLoss::new(LossFunction::BinaryCrossEntropy);
        for options in [
            ElementwiseLoss { label_smoothing: 1.5, ..binary },
            ElementwiseLoss { label_smoothing: f32::NAN, ..binary },
            ElementwiseLoss { threshold: Some(f32::INFINITY), ..binary },
            ElementwiseLoss { label_smoothing: 0.1, ..squared },
            ElementwiseLoss { threshold: Some(0.5), mode: Mode::Masked, ..squared },
            reduced(ElementwiseReduction::BatchMean, Axis::EachRow),
        ] {
            self.faulty_loss(options);
        }
        let poisson = |epsilon| LossFunction::PoissonNll { log_input: false, full: false, epsilon };
        for function in [
            LossFunction::Huber { delta: 0.0 },
            LossFunction::Huber { delta: f32::NAN },
            LossFunction::SigmoidFocal { alpha: None, gamma: -1.0 },
            LossFunction::SigmoidFocal { alpha: Some(f32::INFINITY), gamma: 2.0 },
            poisson(-1.0),
        ] {
            self.faulty_loss(ElementwiseLoss::new(function));
        }
        let nothing = LossFunction::GaussianNll { full: false, epsilon: 0.0 };
        self.faulty_loss(ElementwiseLoss::new(nothing)).third = Some(Numbers::PerRow);
    }

    fn faulty_loss(&mut self, options: ElementwiseLoss) -> &mut Case {
        let operation = Operation::Elementwise(options);
        let case = self.push(operation, Shape::new(5, 10), Content::Normal, Factor::Scalar(1.0));
        case.targets = TARGET;
        case
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Extent;

    fn losses(extent: Extent) -> Vec<Case> {
        let mut list = List::new();
        match extent {
            Extent::Quick => list.quick_losses(),
            Extent::Broad => list.broad_losses(),
            Extent::Full => list.full_losses(),
        }
        list.cases
    }

    /// Of a case: function, reduction with its axis, and whether there is a gradient.
    fn met(cases: &[Case]) -> HashSet<(String, String, bool)> {
        let of = |case: &Case| {
            let Operation::Elementwise(options) = &case.operation else { return None };
            let ElementwiseLoss { function, reduction, axis, .. } = options;
            let reduction = format!("{reduction:?} {axis:?}");
            Some((format!("{function:?}"), reduction, case.upstream != Factor::None))
        };
        cases.iter().filter_map(of).collect()
    }

    #[test]
    fn every_list_holds_every_function_and_reduction() {
        for extent in [Extent::Quick, Extent::Broad, Extent::Full] {
            let met = met(&losses(extent));
            let functions: HashSet<_> = met.iter().map(|it| &it.0).collect();
            let reductions: HashSet<_> = met.iter().map(|it| &it.1).collect();
            assert_eq!(functions.len(), FUNCTIONS.len(), "{extent:?}");
            assert_eq!(reductions.len(), REDUCTIONS.len(), "{extent:?}");
        }
    }

    #[test]
    fn longer_lists_cross_what_they_hold() {
        let broad = met(&losses(Extent::Broad));
        let passes: HashSet<_> = broad.iter().map(|it| (&it.0, it.2)).collect();
        assert_eq!(passes.len(), 2 * FUNCTIONS.len());
        let full = met(&losses(Extent::Full));
        let pairs: HashSet<_> = full.iter().map(|it| (&it.0, &it.1)).collect();
        assert_eq!(pairs.len(), FUNCTIONS.len() * REDUCTIONS.len());
    }

    /// Software devices compile a kernel for most cases.
    #[test]
    fn the_short_lists_are_short() {
        let (quick, broad) = (losses(Extent::Quick), losses(Extent::Broad));
        assert!(quick.len() <= 46, "{} cases", quick.len());
        assert!(broad.len() <= 200, "{} cases", broad.len());
    }
}
