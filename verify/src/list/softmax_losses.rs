//! The cases of focal loss and of divergences of logits.

use wgpu_loss::{Element, Reduction, Shape, SoftmaxFunction, SoftmaxLoss};

use super::List;
use super::lengths::{BROAD_CLASSES, CLASSES, ROWS, rows_for};
use super::softmax_loss::{AGAINST, Dimension, OptionSet, option_sets};
use crate::call::Operation;
use crate::case::{Case, Fault};
use crate::content::Content;
use crate::operands::{Factor, Ignored, Integer, Probabilities, Targets, Teacher, Weights};

const TEACHER: Targets = Targets::Teacher { kind: Teacher::Apart, element: Element::F32, gap: 0 };
const PROBABILITIES: Targets =
    Targets::Probabilities { kind: Probabilities::Normal, element: Element::F32, gap: 0 };

impl List {
    /// The option sets take turns where they are not drawn.
    fn option_set(&mut self) -> OptionSet {
        self.turn += 1;
        match self.option_sets.is_empty() {
            true => OptionSet::draw(&mut self.random),
            false => self.option_sets[self.turn % self.option_sets.len()],
        }
    }

    fn softmax_loss(&mut self, set: OptionSet, rows: usize, classes: usize, content: Content) {
        let set = match content.overflows(set.element()) {
            true => set.without_products(),
            false => set,
        };
        let shape = set.layout().shape(&mut self.random, rows, classes);
        let upstream = set.upstream(&mut self.random);
        let gap = self.random.pick(&[0, 0, 1, 4]);
        let (shape, operation) =
            (shape.with_element(set.element()), Operation::SoftmaxLoss(set.options()));
        let case = self.push(operation, shape, content, upstream);
        case.targets = set.targets(gap);
        (case.class_weights, case.row_weights) = (set.class_weights(), set.row_weights());
    }

    pub(super) fn quick_softmax_losses(&mut self) {
        self.option_sets = option_sets();
        for against in 0..AGAINST {
            for pass in 0..2 {
                let set = self.option_set().with(Dimension::Pass, pass);
                let set = set.with(Dimension::Against, against);
                self.softmax_loss(set, 18, 33, Content::Normal);
            }
        }
        for (against, classes) in [1, 64, 1025, 8193, 300].into_iter().enumerate() {
            let set = self.option_set().with(Dimension::Against, against);
            self.softmax_loss(set, rows_for(classes).min(3), classes, Content::Normal);
        }
        // Where infinite terms are many, and certain rows; of kernels that are there already.
        for (turn, content) in [
            Content::MaskedTarget,
            Content::NotANumber,
            Content::Infinite,
            Content::Masked,
            Content::Wide,
            Content::Lead(20),
            Content::Subnormal,
            Content::Extreme,
        ]
        .into_iter()
        .enumerate()
        {
            let set = OptionSet::USUAL.with(Dimension::Against, turn % AGAINST);
            self.softmax_loss(set.with(Dimension::Mode, turn / 4), 12, 10, content);
        }
        // Where a safeguard of the kernels shows that no other case needs.
        let of = |against| OptionSet::USUAL.with(Dimension::Against, against);
        let some_zero = of(0).with(Dimension::RowWeights, 2).with(Dimension::Mode, 1);
        for (set, content) in [
            (of(0).with(Dimension::Gamma, 1), Content::FineLead(70)),
            (of(0).with(Dimension::Gamma, 4), Content::Normal),
            (some_zero, Content::NotANumber),
            (of(2).with(Dimension::ProbabilityKind, 2), Content::MaskedTarget),
            (of(3).with(Dimension::Teacher, 1), Content::Normal),
            (of(4).with(Dimension::Teacher, 1), Content::Normal),
        ] {
            self.softmax_loss(set, 12, 10, content);
        }
        let masked_mean = OptionSet::USUAL.with(Dimension::Mode, 1);
        self.softmax_loss(masked_mean.with(Dimension::Against, 3), 0, 7, Content::Normal);
    }

    /// The same, at the end of the list, so that no seed of other cases depends on it.
    pub(super) fn quick_safeguards_of_softmax_losses(&mut self) {
        let of = |against| OptionSet::USUAL.with(Dimension::Against, against);
        let near = of(3).with(Dimension::Teacher, 1);
        for (set, content) in [
            (near, Content::FineLead(8)),
            (near.with(Dimension::Temperature, 5), Content::Normal),
            (of(3).with(Dimension::Temperature, 1), Content::Wide),
            (of(2), Content::Lead(20)),
        ] {
            self.softmax_loss(set, 12, 10, content);
        }
        // All of the probability in the class that leads.
        let one_hot =
            Targets::Probabilities { kind: Probabilities::OneHot, element: Element::F32, gap: 0 };
        self.cases.iter_mut().last().into_iter().for_each(|it| it.targets = one_hot);
    }

