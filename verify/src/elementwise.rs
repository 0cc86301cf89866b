//! The operands of an element-wise loss, from a few words and a seed.

use wgpu_loss::{ElementwiseLoss, LossFunction, Shape};

use super::call::{Call, OwnedTargets, OwnedUpstream, OwnedWeights};
use super::case::{Case, Fault, Filler, stored};
use super::operands::{Numbers, Targets, Weights};
use super::random::SplitMix64;

/// What is put among ordinary targets.
const SPECIAL: [f32; 7] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1.0, 0.5];

/// A number of a content as an input that the function takes; what is not finite stays.
fn input(function: &LossFunction, x: f32) -> f32 {
    match function {
        _ if !x.is_finite() => x,
        LossFunction::BinaryCrossEntropy
        | LossFunction::Entropy
        | LossFunction::CrossEntropyOfProbabilities
        | LossFunction::KlDivergenceOfProbabilities => match x.abs() <= 4.0 {
            true => 0.5 + x / 8.0,
            false => {
                // Many small ones, 1 and, far below 0, 0.
                let root = (x.abs() / 256.0).min(if x < -256.0 { 0.0 } else { 1.0 });
                (root * root) * (root * root)
            }
        },
        LossFunction::KlDivergence { .. } => -x.abs(),
        LossFunction::PoissonNll { log_input: false, .. } => x.abs(),
        _ => x,
    }
}

/// A target that every element type holds.
fn target(function: &LossFunction, special: bool, random: &mut SplitMix64) -> f32 {
    if special && random.one_in(4) {
        return random.pick(&SPECIAL);
    }
    let part = random.below(17) as f32 / 16.0;
    match function {
        _ if function.is_binary() => random.pick(&[0.0, 1.0, part, 0.0, 1.0]),
        LossFunction::KlDivergence { log_target: true } => -8.0 * part,
        LossFunction::KlDivergence { log_target: false }
        | LossFunction::CrossEntropyOfProbabilities
        | LossFunction::KlDivergenceOfProbabilities => random.pick(&[part, part, 0.0]),
        LossFunction::PoissonNll { .. } => (8.0 * part).floor(),
        _ => 6.0 * part - 3.0,
    }
}

impl Case {
    /// The call of an element-wise loss: the same for the same case, on every machine.
    pub(super) fn elementwise_call(&self, options: &ElementwiseLoss) -> Call {
        let Shape { rows, classes, element, .. } = self.shape;
        let (random, function) = (&mut SplitMix64(self.seed), &options.function);
        let mut filler = Filler::new(self.shape);
        let mut values = vec![0.0; classes];
        for row in 0..rows {
            let class = random.below(classes.max(1));
            self.content.fill(random, &mut values, class, element);
            values.iter_mut().for_each(|x| *x = input(function, *x));
            filler.put(row, &values);
        }
        let targets = match self.targets {
            Targets::Elements { special, element, gap } => {
                let wide = usize::from(self.fault == Some(Fault::WideProbabilities));
                let shape = Shape { classes: classes + wide, ..self.shape };
                let mut filler = Filler::new(stored(shape, element, gap));
                for row in 0..rows {
                    let targets: Vec<_> =
                        (0..shape.classes).map(|_| target(function, special, random)).collect();
                    filler.put(row, &targets);
                }
                OwnedTargets::Probabilities(filler.finish())
            }
            _ => OwnedTargets::I32(Vec::new()),
        };
        let (mut class_weights, mut row_weights) = (
            self.class_weights.map(|weights| weights.values(random, classes)),
            self.row_weights.map(|weights| weights.values(random, rows)),
        );
        let element_weights =
            self.element_weights.map(|weights| self.element_weights(random, weights));
        let mut third = self.third.map(|form| self.third(random, form));
        let mut upstream = self.upstream(random);
        match self.fault {
            Some(Fault::MissingClassWeight) => drop(class_weights.as_mut().and_then(Vec::pop)),
            Some(Fault::SpareRowWeight) => row_weights.iter_mut().for_each(|it| it.push(1.0)),
            Some(Fault::SpareFactor) => {
                if let OwnedUpstream::PerRow(factors) | OwnedUpstream::PerColumn(factors) =
                    &mut upstream
                {
                    factors.push(1.0);
                }
            }
            Some(Fault::SpareNumber) => {
                if let Some(OwnedWeights::PerRow(numbers) | OwnedWeights::PerColumn(numbers)) =
                    &mut third
                {
                    numbers.push(1.0);
                }
            }
            _ => {}
        }
        Call {
            operation: self.operation,
            logits: filler.finish(),
            targets,
            class_weights,
            row_weights,
            element_weights,
            third,
            segments: None,
            upstream,
        }
    }

    fn third(&self, random: &mut SplitMix64, form: Numbers) -> OwnedWeights {
        let Shape { rows, classes, .. } = self.shape;
        let mut some = |count| Weights::Positive.values(random, count);
        match form {
            Numbers::PerRow => OwnedWeights::PerRow(some(rows)),
            Numbers::PerColumn => OwnedWeights::PerColumn(some(classes)),
            Numbers::PerElement { element, gap } => {
                let mut filler = Filler::new(stored(self.shape, element, gap));
                for row in 0..rows {
                    filler.put(row, &some(classes));
                }
                OwnedWeights::PerElement(filler.finish())
            }
        }
    }
}
