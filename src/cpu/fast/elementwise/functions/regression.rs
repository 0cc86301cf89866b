//! Losses of a distance.

use pulp::Simd;

use super::{Function, Loss};
use crate::cpu::fast::lanes::Lanes;

pub(super) struct SquaredError;

impl Function for SquaredError {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let distance = x - t;
        Loss::new(distance * distance, distance + distance)
    }
}

pub(super) struct AbsoluteError;

impl Function for AbsoluteError {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let distance = x - t;
        Loss::new(distance.size(), distance.sign())
    }
}

pub(super) struct Huber {
    pub(super) delta: f32,
}

impl Function for Huber {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let distance = x - t;
        let (size, delta) = (distance.size(), x.all(self.delta));
        let is_beyond = delta.is_below(size);
        let linear = delta * (size - self.delta * 0.5);
        // The other formula may overflow where it is not taken.
        let near = is_beyond.select(delta, size);
        let quadratic = near * near * 0.5;
        let derivative = is_beyond.select(delta * distance.sign(), distance);
        Loss::new(is_beyond.select(linear, quadratic), derivative)
    }
}
