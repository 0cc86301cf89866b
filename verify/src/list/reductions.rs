//! The cases of reductions.

use wgpu_loss::{Axis, Element, Reduce, Shape, Statistic};

use super::List;
use super::lengths::REDUCED;
use super::reduction::{
    AXES, Dimension, LOG_SUM_EXP, Recipe, STATISTICS, ZERO as ZERO_WEIGHTS, recipes,
};
use crate::call::Operation;
use crate::case::{Case, Fault};
use crate::content::Content;
use crate::operands::{ElementWeights, Factor, Grouping, Weights};

/// The longest list of values that [`Extent::Broad`](crate::Extent::Broad) reduces.
const BROAD: usize = 110_000;

/// The longest of those that meet more than one axis there.
const SHORT: usize = 33;

/// Rows, columns and how they are grouped.
const GROUPED: [(usize, usize, Grouping); 12] = [
    (257, 5, Grouping::Offsets(7)),
    (300, 65, Grouping::Ids(5)),
    (4097, 1, Grouping::Whole),
    (33, 2, Grouping::Offsets(300)),
    (65, 3, Grouping::Ids(1000)),
    (1025, 3, Grouping::Offsets(33)),
    (1, 1, Grouping::Ids(1)),
    (65_537, 2, Grouping::Ids(3)),
    (7919, 4, Grouping::Offsets(1025)),
    (5, 7, Grouping::Offsets(0)),
    (5, 7, Grouping::Ids(0)),
    (0, 3, Grouping::Ids(4)),
];

/// What is special to reductions.
const CONTENTS: [Content; 14] = [
    Content::Wide,
    Content::Offset(10_000),
    Content::Offset(-(1 << 24)),
    Content::Lead(80),
    Content::Ties,
    Content::Constant,
    Content::Masked,
    Content::AllMasked,
    Content::Infinite,
    Content::NotANumber,
    Content::Extreme,
    Content::Huge,
    Content::Lowest,
    Content::Subnormal,
];

impl List {
    /// The option sets take turns where they are not drawn.
    fn recipe(&mut self) -> Recipe {
        self.turn += 1;
        match self.recipes.is_empty() {
            true => Recipe::draw(&mut self.random),
            false => self.recipes[self.turn % self.recipes.len()],
        }
    }

    fn reduction(
        &mut self,
        recipe: Recipe,
        rows: usize,
        columns: usize,
        content: Content,
    ) -> &mut Case {
        let shape = recipe.layout().shape(&mut self.random, rows, columns);
        let shape = shape.with_element(recipe.element());
        let upstream = recipe.upstream(&mut self.random);
        let gap = self.random.pick(&[1, 3, 4]);
        let case = self.push(Operation::Reduce(recipe.options()), shape, content, upstream);
        (case.row_weights, case.class_weights, case.element_weights) = recipe.weights(gap);
        case
    }

    /// So many values along an axis, beside a few others.
    pub(super) fn rows_and_columns(&mut self, axis: Axis, length: usize) -> (usize, usize) {
        let others = self.random.pick(&[1, 2, 3, 5]);
        let others = if length > 20_000 { others.min(2) } else { others };
        match axis {
            Axis::EachRow => (others, length),
            Axis::EachColumn => (length, others),
            Axis::All => {
                let rows = self.random.pick(&[1, 7, length]);
                (rows, length.div_ceil(rows))
            }
        }
    }

    /// A case of them.
    fn along(&mut self, recipe: Recipe, length: usize, content: Content) {
        let (rows, columns) = self.rows_and_columns(recipe.axis(), length);
        self.reduction(recipe.weighing(), rows, columns, content);
    }

    fn segments(&mut self, recipe: Recipe, (rows, columns, grouping): (usize, usize, Grouping)) {
        // Offset values show how a sum is kept; in others nothing but 0 may come of few of them.
        let content = match recipe.element() {
            Element::F32 => Content::Offset(10_000),
            _ => Content::Normal,
        };
        let recipe = recipe.weighing().with(Dimension::Axis, 1).with(Dimension::Pass, 0);
        let case = self.reduction(recipe, rows, columns, content);
        let Shape { element, .. } = case.shape;
        let gap = case.shape.row_stride - columns * case.shape.inner;
        case.shape = Shape::new(rows, columns).with_row_stride(columns + gap).with_element(element);
        case.operation = Operation::ReduceSegments(recipe.options());
        case.segments = Some(grouping);
    }

