//! A case: a call described by a few words and a seed.

use wgpu_loss::{Element, Engine, OwnedValues, Shape};

use super::call::{Call, Matrix, Operation, OwnedSegments, OwnedTargets, OwnedUpstream};
use super::check::{CaseResult, check_spare_part, check_spare_state};
use super::content::Content;
use super::operands::{
    ElementWeights, Factor, Grouping, Integer, Numbers, Targets, Weights, target_of_row,
};
use super::random::SplitMix64;

/// What is wrong with a call, which the engine has to refuse as the oracle does. Options out of
/// range are no fault of their own: they are the case's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The target of this row, and of the last row, is this: neither a class nor the ignore index.
    Target {
        /// The row that has to be named.
        row: usize,
        /// Its target.
        value: i64,
    },
    /// One target less than there are rows.
    MissingTarget,
    /// One upstream factor more than there are rows.
    SpareFactor,
    /// One class weight less than there are classes.
    MissingClassWeight,
    /// One row weight more than there are rows.
    SpareRowWeight,
    /// Probabilities, or a teacher, of one class more than there are.
    WideProbabilities,
    /// An upstream matrix of one row more than there are.
    TallUpstream,
    /// A part of the classes that ends beyond the last of them.
    SparePart,
    /// A merged state more than there are rows.
    SpareState,
    /// Weights for each value of one column more than there are.
    WideWeights,
    /// Offsets of segments that descend.
    DescendingOffset,
    /// A last offset beyond the last row.
    LateOffset,
    /// No offsets, not even the first.
    NoOffsets,
    /// The segment of one row more than there are.
    SpareId,
    /// A last row whose segment there is not.
    LateId,
    /// A variance or weight of positives more than there are rows or columns.
    SpareNumber,
}

/// One call, compared with the oracle. Its text, which [`Display`](std::fmt::Display) gives, and
/// its fields are enough to repeat it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Case {
    /// What is called.
    pub operation: Operation,
    /// Shape of the logits; NaN stands in the gaps between the rows.
    pub shape: Shape,
    /// What the rows hold.
    pub content: Content,
    /// What they are compared with; only cross-entropy, its relatives and element-wise losses look at
    /// it.
    pub targets: Targets,
    /// A weight for each class.
    pub class_weights: Option<Weights>,
    /// A weight for each row.
    pub row_weights: Option<Weights>,
    /// A weight for each value; only reductions and element-wise losses take it, instead of the
    /// others.
    pub element_weights: Option<ElementWeights>,
    /// The variance of a Gaussian, or the weights of positives of another element-wise loss.
    pub third: Option<Numbers>,
    /// Which rows belong together, of a reduction of segments.
    pub segments: Option<Grouping>,
    /// The upstream gradient, if a gradient is asked for.
    pub upstream: Factor,
    /// What is wrong with the call, if anything is.
    pub fault: Option<Fault>,
    /// Start of the generator of logits and operands.
    pub seed: u64,
}

/// NaN everywhere, to be filled row by row.
pub(super) struct Filler {
    values: Vec<f32>,
    shape: Shape,
}

impl Filler {
    pub(super) fn new(shape: Shape) -> Self {
        Self { values: vec![f32::NAN; shape.extent().unwrap_or(0)], shape }
    }

    pub(super) fn put(&mut self, row: usize, values: &[f32]) {
        let start = self.shape.start_of(row);
        for (class, value) in values.iter().enumerate() {
            self.values[start + class * self.shape.inner] = *value;
        }
    }

    pub(super) fn finish(self) -> Matrix {
        let values = OwnedValues::from_f32(self.values, self.shape.element);
        Matrix { values, shape: self.shape }
    }
}

/// The same rows and classes, stored otherwise.
pub(super) fn stored(shape: Shape, element: Element, gap: usize) -> Shape {
    let contiguous = shape.contiguous();
    contiguous.with_row_stride(contiguous.row_stride + gap).with_element(element)
}

