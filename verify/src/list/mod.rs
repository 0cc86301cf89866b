//! The list of cases.

mod combination;
mod covering;
mod elementwise;
mod elementwise_losses;
mod faults;
mod layout;
mod lengths;
mod reduction;
mod reductions;
mod softmax_loss;
mod softmax_losses;

use wgpu_loss::{Element, LogSumExp, Shape, Softmax};

use super::Extent;
use super::call::Operation;
use super::case::Case;
use super::content::Content;
use super::operands::{Factor, Targets, Weights};
use super::random::SplitMix64;
use combination::{Combination, Dimension, combinations};
use elementwise::Recipe as LossRecipe;
use layout::Layout;
use lengths::{BROAD_CLASSES, CLASSES, ROWS, rows_for};
use reduction::Recipe;
use softmax_loss::OptionSet;

/// Operations on softmax and log-sum-exp, forward and backward.
const SOFTMAX_PASSES: usize = 7;

/// Collects cases; what a case leaves open is drawn from a generator, the same on every call.
struct List {
    cases: Vec<Case>,
    random: SplitMix64,
    /// The option sets that take turns; `None`: each is drawn.
    combinations: Option<Vec<Combination>>,
    /// The same of reductions; none: each is drawn.
    recipes: Vec<Recipe>,
    /// The same of element-wise losses.
    loss_recipes: Vec<LossRecipe>,
    /// The same of focal losses and divergences of logits.
    option_sets: Vec<OptionSet>,
    turn: usize,
}

impl List {
    fn new() -> Self {
        Self {
            cases: Vec::new(),
            random: SplitMix64(30),
            combinations: None,
            recipes: Vec::new(),
            loss_recipes: Vec::new(),
            option_sets: Vec::new(),
            turn: 0,
        }
    }

    fn push(
        &mut self,
        operation: Operation,
        shape: Shape,
        content: Content,
        upstream: Factor,
    ) -> &mut Case {
        let at = self.cases.len();
        self.cases.push(Case {
            operation,
            shape,
            content,
            targets: Targets::PLAIN,
            class_weights: None,
            row_weights: None,
            element_weights: None,
            third: None,
            segments: None,
            upstream,
            fault: None,
            seed: self.random.next(),
        });
        &mut self.cases[at]
    }

    /// The next option set, or any.
    fn combination(&mut self) -> Combination {
        self.turn += 1;
        match &self.combinations {
            Some(combinations) => combinations[self.turn % combinations.len()],
            None => Combination::draw(&mut self.random),
        }
    }

    fn cross_entropy(
        &mut self,
        combination: Combination,
        rows: usize,
        classes: usize,
        content: Content,
    ) {
        let combination = match content.overflows(combination.element()) {
            true => combination.without_products(),
            false => combination,
        };
        let shape = combination.layout().shape(&mut self.random, rows, classes);
        let upstream = combination.upstream(&mut self.random);
        let gap = self.random.pick(&[0, 0, 1, 4]);
        let shape = shape.with_element(combination.element());
        let operation = combination.operation(classes);
        let case = self.push(operation, shape, content, upstream);
        case.targets = combination.targets(gap);
        case.class_weights = combination.class_weights();
        case.row_weights = combination.row_weights();
    }

    /// Log-sum-exp, softmax or log-softmax, forward or backward, of any type and layout.
    fn softmax(&mut self, rows: usize, classes: usize, content: Content) {
        let (element, layout) = (self.random.pick(&Element::ALL), self.random.pick(&Layout::ALL));
        let pass = self.random.below(SOFTMAX_PASSES);
        self.softmax_pass(pass, rows, classes, content, element, layout);
    }