    /// Values or weights that are not finite, with a weight of 0 for some.
    fn not_finite(&mut self, statistic: usize, turn: usize, rows: usize, columns: usize) {
        let recipe = Recipe::USUAL
            .with(Dimension::Axis, turn % 2)
            .with(Dimension::WeightLayout, 1 + turn % 3)
            .with(Dimension::Statistic, statistic)
            .with(Dimension::Pass, 3 + turn % 2)
            .with(Dimension::Mode, turn / 2 % 2)
            .with(Dimension::WeightKind, 1);
        let content = [Content::Infinite, Content::NotANumber, Content::Masked][turn % 3];
        self.reduction(recipe, rows, columns, content);
        let case = self.reduction(recipe, rows, columns, Content::Normal);
        (case.row_weights, case.class_weights, case.element_weights) =
            recipe.weights_of(Weights::NotFinite, 1);
    }

    /// Values or weights that leave single precision where they are added up, though what comes of
    /// them need not.
    fn far(&mut self, turn: usize, rows: usize, columns: usize) {
        const MEAN: usize = 1;
        const MEAN_AND_VARIANCE: usize = 5;
        let along = |recipe: Recipe| recipe.with(Dimension::Axis, turn % AXES.len());
        let weighted = |statistic, pass| {
            let recipe = along(Recipe::USUAL).with(Dimension::WeightLayout, 1 + turn % 3);
            recipe.with(Dimension::Statistic, statistic).with(Dimension::Pass, pass)
        };
        for statistic in [0, MEAN, MEAN_AND_VARIANCE] {
            let recipe = along(Recipe::USUAL).with(Dimension::Statistic, statistic);
            self.reduction(recipe, rows, columns, Content::Huge);
        }
        let cancelling = weighted(LOG_SUM_EXP, 3).with(Dimension::WeightLayout, 3);
        for (recipe, content, kind) in [
            (weighted(MEAN, 3), Content::Normal, Weights::Huge),
            (weighted(MEAN_AND_VARIANCE, 0), Content::Normal, Weights::Huge),
            (cancelling, Content::Constant, Weights::Cancelling),
        ] {
            let case = self.reduction(recipe, rows, columns, content);
            (case.row_weights, case.class_weights, case.element_weights) =
                recipe.weights_of(kind, 1);
        }
    }

    pub(super) fn quick_reductions(&mut self) {
        self.recipes = recipes();
        for (turn, length) in REDUCED.into_iter().filter(|&it| it <= BROAD).step_by(3).enumerate() {
            let recipe = self.recipe().with(Dimension::Axis, turn % AXES.len());
            self.along(recipe, length, [Content::Normal, Content::Offset(10_000)][turn % 2]);
        }
        self.along(Recipe::USUAL.with(Dimension::Axis, 2), 65_537, Content::Offset(10_000));
        for recipe in recipes().into_iter().step_by(5) {
            self.reduction(recipe, 18, 33, Content::Normal);
        }
        for (turn, statistic) in [0, 1, 2].into_iter().enumerate() {
            self.not_finite(statistic, turn, 7, 5);
        }
        self.far(2, 6, 15);
        for (turn, grouped) in GROUPED.into_iter().take(5).enumerate() {
            let recipe = Recipe::USUAL
                .with(Dimension::Statistic, turn * 2 % STATISTICS.len())
                .with(Dimension::WeightLayout, turn % 4);
            self.segments(recipe, grouped);
        }
        self.quick_corners_of_reductions();
        self.reduction(Recipe::USUAL.with(Dimension::Pass, 1), 0, 3, Content::Normal);
        self.reduction(Recipe::USUAL.with(Dimension::Statistic, 2), 3, 0, Content::Normal);
    }

    /// Special values where a safeguard of the kernels shows that no other case needs.
    fn quick_corners_of_reductions(&mut self) {
        self.not_finite(0, 2, 7, 5);
        self.not_finite(3, 3, 7, 5);
        let of = |statistic| Recipe::USUAL.with(Dimension::Statistic, statistic);
        let weighted = |statistic, kind| {
            of(statistic).with(Dimension::WeightLayout, 1).with(Dimension::WeightKind, kind)
        };
        // A variance far from 0.
        self.reduction(of(5), 3, 300, Content::Offset(-(1 << 24)));
        self.reduction(weighted(7, 1), 12, 10, Content::NotANumber);
        self.reduction(of(7), 12, 10, Content::Offset(-10_000));
        let masked_gradient =
            weighted(1, ZERO_WEIGHTS).with(Dimension::Mode, 1).with(Dimension::Pass, 1);
        self.reduction(masked_gradient, 12, 10, Content::Normal);
        // Values of weight 0 so far above the others that an exponential leaves the range.
        let of_weights = weighted(2, 1).with(Dimension::WeightLayout, 2).with(Dimension::Pass, 3);
        self.reduction(of_weights, 12, 10, Content::Lead(89));
    }

