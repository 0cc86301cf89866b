//! What the losses are of, and the answers that must come out.

use wgpu_loss::{
    Element, Elementwise, Engine, Logits, OwnedValues, Result as LibraryResult, Shape, cpu,
};

use super::{Loss, LossOp};
use crate::bench::data::{Draws, close, rounding};
use crate::failure::{Failure, Result};

/// Input and target of one shape and type, the same in every run.
#[derive(Clone)]
pub struct Problem {
    /// Of the input and of the target.
    pub shape: Shape,
    /// Logits and predictions between -8 and 8; log-probabilities down to -8.
    pub input: OwnedValues,
    /// 0 or 1; between -8 and 8; probabilities.
    pub target: OwnedValues,
}

impl Problem {
    /// Of a loss.
    pub fn new(loss: Loss, shape: Shape) -> Self {
        let shape = shape.contiguous();
        let count = shape.rows * shape.classes;
        let mut draws = Draws::new();
        let mut draw = |least: f32, most: f32| -> Vec<f32> {
            (0..count).map(|_| draws.uniform(least, most)).collect()
        };
        let (input, mut target) = match loss {
            Loss::KlDivergence => (draw(-8.0, 0.0), draw(0.0, 1.0)),
            Loss::SquaredError => (draw(-8.0, 8.0), draw(-8.0, 8.0)),
            Loss::BinaryCrossEntropy | Loss::SigmoidFocal => (draw(-8.0, 8.0), draw(0.0, 1.0)),
        };
        if matches!(loss, Loss::BinaryCrossEntropy | Loss::SigmoidFocal) {
            target.iter_mut().for_each(|it| *it = it.round());
        }
        let stored = |values| OwnedValues::from_f32(values, shape.element);
        Self { shape, input: stored(input), target: stored(target) }
    }

    /// Bytes of the input; the target has as many, and the gradient.
    pub fn bytes(&self) -> u64 {
        self.input.values().bytes().len() as u64
    }

    /// As the library has them.
    pub fn operands(&self) -> LibraryResult<Elementwise<'_>> {
        let view = |values| Logits::from_values(values, self.shape);
        Ok(Elementwise::new(view(self.input.values())?, view(self.target.values())?))
    }

    /// The oracle's.
    pub fn answers(&self, op: LossOp) -> Result<Answers> {
        let (operands, upstream) = (self.operands()?, op.upstream_of(self));
        let out = cpu::Oracle.evaluate_elementwise(&operands, upstream, &op.options())?;
        Ok(Answers {
            value: out.values.first().copied().unwrap_or(f32::NAN),
            gradient: out.gradient.map(OwnedValues::into_f32).unwrap_or_default(),
            element: self.shape.element,
        })
    }
}

/// What the oracle says.
pub struct Answers {
    value: f32,
    gradient: Vec<f32>,
    element: Element,
}

impl Answers {
    /// Compares the mean.
    pub fn check_value(&self, what: &str, found: f32) -> Result<()> {
        close(|| what.to_owned(), found, self.value, 4e-6 * self.value.abs())
    }

    /// Compares the gradient of every element, of which an upstream gradient makes numbers of about
    /// 1.
    pub fn check_gradient(&self, what: &str, found: &[f32]) -> Result<()> {
        if found.len() != self.gradient.len() {
            let (found, expected) = (found.len(), self.gradient.len());
            let message = format!("{what}: gradient of {found}, the oracle has {expected}");
            return Err(Failure::WrongAnswer(message));
        }
        for (at, (found, expected)) in found.iter().zip(&self.gradient).enumerate() {
            let tolerance = 4e-6 * expected.abs().max(1e-3) + rounding(self.element, *expected);
            close(|| format!("{what}, gradient {at}"), *found, *expected, tolerance)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_checked() -> Result<()> {
        for op in LossOp::ALL {
            let problem = Problem::new(op.loss, Shape::new(5, 7));
            let answers = problem.answers(op)?;
            let right = answers.value;
            answers.check_value("", right)?;
            assert!(answers.check_value("", 1.0001 * right).is_err());
            assert!(answers.check_value("", f32::NAN).is_err());
            if op.fused {
                let mut gradient = answers.gradient.clone();
                assert!(gradient.iter().any(|it| it.abs() > 0.01));
                answers.check_gradient("", &gradient)?;
                assert!(answers.check_gradient("", &gradient[1..]).is_err());
                gradient[34] += 0.001;
                assert!(answers.check_gradient("", &gradient).is_err());
            }
        }
        Ok(())
    }
}