    fn softmax_pass(
        &mut self,
        pass: usize,
        rows: usize,
        classes: usize,
        content: Content,
        element: Element,
        layout: Layout,
    ) {
        let of_logits = [None, None];
        let others = Element::ALL.map(Some);
        let result = self.random.pick(&[&of_logits[..], &others[..]].concat());
        let matrix = Factor::Matrix {
            element: self.random.pick(&Element::ALL),
            gap: self.random.pick(&[0, 0, 1, 4]),
        };
        let log_sum_exp = Operation::LogSumExp(LogSumExp { gradient_element: result });
        let softmax = |log| Operation::Softmax(Softmax { log, element: result });
        let scalar = Factor::Scalar(self.random.pick(&[1.0, 0.37, -2.5]));
        let (operation, upstream) = match pass {
            0 => (log_sum_exp, Factor::None),
            1 => (softmax(false), matrix),
            2 => (softmax(true), Factor::None),
            3 => (log_sum_exp, scalar),
            4 => (softmax(true), matrix),
            5 => (softmax(false), Factor::None),
            _ => (log_sum_exp, Factor::PerRow),
        };
        let shape = layout.shape(&mut self.random, rows, classes).with_element(element);
        self.push(operation, shape, content, upstream);
    }

    /// Both kinds of operation on one size and content, everything else drawn.
    fn both(&mut self, rows: usize, classes: usize, content: Content) {
        let combination = self.combination();
        self.cross_entropy(combination, rows, classes, content);
        self.softmax(rows, classes, content);
    }

    /// One of them, in turn.
    fn either(&mut self, rows: usize, classes: usize, content: Content) {
        let combination = self.combination();
        match self.turn % 3 {
            0 => self.softmax(rows, classes, content),
            _ => self.cross_entropy(combination, rows, classes, content),
        }
    }
}

/// The cases of [`verify`](super::verify), in the same order on every call.
pub fn cases(extent: Extent) -> Vec<Case> {
    let mut list = List::new();
    match extent {
        Extent::Quick => list.quick(),
        Extent::Broad => list.broad(),
        Extent::Full => list.full(),
    }
    list.faults();
    match extent {
        Extent::Quick => list.quick_reductions(),
        Extent::Broad => list.broad_reductions(),
        Extent::Full => list.full_reductions(),
    }
    list.faulty_reductions();
    match extent {
        Extent::Quick => list.quick_losses(),
        Extent::Broad => list.broad_losses(),
        Extent::Full => list.full_losses(),
    }
    list.faulty_losses();
    match extent {
        Extent::Quick => list.quick_softmax_losses(),
        Extent::Broad => list.broad_softmax_losses(),
        Extent::Full => list.full_softmax_losses(),
    }
    list.faulty_softmax_losses();
    if extent == Extent::Quick {
        list.quick_safeguards();
        list.quick_safeguards_of_reductions();
        list.quick_safeguards_of_losses();
        list.quick_safeguards_of_softmax_losses();
    }
    list.cases
}

impl List {
    fn quick(&mut self) {
        // Every third length, which come round the element types.
        let lengths = CLASSES.iter().filter(|&&classes| classes <= BROAD_CLASSES);
        for (turn, &classes) in lengths.step_by(3).enumerate() {
            let usual = Combination::USUAL.with(Dimension::Element, turn % 3);
            self.cross_entropy(usual, rows_for(classes).min(3), classes, Content::Normal);
        }
        for content in Content::ALL {
            self.cross_entropy(Combination::USUAL, 11, 5, content);
        }
        for (turn, combination) in combinations().into_iter().step_by(2).enumerate() {
            let content = [Content::Normal, Content::MaskedTarget][turn % 2];
            self.cross_entropy(combination, 18, 33, content);
        }
        for pass in 0..SOFTMAX_PASSES - 1 {
            let element = Element::ALL[pass % 3];
            let layout = Layout::ALL[pass % Layout::ALL.len()];
            self.softmax_pass(pass, 10, 34, Content::Normal, element, layout);
        }
        for rows in [65535, 65537] {
            self.cross_entropy(Combination::USUAL, rows, 2, Content::Normal);
        }
        self.quick_corners();
        self.nothing();
    }

