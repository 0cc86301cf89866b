//! Divergences, and entropies of probabilities.

use pulp::Simd;

use super::{Function, Loss};
use crate::cpu::fast::lanes::Lanes;

/// `x log x`, 0 of 0.
#[inline(always)]
fn x_log_x<S: Simd>(x: Lanes<S>) -> Lanes<S> {
    x.is(0.0).select(x.all(0.0), x * x.ln())
}

pub(super) struct KlDivergence;

impl Function for KlDivergence {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        Loss::new(x_log_x(t) - t * x, t.negative())
    }
}

pub(super) struct KlDivergenceOfLogarithms;

impl Function for KlDivergenceOfLogarithms {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        let exp = t.exp();
        Loss::new(exp * (t - x), exp.negative())
    }
}

pub(super) struct Entropy;

impl Function for Entropy {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, _: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        Loss::new(x_log_x(x).negative(), x.all(-1.0) - x.ln())
    }
}

/// `value` and `-t / x`, both 0 where `t` is.
#[inline(always)]
fn of_target<S: Simd>(value: Lanes<S>, x: Lanes<S>, t: Lanes<S>) -> Loss<S> {
    let (zero, is_out) = (x.all(0.0), t.is(0.0));
    Loss::new(is_out.select(zero, value), is_out.select(zero, (t / x).negative()))
}

pub(super) struct CrossEntropyOfProbabilities;

impl Function for CrossEntropyOfProbabilities {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        of_target((t * x.ln()).negative(), x, t)
    }
}

pub(super) struct KlDivergenceOfProbabilities;

impl Function for KlDivergenceOfProbabilities {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, t: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        of_target(t * t.ln_of_ratio(x), x, t)
    }
}
