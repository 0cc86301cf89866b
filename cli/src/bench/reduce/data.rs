//! What is reduced, and the answers that must come out.

use wgpu_loss::{Engine, Logits, OwnedValues, Result as LibraryResult, Shape, Weights, cpu};

use super::ReduceOp;
use crate::bench::data::{Draws, close};
use crate::failure::{Failure, Result};

/// Values and weights of one shape and type, the same in every run.
#[derive(Clone)]
pub struct Problem {
    /// Of values and of weights.
    pub shape: Shape,
    /// Between 0 and 16, so that a sum that loses what it has left over is seen.
    pub values: OwnedValues,
    /// Between 0.5 and 1.5.
    pub weights: OwnedValues,
}

impl Problem {
    /// Of one shape and type.
    pub fn new(shape: Shape) -> Self {
        let Shape { rows, classes: columns, element, .. } = shape;
        let mut draws = Draws::new();
        let mut uniform = |least: f32, most: f32| {
            let values = (0..rows * columns).map(|_| draws.uniform(least, most)).collect();
            OwnedValues::from_f32(values, element)
        };
        Self { shape, values: uniform(0.0, 16.0), weights: uniform(0.5, 1.5) }
    }

    /// Bytes of the values; the weights have as many.
    pub fn bytes(&self) -> u64 {
        self.values.values().bytes().len() as u64
    }

    /// As the library has them.
    pub fn operands(&self, op: ReduceOp) -> LibraryResult<(Logits<'_>, Weights<'_>)> {
        let weights = match op.is_weighted() {
            true => Weights::PerElement(Logits::from_values(self.weights.values(), self.shape)?),
            false => Weights::None,
        };
        Ok((Logits::from_values(self.values.values(), self.shape)?, weights))
    }

    /// The oracle's.
    pub fn answers(&self, op: ReduceOp) -> Result<Answers> {
        let (values, weights) = self.operands(op)?;
        Ok(Answers(cpu::Oracle.reduce(values, weights, &op.options())?.values))
    }
}

/// What the oracle says of every result.
pub struct Answers(Vec<f32>);

impl Answers {
    /// Compares every result.
    pub fn check(&self, what: &str, found: &[f32]) -> Result<()> {
        let Self(expected) = self;
        if found.len() != expected.len() {
            let (found, expected) = (found.len(), expected.len());
            let message = format!("{what}: {found} results, the oracle has {expected}");
            return Err(Failure::WrongAnswer(message));
        }
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            // Nothing cancels: values and weights are above 0.
            close(|| format!("{what}, result {at}"), *found, *expected, 1e-6 * expected.abs())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_checked() {
        let answers = Answers(vec![1.0, 2.0]);
        assert!(answers.check("", &[1.0, 2.0]).is_ok());
        for wrong in [&[1.0, 2.1][..], &[1.0], &[1.0, f32::NAN], &[1.0, 2.0, 3.0]] {
            assert!(answers.check("", wrong).is_err(), "{wrong:?}");
        }
    }
}