    /// Special values where a safeguard of the kernels shows that no other case needs.
    fn quick_corners(&mut self) {
        let usual = Combination::USUAL;
        self.cross_entropy(usual, 11, 5, Content::FineLead(70));
        // A maximum far above those of earlier blocks.
        self.cross_entropy(usual, 2, BROAD_CLASSES, Content::Lead(20));
        for transform in 1..Dimension::TRANSFORMS {
            let transformed = usual.with(Dimension::Transform, transform);
            self.cross_entropy(transformed, 11, 5, Content::MaskedTarget);
        }
        // Saturated.
        self.cross_entropy(usual.with(Dimension::Transform, 2), 11, 5, Content::Wide);
        let masked = |combination: Combination| combination.with(Dimension::Mode, 1);
        let ignoring = usual.with(Dimension::Ignored, 1);
        let some_zero = usual.with(Dimension::RowWeights, 2);
        let signed = usual.with(Dimension::RowWeights, 3);
        let signed_targets = usual.with(Dimension::Kind, 1).with(Dimension::ProbabilityKind, 2);
        let parts = usual.with(Dimension::Parts, 2);
        let half = usual.with(Dimension::Element, 1);
        for (combination, content) in [
            (ignoring, Content::NotANumber),
            (masked(ignoring), Content::NotANumber),
            (ignoring.with(Dimension::ZLoss, 1), Content::Offset(10_000)),
            (some_zero, Content::MaskedTarget),
            (signed, Content::MaskedTarget),
            (masked(some_zero), Content::NotANumber),
            (signed_targets, Content::MaskedTarget),
            (parts, Content::NotANumber),
            (parts, Content::Ties),
            (half, Content::NotANumber),
            (half, Content::Subnormal),
            (half, Content::Infinite),
        ] {
            self.cross_entropy(combination, 11, 5, content);
        }
        for (pass, content) in [
            (1, Content::Masked),
            (2, Content::Masked),
            (2, Content::Offset(10_000)),
            (3, Content::Infinite),
            (4, Content::Infinite),
            (5, Content::Masked),
        ] {
            self.softmax_pass(pass, 11, 5, content, Element::F32, Layout::Contiguous);
        }
    }

    /// As [`quick_corners`](Self::quick_corners), at the end, so that no seed of other cases depends on it.
    fn quick_safeguards(&mut self) {
        let usual = Combination::USUAL;
        let some_zero = usual.with(Dimension::ClassWeights, 2);
        let smoothed = usual.with(Dimension::ClassWeights, 1).with(Dimension::Smoothing, 1);
        let sparse = usual.with(Dimension::Kind, 1).with(Dimension::ProbabilityKind, 1);
        for (combination, classes, content) in [
            (smoothed.with(Dimension::ZLoss, 1), 5, Content::Normal),
            (sparse, 5, Content::MaskedTarget),
            (sparse.with(Dimension::Mode, 1), 5, Content::MaskedTarget),
            (some_zero.with(Dimension::Mode, 1), 33, Content::NotANumber),
        ] {
            self.cross_entropy(combination, 11, classes, content);
        }
        // Weights whose sum is 0, though they are not.
        self.cross_entropy(usual.with(Dimension::RowWeights, 1), 2, 5, Content::Normal);
        self.cases.iter_mut().last().into_iter().for_each(|it| {
            it.row_weights = Some(Weights::Cancelling);
        });
        // More parts than are merged at once where rows are cut.
        self.softmax_pass(3, 3, 300, Content::Normal, Element::F32, Layout::Contiguous);
        // Rows whose upstream gradient is one for all.
        self.softmax_pass(1, 41, 7, Content::Normal, Element::F32, Layout::Contiguous);
    }