/// What a fault makes of segments, if it is one of theirs.
fn spoil(segments: &mut OwnedSegments, fault: Fault, rows: usize) {
    match (fault, segments) {
        (Fault::DescendingOffset, OwnedSegments::Offsets(offsets)) => offsets.push(0),
        (Fault::LateOffset, OwnedSegments::Offsets(offsets)) => offsets.push(rows as u32 + 1),
        (Fault::NoOffsets, OwnedSegments::Offsets(offsets)) => offsets.clear(),
        (Fault::SpareId, OwnedSegments::Ids { ids, .. }) => ids.push(0),
        (Fault::LateId, OwnedSegments::Ids { ids, segments }) => {
            ids.iter_mut().last().into_iter().for_each(|id| *id = *segments as i32);
        }
        _ => {}
    }
}

/// `i32::MAX` and the like do not fit `u8`: the nearest there is, which is no class either.
fn narrowed<T: TryFrom<i64> + Copy>(classes: Vec<i64>, most: T, least: T) -> Vec<T> {
    let narrow = |class| T::try_from(class).unwrap_or(if class < 0 { least } else { most });
    classes.into_iter().map(narrow).collect()
}

impl Case {
    /// The call: the same for the same case, on every machine.
    pub fn call(&self) -> Call {
        if let Operation::Elementwise(options) = &self.operation {
            return self.elementwise_call(options);
        }
        let Shape { rows, classes, element, .. } = self.shape;
        let random = &mut SplitMix64(self.seed);
        let ignore_index = self.operation.ignore_index();
        let mut logits = Filler::new(self.shape);
        let mut class_targets = Vec::new();
        let mut matrix = match self.targets {
            Targets::Probabilities { element, gap, .. } | Targets::Teacher { element, gap, .. } => {
                let wide = usize::from(self.fault == Some(Fault::WideProbabilities));
                let shape = Shape { classes: classes + wide, ..self.shape };
                Some(Filler::new(stored(shape, element, gap)))
            }
            Targets::Classes { .. } | Targets::Elements { .. } => None,
        };
        let (mut row_logits, mut row_probabilities) = (vec![0.0; classes], Vec::new());
        for row in 0..rows {
            let class = match self.targets {
                Targets::Classes { ignored, integer } => {
                    let (target, class) =
                        target_of_row(ignored, integer, ignore_index, random, classes);
                    class_targets.push(target);
                    class
                }
                _ => random.below(classes.max(1)),
            };
            self.content.fill(random, &mut row_logits, class, element);
            if !self.operation.takes_softmax() {
                // Log-probabilities are at most 0, though nothing checks it.
                row_logits.iter_mut().for_each(|x| *x = -x.abs());
            }
            logits.put(row, &row_logits);
            let Some(filler) = &mut matrix else { continue };
            match self.targets {
                Targets::Probabilities { kind, .. } => {
                    row_probabilities.resize(filler.shape.classes, 0.0);
                    kind.fill(random, &mut row_probabilities, class);
                    filler.put(row, &row_probabilities);
                }
                Targets::Teacher { kind, element, .. } => {
                    let arranged = (self.content, class);
                    let mut teacher = kind.fill(random, arranged, &row_logits, element);
                    teacher.resize(filler.shape.classes, 0.0);
                    filler.put(row, &teacher);
                }
                Targets::Classes { .. } | Targets::Elements { .. } => {}
            }
        }
        let (mut class_weights, mut row_weights) = (
            self.class_weights.map(|weights| weights.values(random, classes)),
            self.row_weights.map(|weights| weights.values(random, rows)),
        );
        let element_weights =
            self.element_weights.map(|weights| self.element_weights(random, weights));
        let mut segments = self.segments.map(|grouping| grouping.segments(random, rows));
        let mut upstream = self.upstream(random);
        match self.fault {
            Some(Fault::Target { row, value }) => {
                for row in [row, rows.saturating_sub(1)] {
                    if let Some(target) = class_targets.get_mut(row) {
                        *target = value;
                    }
                }
            }
            Some(Fault::MissingTarget) => drop(class_targets.pop()),
            Some(Fault::MissingClassWeight) => drop(class_weights.as_mut().and_then(Vec::pop)),
            Some(Fault::SpareRowWeight) => row_weights.iter_mut().for_each(|it| it.push(1.0)),
            Some(Fault::SpareFactor) => {
                if let OwnedUpstream::PerRow(factors) = &mut upstream {
                    factors.push(1.0);
                }
            }
            Some(fault) => segments.iter_mut().for_each(|segments| spoil(segments, fault, rows)),
            None => {}
        }
        let targets = match (matrix, self.targets) {
            (Some(filler), Targets::Teacher { .. }) => OwnedTargets::Teacher(filler.finish()),
            (Some(filler), _) => OwnedTargets::Probabilities(filler.finish()),
            (None, Targets::Classes { integer: Integer::U8, .. }) => {
                OwnedTargets::U8(narrowed(class_targets, u8::MAX, u8::MAX))
            }
            (None, Targets::Classes { integer: Integer::U32, .. }) => {
                OwnedTargets::U32(narrowed(class_targets, u32::MAX, u32::MAX))
            }
            (None, Targets::Classes { integer: Integer::I64, .. }) => {
                OwnedTargets::I64(class_targets)
            }
            (None, _) => OwnedTargets::I32(narrowed(class_targets, i32::MAX, i32::MIN)),
        };
        let (operation, logits) = (self.operation, logits.finish());
        Call {
            operation,
            logits,
            targets,
            class_weights,
            row_weights,
            element_weights,
            third: None,
            segments,
            upstream,
        }
    }