    /// The same, at the end of the list, so that no seed of other cases depends on it.
    pub(super) fn quick_safeguards_of_reductions(&mut self) {
        let of = |statistic| Recipe::USUAL.with(Dimension::Statistic, statistic);
        self.not_finite(3, 5, 7, 5);
        // Numbers of all digits and much the same, so that each addition rounds, and the same way.
        self.reduction(of(0), 1, 4097, Content::Offset(9_999_991));
        // Sums of columns that leave single precision, though their means do not.
        self.reduction(of(1).with(Dimension::Axis, 1), 257, 3, Content::Huge);
        // Rows that begin with values of weight 0, so that their variance is taken around 0; of so few
        // digits that their squares are exact.
        let beginning = of(5).with(Dimension::WeightLayout, 3).with(Dimension::WeightKind, 1);
        let few_digits = beginning.with(Dimension::Element, 2);
        self.reduction(few_digits, 300, 10, Content::Offset(100));
    }

    pub(super) fn broad_reductions(&mut self) {
        self.recipes = recipes();
        for (turn, length) in REDUCED.into_iter().filter(|&it| it <= BROAD).enumerate() {
            for step in 0..if length <= SHORT { 2 } else { 1 } {
                let recipe = self.recipe().with(Dimension::Axis, (turn + step) % AXES.len());
                self.along(recipe, length, [Content::Normal, Content::Offset(10_000)][turn % 2]);
            }
        }
        // What is lost of a sum shows in the longest.
        for axis in 0..AXES.len() {
            let recipe = Recipe::USUAL.with(Dimension::Axis, axis);
            self.along(recipe, 104_729, Content::Offset(10_000));
        }
        for recipe in recipes() {
            self.reduction(recipe, 18, 33, Content::Normal);
        }
        for (turn, content) in CONTENTS.into_iter().enumerate() {
            let recipe = self.recipe().with(Dimension::Axis, turn % 2);
            self.reduction(recipe, 12, 10, content);
        }
        for statistic in 0..5 {
            self.not_finite(statistic, statistic, 7, 5);
        }
        self.far(0, 3, 300);
        self.far(1, 300, 3);
        for (turn, grouped) in GROUPED.into_iter().enumerate() {
            let recipe = self.recipe().with(Dimension::Statistic, turn % STATISTICS.len());
            self.segments(recipe, grouped);
        }
        self.many_results(1);
        self.of_nothing(1);
    }

    pub(super) fn full_reductions(&mut self) {
        self.recipes.clear();
        for (turn, length) in REDUCED.into_iter().enumerate() {
            for axis in 0..AXES.len() {
                for step in 0..4 {
                    let statistic = (turn + axis + 2 * step) % STATISTICS.len();
                    let recipe = self.recipe().with(Dimension::Axis, axis);
                    let recipe = recipe.with(Dimension::Statistic, statistic);
                    self.along(recipe, length, [Content::Normal, Content::Wide][step % 2]);
                }
                let recipe = self.recipe().with(Dimension::Axis, axis);
                self.along(recipe, length, Content::Offset(10_000));
            }
        }
        for content in Content::ALL {
            for (rows, columns) in [(12, 10), (40, 5), (3, 300)] {
                let recipe = self.recipe();
                self.reduction(recipe, rows, columns, content);
            }
        }
        for recipe in recipes() {
            for (rows, columns) in [(18, 7), (36, 700), (700, 36)] {
                self.reduction(recipe, rows, columns, Content::Normal);
            }
        }
        for statistic in 0..STATISTICS.len() {
            for turn in 0..6 {
                self.not_finite(statistic, turn, 7, 5);
            }
        }
        for turn in 0..9 {
            let (rows, columns) = [(6, 15), (3, 30_000), (3000, 60)][turn / 3];
            self.far(turn, rows, columns);
        }
        for grouped in GROUPED {
            for statistic in 0..STATISTICS.len() {
                let recipe = self.recipe().with(Dimension::Statistic, statistic);
                self.segments(recipe, grouped);
            }
        }
        self.many_results(STATISTICS.len());
        self.of_nothing(STATISTICS.len());
    }

    /// Many short rows, and many short columns.
    fn many_results(&mut self, times: usize) {
        for _ in 0..times {
            for (axis, rows, columns) in [(0, 65_537, 3), (0, 65_535, 1), (1, 3, 65_537)] {
                let recipe = self.recipe().with(Dimension::Axis, axis);
                self.reduction(recipe, rows, columns, Content::Normal);
            }
        }
    }

    /// No rows, and no columns, on every axis.
    fn of_nothing(&mut self, times: usize) {
        for _ in 0..times {
            for axis in 0..AXES.len() {
                for (rows, columns) in [(0, 3), (4, 0)] {
                    let recipe = self.recipe().with(Dimension::Axis, axis);
                    self.reduction(recipe, rows, columns, Content::Normal);
                }
            }
        }
    }

