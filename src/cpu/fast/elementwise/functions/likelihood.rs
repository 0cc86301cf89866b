//! Negative log-likelihoods.

use pulp::Simd;

use super::{Function, Loss};
use crate::cpu::fast::lanes::Lanes;

/// `log(2 pi) / 2`.
const HALF_LOG_TWO_PI: f32 = 0.918_938_5;

pub(super) struct PoissonNll {
    pub(super) log_input: bool,
    pub(super) full: bool,
    pub(super) epsilon: f32,
}

impl Function for PoissonNll {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let one = x.all(1.0);
        let (value, derivative) = if self.log_input {
            let rate = x.exp();
            (rate - t * x, rate - t)
        } else {
            let rate = x + self.epsilon;
            // What rounding took off the sum counts t-fold in the logarithm.
            let added = rate - x;
            let rounded_off = (x - (rate - added)) + (x.all(self.epsilon) - added);
            let log = rate.ln_with(rounded_off / rate);
            (x - t * log, one - t / rate)
        };
        if !self.full {
            return Loss::new(value, derivative);
        }
        let log = t.max(one).ln();
        let stirling = t.mul_add(log, log * 0.5) - t + HALF_LOG_TWO_PI;
        let with_stirling = one.is_below(t).select(value + stirling, value);
        Loss::new(with_stirling, derivative)
    }
}

pub(super) struct GaussianNll {
    pub(super) full: bool,
    pub(super) epsilon: f32,
}

impl Function for GaussianNll {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, third: Lanes<S>) -> Loss<S> {
        let variance = third.at_least(self.epsilon);
        let distance = x - t;
        let derivative = distance / variance;
        let square = distance * derivative;
        let constant = if self.full { HALF_LOG_TWO_PI } else { 0.0 };
        let value = (variance.ln() + square).mul_add(x.all(0.5), x.all(constant));
        let of_variance = (x.all(1.0) - square) * 0.5 / variance;
        Loss { value, derivative, of_variance }
    }
}