    pub(super) fn broad_softmax_losses(&mut self) {
        self.option_sets = option_sets();
        for (turn, set) in option_sets().into_iter().enumerate() {
            let content = [Content::Normal, Content::MaskedTarget][turn % 4 / 3];
            self.softmax_loss(set, 18, 33, content);
        }
        // A student close to its teacher.
        let near = OptionSet::USUAL.with(Dimension::Against, 3).with(Dimension::Teacher, 1);
        self.softmax_loss(near, 18, 33, Content::Normal);
        let lengths = CLASSES.iter().filter(|&&it| it <= BROAD_CLASSES).step_by(3);
        for (turn, &classes) in lengths.enumerate() {
            let set = self.option_set().with(Dimension::Against, turn % AGAINST);
            self.softmax_loss(set, rows_for(classes).min(3), classes, Content::Normal);
        }
        for (turn, content) in Content::ALL.into_iter().enumerate() {
            // Focal loss of classes is about certain rows.
            let against = if matches!(content, Content::Lead(_)) { 0 } else { turn % AGAINST };
            for set in [OptionSet::USUAL, self.option_set()] {
                self.softmax_loss(set.with(Dimension::Against, against), 12, 10, content);
            }
        }
        for (turn, rows) in [1, 31, 65, 65_535, 65_537].into_iter().enumerate() {
            let set = self.option_set();
            self.softmax_loss(set, rows, 2 + turn % 2, Content::Normal);
        }
        self.softmax_losses_of_nothing();
    }

    pub(super) fn full_softmax_losses(&mut self) {
        self.option_sets.clear();
        for against in 0..AGAINST {
            let of = |list: &mut Self| list.option_set().with(Dimension::Against, against);
            for classes in CLASSES {
                let set = of(self);
                self.softmax_loss(set, rows_for(classes), classes, Content::Normal);
            }
            for content in Content::ALL {
                for classes in [1, 6, 300, 9000] {
                    let set = of(self);
                    self.softmax_loss(set, 11, classes, content);
                }
            }
            for rows in ROWS {
                let set = of(self);
                self.softmax_loss(set, rows, 3, Content::Normal);
            }
        }
        for set in option_sets() {
            for classes in [7, 33, 700, 5000] {
                self.softmax_loss(set, 18, classes, Content::Normal);
                self.softmax_loss(set, 18, classes, Content::MaskedTarget);
            }
        }
        self.softmax_losses_of_nothing();
    }

    /// No rows, in every reduction; no classes are refused.
    fn softmax_losses_of_nothing(&mut self) {
        for reduction in 0..3 {
            for mode in 0..2 {
                let set = OptionSet::USUAL
                    .with(Dimension::Against, 2 * reduction)
                    .with(Dimension::Reduction, reduction)
                    .with(Dimension::Mode, mode);
                self.softmax_loss(set, 0, 7, Content::Normal);
            }
        }
    }