    fn broad(&mut self) {
        let combinations = combinations();
        self.combinations = Some(combinations.clone());

        // Every length of a row; the contents and option sets take turns.
        for (turn, &classes) in CLASSES.iter().filter(|&&it| it <= BROAD_CLASSES).enumerate() {
            let rows = rows_for(classes);
            self.either(rows, classes, Content::ALL[turn % Content::ALL.len()]);
            // Ordinary numbers show that every class takes part.
            let usual = Combination::USUAL
                .with(Dimension::Element, turn % 3)
                .with(Dimension::Reduction, turn / 3 % 3);
            self.cross_entropy(usual, rows.min(3), classes, Content::Normal);
            if turn % 6 == 0 {
                self.softmax(2, classes, Content::Normal);
            }
        }

        // Every content: as usual, with options, and of softmax.
        for content in Content::ALL {
            self.cross_entropy(Combination::USUAL, 11, 5, content);
            let combination = self.combination();
            self.cross_entropy(combination, 12, 300, content);
            self.softmax(11, 6, content);
        }
        // What depends on the type.
        for element in 1..Element::ALL.len() {
            let usual = Combination::USUAL.with(Dimension::Element, element);
            for content in [Content::Extreme, Content::Lowest, Content::Subnormal] {
                self.cross_entropy(usual, 8, 40, content);
            }
        }

        // Every number of rows.
        for (turn, &rows) in ROWS.iter().enumerate() {
            self.either(rows, 1 + turn % 3, Content::Normal);
            if turn % 2 == 0 && rows <= 2000 {
                self.either(rows, 10, Content::Normal);
            }
        }

        // Every option set, among ordinary numbers and where infinite terms are many.
        for combination in combinations {
            self.cross_entropy(combination, 18, 33, Content::Normal);
            self.cross_entropy(combination, 18, 7, Content::MaskedTarget);
        }
        self.softmaxes();
        self.nothing();
    }

    fn full(&mut self) {
        // Every length of a row with every content, options drawn for each.
        for classes in CLASSES {
            for content in Content::ALL {
                self.both(rows_for(classes), classes, content);
            }
            if classes <= BROAD_CLASSES {
                for _ in 0..8 {
                    let combination = Combination::draw(&mut self.random);
                    self.cross_entropy(combination, rows_for(classes), classes, Content::Normal);
                }
            }
        }

        // Every content, in rows that fit a lane, a subgroup, a workgroup.
        for classes in [1, 2, 6, 37, 300, 1500, 9000] {
            for content in Content::ALL {
                self.both(11, classes, content);
            }
        }

        // Every number of rows.
        for rows in ROWS {
            for classes in [1, 2, 3, 10, 17] {
                self.both(rows, classes, Content::Normal);
            }
        }

        // Every option set of the broad list, in rows of every family.
        for combination in combinations() {
            for classes in [7, 33, 700, 5000] {
                self.cross_entropy(combination, 18, classes, Content::Normal);
                self.cross_entropy(combination, 18, classes, Content::MaskedTarget);
            }
        }
        self.softmaxes();
        self.nothing();
    }

    /// Every operation of every type in every layout.
    fn softmaxes(&mut self) {
        for element in Element::ALL {
            for layout in Layout::ALL {
                for pass in 0..SOFTMAX_PASSES - 1 {
                    let classes = self.random.pick(&[9, 34, 260]);
                    self.softmax_pass(pass, 10, classes, Content::Normal, element, layout);
                }
            }
        }
    }

    /// No rows, in every reduction; no classes: -inf from log-sum-exp, an error from cross-entropy.
    fn nothing(&mut self) {
        for reduction in 0..3 {
            for mode in 0..2 {
                let usual = Combination::USUAL
                    .with(Dimension::Reduction, reduction)
                    .with(Dimension::Mode, mode);
                self.cross_entropy(usual, 0, 7, Content::Normal);
            }
        }
        for upstream in [Factor::None, Factor::Scalar(0.37)] {
            let log_sum_exp = Operation::LogSumExp(LogSumExp::default());
            self.push(log_sum_exp, Shape::new(3, 0), Content::Normal, upstream);
            let usual = Combination::USUAL.operation(0);
            self.push(usual, Shape::new(3, 0), Content::Normal, upstream);
        }
        let softmax = Operation::Softmax(Softmax::default());
        self.push(softmax, Shape::new(3, 0), Content::Normal, Factor::None);
    }
}
