//! Losses of targets between negative and positive.

use pulp::Simd;

use super::{Function, Loss};
use crate::cpu::fast::lanes::{Lanes, Power};

/// `t (1-eps) + eps/2` in place of `t`.
#[derive(Clone, Copy)]
pub(super) struct Smoothing {
    keep: f32,
    half: f32,
}

impl Smoothing {
    pub(super) fn new(smoothing: f32) -> Self {
        Self { keep: 1.0 - smoothing, half: 0.5 * smoothing }
    }

    /// The target `t`, and `1 - t`, neither rounded off from the other.
    #[inline(always)]
    fn apply<S: Simd>(&self, t: Lanes<S>) -> (Lanes<S>, Lanes<S>) {
        let (keep, half) = (t.all(self.keep), t.all(self.half));
        (t.mul_add(keep, half), (t.all(1.0) - t).mul_add(keep, half))
    }
}

/// Both sides of a logit.
struct Logistic<S: Simd> {
    /// `sigmoid(x)`, `sigmoid(-x)`.
    p: Lanes<S>,
    q: Lanes<S>,
    /// `softplus(x)`, `softplus(-x)`.
    of_negative: Lanes<S>,
    of_positive: Lanes<S>,
}

impl<S: Simd> Logistic<S> {
    #[inline(always)]
    fn of(x: Lanes<S>) -> Self {
        let (zero, negative) = (x.all(0.0), x.negative());
        let exp = x.min(negative).exp();
        let (ln_1p, large) = exp.ln_1p_and_inverse();
        let small = exp * large;
        let is_negative = x.is_below(zero);
        Self {
            p: is_negative.select(small, large),
            q: is_negative.select(large, small),
            of_negative: x.max(zero) + ln_1p,
            of_positive: negative.max(zero) + ln_1p,
        }
    }
}

pub(super) struct BinaryCrossEntropyWithLogits {
    pub(super) smoothing: Smoothing,
}

impl Function for BinaryCrossEntropyWithLogits {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, third: Lanes<S>) -> Loss<S> {
        let (t, rest) = self.smoothing.apply(t);
        let logistic = Logistic::of(x);
        let positive = t * third;
        let value = rest.mul_add(logistic.of_negative, positive * logistic.of_positive);
        Loss::new(value, rest * logistic.p - positive * logistic.q)
    }
}

pub(super) struct BinaryCrossEntropy {
    pub(super) smoothing: Smoothing,
}

impl Function for BinaryCrossEntropy {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let (t, rest) = self.smoothing.apply(t);
        let log = x.ln().at_least(-100.0);
        let log_rest = x.negative().ln_1p_of_negative().at_least(-100.0);
        let value = t.mul_add(log, rest * log_rest).negative();
        let variance = x * (x.all(1.0) - x);
        Loss::new(value, (x - t) / variance.at_least(1e-12))
    }
}

/// Powers that need no logarithm, and others.
#[derive(Clone, Copy)]
pub(super) enum FocalPower {
    Zero,
    One,
    Two,
    Other(Power),
    /// So great that it shows the digits of a small `p`, which `1 - p` has not.
    Great(f32),
}

impl FocalPower {
    pub(super) fn new(gamma: f32) -> Self {
        match gamma {
            0.0 => Self::Zero,
            1.0 => Self::One,
            2.0 => Self::Two,
            gamma if gamma > 64.0 => Self::Great(gamma),
            _ => Self::Other(Power::new(gamma)),
        }
    }

    /// Of `1 - p`, and `p`.
    #[inline(always)]
    fn of<S: Simd>(&self, x: Lanes<S>, p: Lanes<S>) -> Lanes<S> {
        match self {
            Self::Zero => x.all(1.0),
            Self::One => x,
            Self::Two => x * x,
            Self::Other(power) => x.power(*power),
            Self::Great(gamma) => {
                let is_small = p.size().is_below(p.all(0.5));
                let log = is_small.select(p.negative().ln_1p_of_negative(), x.ln());
                (log * *gamma).at_least(-1000.0).exp()
            }
        }
    }
}

pub(super) struct SigmoidFocal {
    pub(super) smoothing: Smoothing,
    pub(super) alpha: Option<f32>,
    pub(super) gamma: f32,
    pub(super) power: FocalPower,
}

impl Function for SigmoidFocal {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let (t, rest) = self.smoothing.apply(t);
        let Logistic { p, q, of_negative, of_positive } = Logistic::of(x);
        let cross_entropy = rest.mul_add(of_negative, t * of_positive);
        // 1 - p_t, and its logarithmic derivative.
        let wrong = t.mul_add(q, rest * p);
        let between = (rest - t) * (p * (q / wrong));
        let change = t.is(1.0).select(p.negative(), t.is(0.0).select(q, between));
        let power = self.power.of(wrong, t.mul_add(p, rest * q));
        let of_power = match self.power {
            FocalPower::Zero => t.all(0.0),
            // From left to right, so that no factor meets another that only the power makes small.
            _ => power * self.gamma * change * cross_entropy,
        };
        let derivative = power.mul_add(rest * p - t * q, of_power);
        let loss = Loss::new(power * cross_entropy, derivative);
        match self.alpha {
            // 1 - alpha is rounded once, as t is.
            Some(alpha) => {
                let alpha = t.mul_add(t.all(alpha), rest * (1.0 - alpha));
                Loss::new(loss.value * alpha, loss.derivative * alpha)
            }
            None => loss,
        }
    }
}