    /// What every engine refuses.
    pub(super) fn faulty_softmax_losses(&mut self) {
        let focal = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 2.0 });
        let divergence = SoftmaxLoss::new(SoftmaxFunction::KlDivergence);
        self.faulty_classes(focal);
        self.faulty_lengths_of(focal, divergence);
        for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            self.faulty_softmax_loss(SoftmaxLoss { temperature, ..focal });
            self.faulty_softmax_loss(SoftmaxLoss { temperature, ..divergence }).targets = TEACHER;
        }
        for gamma in [-0.5, f32::NAN, f32::INFINITY] {
            self.faulty_softmax_loss(SoftmaxLoss::new(SoftmaxFunction::Focal { gamma }));
        }
        for label_smoothing in [-0.1, 1.5, f32::NAN] {
            self.faulty_softmax_loss(SoftmaxLoss { label_smoothing, ..focal });
        }
        self.faulty_softmax_loss(SoftmaxLoss { label_smoothing: 0.1, ..divergence }).targets =
            TEACHER;
        self.faulty_softmax_loss(SoftmaxLoss { ignore_index: Some(3), ..divergence }).targets =
            TEACHER;
        self.faulty_softmax_loss(SoftmaxLoss { ignore_index: Some(3), ..focal }).targets =
            PROBABILITIES;
        // Operands of the other functions.
        self.faulty_softmax_loss(focal).targets = TEACHER;
        self.faulty_softmax_loss(divergence);
        let empty = Shape::new(3, 0);
        for (options, targets) in [(focal, Targets::PLAIN), (divergence, TEACHER)] {
            let case = self.faulty_softmax_loss(options);
            (case.shape, case.targets) = (empty, targets);
        }
    }

    /// The first row with a bad target is named, and a later one is not; whatever the type.
    fn faulty_classes(&mut self, focal: SoftmaxLoss) {
        for (upstream, integer, row, value) in [
            (Factor::None, Integer::I32, 0, 10),
            (Factor::Scalar(1.0), Integer::I32, 30, -1),
            (Factor::Scalar(1.0), Integer::I64, 5, (1 << 32) + 3),
            (Factor::None, Integer::U32, 8, (1 << 32) - 100),
            (Factor::Scalar(1.0), Integer::U8, 10, 255),
        ] {
            let case = self.faulty_softmax_loss(focal);
            (case.shape, case.upstream) = (Shape::new(100, 10), upstream);
            case.targets = Targets::Classes { ignored: Ignored::No, integer };
            case.fault = Some(Fault::Target { row, value });
        }
    }

    fn faulty_lengths_of(&mut self, focal: SoftmaxLoss, divergence: SoftmaxLoss) {
        self.faulty_softmax_loss(focal).fault = Some(Fault::MissingTarget);
        let case = self.faulty_softmax_loss(focal);
        (case.class_weights, case.fault) =
            (Some(Weights::Positive), Some(Fault::MissingClassWeight));
        for (options, targets) in [(focal, PROBABILITIES), (divergence, TEACHER)] {
            let case = self.faulty_softmax_loss(options);
            (case.targets, case.fault) = (targets, Some(Fault::WideProbabilities));
            let case = self.faulty_softmax_loss(options);
            (case.row_weights, case.fault) = (Some(Weights::Positive), Some(Fault::SpareRowWeight));
            case.targets = targets;
            // A factor for each row although the loss is one value; and one too many.
            let case = self.faulty_softmax_loss(options);
            (case.targets, case.upstream) = (targets, Factor::PerRow);
            let case =
                self.faulty_softmax_loss(SoftmaxLoss { reduction: Reduction::None, ..options });
            (case.targets, case.upstream) = (targets, Factor::PerRow);
            case.fault = Some(Fault::SpareFactor);
        }
    }

    fn faulty_softmax_loss(&mut self, options: SoftmaxLoss) -> &mut Case {
        let operation = Operation::SoftmaxLoss(options);
        self.push(operation, Shape::new(5, 10), Content::Normal, Factor::Scalar(1.0))
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
            Extent::Quick => list.quick_softmax_losses(),
            Extent::Broad => list.broad_softmax_losses(),
            Extent::Full => list.full_softmax_losses(),
        }
        list.cases
    }

    /// Of a case: the loss and what it is against, and whether there is a gradient.
    fn met(case: &Case) -> (String, bool) {
        let Operation::SoftmaxLoss(options) = &case.operation else { return Default::default() };
        let against = match case.targets {
            Targets::Classes { .. } => "classes",
            Targets::Probabilities { .. } => "probabilities",
            _ => "a teacher",
        };
        let smoothed = options.label_smoothing > 0.0;
        let function = options.function.name();
        (format!("{function} {against} {smoothed}"), case.upstream != Factor::None)
    }

    #[test]
    fn every_list_holds_every_loss_forward_and_backward() {
        for extent in [Extent::Quick, Extent::Broad, Extent::Full] {
            let cases = losses(extent);
            let met: HashSet<_> = cases.iter().map(met).collect();
            assert!(met.len() >= 2 * AGAINST, "{extent:?}: {met:?}");
            for element in Element::ALL {
                assert!(cases.iter().any(|case| case.shape.element == element), "{element:?}");
            }
            assert!(cases.iter().any(|case| case.shape.inner > 1), "rows side by side");
            assert!(cases.iter().any(|case| case.shape.classes == 1), "one class");
        }
    }

    /// Software devices compile a kernel for most cases.
    #[test]
    fn the_short_lists_are_short() {
        let (quick, broad) = (losses(Extent::Quick), losses(Extent::Broad));
        assert!(quick.len() <= 32, "{} cases", quick.len());
        assert!(broad.len() <= 120, "{} cases", broad.len());
    }
}
