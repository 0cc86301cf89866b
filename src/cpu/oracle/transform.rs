//! From the stored logits to those the softmax is taken of.

use crate::ops::cross_entropy::CrossEntropy;

/// `y = softcap * tanh(scale * x / softcap)`.
#[derive(Clone, Copy)]
pub(super) struct Transform {
    scale: f64,
    softcap: Option<f64>,
    /// Whether `y` is rounded to single precision.
    rounds: bool,
}

impl Transform {
    /// `y = x`.
    pub(super) const IDENTITY: Self = Self { scale: 1.0, softcap: None, rounds: false };

    pub(super) fn of(options: &CrossEntropy) -> Self {
        Self {
            scale: options.logit_scale.into(),
            softcap: options.softcap.map(f64::from),
            rounds: false,
        }
    }

    /// The same, to what a state in single precision can hold.
    pub(super) fn rounded(self) -> Self {
        Self { rounds: true, ..self }
    }

    fn scaled(&self, x: f32) -> f64 {
        let scaled = self.scale * f64::from(x);
        let single = scaled as f32;
        // What overflows single precision is infinite in every engine.
        if single.is_infinite() { single.into() } else { scaled }
    }

    /// `y`.
    pub(super) fn value(&self, x: f32) -> f64 {
        let scaled = self.scaled(x);
        let value = match self.softcap {
            Some(softcap) => softcap * (scaled / softcap).tanh(),
            None => scaled,
        };
        if self.rounds { f64::from(value as f32) } else { value }
    }

    /// `dy / dx = scale * (1 - tanh^2)`, without the cancellation where tanh is close to 1.
    pub(super) fn slope(&self, x: f32) -> f64 {
        match self.softcap {
            Some(softcap) => self.scale / (self.scaled(x) / softcap).cosh().powi(2),
            None => self.scale,
        }
    }

    /// What orders the stored logits as the transformation does, without its rounding: only its
    /// sign matters, and it is NaN where `y` is.
    pub(super) fn order(&self, x: f32) -> f64 {
        let sign = if self.scale == 0.0 { 0.0 } else { self.scale.signum() };
        sign * f64::from(x)
    }
}
