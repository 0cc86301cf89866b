//! Logits, and where a gradient goes.

use super::matrix::{Holds, Matrix};
use crate::element::Float;
use crate::logits::{Logits, Shape};

/// The logits, and where their gradient goes.
pub(super) struct Place<'a, G> {
    /// `None`: they are where the gradient goes.
    pub(super) logits: Option<Logits<'a>>,
    /// Of the logits.
    pub(super) shape: Shape,
    pub(super) gradient: Option<(&'a mut [G], Holds)>,
}

impl<'a, G: Float> Place<'a, G> {
    /// Logits apart from the gradient, which has no gaps.
    pub(super) fn apart(logits: Logits<'a>, gradient: Option<(&'a mut [G], Holds)>) -> Self {
        Self { logits: Some(logits), shape: logits.shape(), gradient }
    }

    /// The gradient in the place of the logits.
    pub(super) fn of_both(values: &'a mut [G], shape: Shape) -> Self {
        let shape = shape.with_element(G::ELEMENT);
        Self { logits: None, shape, gradient: Some((values, Holds::Logits)) }
    }

    pub(super) fn matrix(mut self) -> Option<Matrix<'a, G>> {
        let shape = self.results_shape();
        self.gradient.take().map(|(values, holds)| Matrix::new(values, shape, holds))
    }

    /// The gradient's memory, its shape, and what it holds.
    pub(super) fn results(&mut self) -> Option<(&mut [G], Shape, Holds)> {
        let shape = self.results_shape();
        self.gradient.as_mut().map(|(values, holds)| (&mut **values, shape, *holds))
    }

    fn results_shape(&self) -> Shape {
        if self.logits.is_some() { self.shape.contiguous() } else { self.shape }
    }

    /// A logit, widened; NaN beyond the last.
    pub(super) fn get(&self, index: usize) -> f32 {
        let of_both = || self.gradient.as_ref().and_then(|(values, _)| values.get(index));
        let value = match self.logits {
            Some(logits) => logits.values().get(index),
            None => of_both().map(|value| value.widen()),
        };
        value.unwrap_or(f32::NAN)
    }
}