    /// What every engine refuses.
    pub(super) fn faulty_reductions(&mut self) {
        let weighted =
            Reduce { weight_gradient: true, ..Reduce::new(Statistic::Mean, Axis::EachRow) };
        let element = ElementWeights { kind: Weights::Positive, element: Element::F16, gap: 0 };
        let case = self.faulty(Operation::Reduce(weighted));
        (case.row_weights, case.fault) = (Some(Weights::Positive), Some(Fault::SpareRowWeight));
        let case = self.faulty(Operation::Reduce(weighted));
        (case.class_weights, case.fault) =
            (Some(Weights::Positive), Some(Fault::MissingClassWeight));
        let case = self.faulty(Operation::Reduce(weighted));
        (case.element_weights, case.fault) = (Some(element), Some(Fault::WideWeights));
        // A gradient with respect to weights that are not there.
        self.faulty(Operation::Reduce(weighted));
        for axis in AXES {
            let case = self.faulty(Operation::Reduce(Reduce::new(Statistic::LogSumExp, axis)));
            (case.upstream, case.fault) = (Factor::PerRow, Some(Fault::SpareFactor));
        }
        // What has no gradient.
        let variance = |correction| Statistic::MeanAndVariance { correction };
        for statistic in [Statistic::SumOfSquares, Statistic::Max, Statistic::Min, variance(0.0)] {
            self.faulty(Operation::Reduce(Reduce::new(statistic, Axis::All)));
        }
        for correction in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let options = Reduce::new(variance(correction), Axis::EachColumn);
            for operation in [Operation::Reduce(options), Operation::ReduceSegments(options)] {
                let case = self.faulty(operation);
                (case.upstream, case.segments) = (Factor::None, Some(Grouping::Whole));
            }
        }
        for (axis, inner) in [(Axis::EachRow, 1), (Axis::All, 1), (Axis::EachColumn, 5)] {
            let case = self.faulty(Operation::ReduceSegments(Reduce::new(Statistic::Sum, axis)));
            case.shape = Shape::with_class_axis(2, 10, inner);
            case.segments = Some(Grouping::Whole);
        }
        for (grouping, fault) in [
            (Grouping::Offsets(4), Fault::DescendingOffset),
            (Grouping::Whole, Fault::LateOffset),
            (Grouping::Whole, Fault::NoOffsets),
            (Grouping::Ids(4), Fault::SpareId),
            (Grouping::Ids(4), Fault::LateId),
            (Grouping::Ids(4), Fault::SpareRowWeight),
        ] {
            let options = Reduce::new(Statistic::Max, Axis::EachColumn);
            let case = self.faulty(Operation::ReduceSegments(options));
            (case.segments, case.fault) = (Some(grouping), Some(fault));
            case.row_weights = (fault == Fault::SpareRowWeight).then_some(Weights::Positive);
        }
    }

    fn faulty(&mut self, operation: Operation) -> &mut Case {
        self.push(operation, Shape::new(5, 10), Content::Normal, Factor::Scalar(1.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use wgpu_loss::{Denominator, Mode};

    use super::*;
    use crate::Extent;

    fn reductions(extent: Extent) -> Vec<Case> {
        let mut list = List::new();
        match extent {
            Extent::Quick => list.quick_reductions(),
            Extent::Broad => list.broad_reductions(),
            Extent::Full => list.full_reductions(),
        }
        list.cases
    }

    /// Every statistic, whole and of segments, of each axis, in each mode.
    #[test]
    fn the_lists_hold_every_statistic_on_every_axis() {
        for extent in [Extent::Broad, Extent::Full] {
            let met: HashSet<_> = reductions(extent)
                .iter()
                .filter_map(|case| {
                    let options = case.operation.reduction()?;
                    let is_whole = matches!(case.operation, Operation::Reduce(_));
                    let weighs = options.denominator == Denominator::Weights;
                    let statistic = format!("{:?} {weighs}", options.statistic);
                    Some((statistic, is_whole.then_some(options.axis)))
                })
                .collect();
            assert_eq!(met.len(), STATISTICS.len() * (AXES.len() + 1), "{extent:?}: {met:?}");
        }
    }

    /// Software devices compile a kernel for most cases.
    #[test]
    fn the_short_lists_are_short() {
        let (quick, broad) = (reductions(Extent::Quick), reductions(Extent::Broad));
        assert!(quick.len() <= 50, "{} cases", quick.len());
        assert!(broad.len() <= 150, "{} cases", broad.len());
        let modes: HashSet<_> = quick
            .iter()
            .filter_map(|case| Some(case.operation.reduction()?.mode == Mode::Masked))
            .collect();
        assert_eq!(modes.len(), 2);
    }
}