    pub(super) fn element_weights(
        &self,
        random: &mut SplitMix64,
        weights: ElementWeights,
    ) -> Matrix {
        let wide = usize::from(self.fault == Some(Fault::WideWeights));
        let shape = Shape { classes: self.shape.classes + wide, ..self.shape };
        let mut filler = Filler::new(stored(shape, weights.element, weights.gap));
        for row in 0..shape.rows {
            filler.put(row, &weights.kind.values(random, shape.classes));
        }
        filler.finish()
    }

    pub(super) fn upstream(&self, random: &mut SplitMix64) -> OwnedUpstream {
        let results = match self.operation.reduction() {
            Some(options) => options.axis.results(self.shape),
            None => self.shape.rows,
        };
        let mut factors = |len| {
            (0..len).map(|at| if at % 5 == 4 { 0.0 } else { random.bell() }).collect::<Vec<_>>()
        };
        match self.upstream {
            Factor::None => OwnedUpstream::None,
            Factor::Scalar(factor) => OwnedUpstream::Scalar(factor),
            Factor::PerRow => OwnedUpstream::PerRow(factors(results)),
            Factor::PerColumn => OwnedUpstream::PerColumn(factors(self.shape.classes)),
            Factor::Matrix { element, gap } => {
                let tall = usize::from(self.fault == Some(Fault::TallUpstream));
                let rows = self.shape.rows + tall * self.shape.inner;
                let mut filler = Filler::new(stored(Shape { rows, ..self.shape }, element, gap));
                for row in 0..rows {
                    let mut of_row = factors(self.shape.classes);
                    if row % 4 == 3 {
                        // One for all: softmax has no gradient then.
                        of_row.fill(0.37);
                    }
                    filler.put(row, &of_row);
                }
                OwnedUpstream::Matrix(filler.finish())
            }
        }
    }

    /// Puts the case to the engine and compares what it returns with the oracle.
    pub fn check(&self, engine: &dyn Engine) -> CaseResult {
        let call = self.call();
        match self.fault {
            Some(Fault::SparePart) => check_spare_part(engine, &call),
            Some(Fault::SpareState) => check_spare_state(engine, &call),
            Some(_) => call.check(engine).of_fault(),
            None => call.check(engine),
        }
    }
}
