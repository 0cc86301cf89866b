//! What the accuracy of a row's results depends on.
//!
//! Engines work on transformed logits `y` that were rounded to single precision, the oracle on exact
//! ones. That `y_c` is off by `s_c` ([`Transform::rounding`]) shifts, to first order,
//! * the log-sum-exp by `sum_k p_k s_k`,
//! * a log-probability by `s_c - sum_k p_k s_k`, and its probability by as much, relatively,
//! * the entropy by `sum_k p_k (log p_k + H) s_k`.
//!
//! Without scale and softcap there is no such allowance: the differences of stored logits are known.

use wgpu_loss::CrossEntropy;

use super::tolerance::{FLUSHED, PER_EXPONENT, TOLERANCE, Tolerance};

/// From the stored logits to those the softmax is taken of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transform {
    scale: f64,
    softcap: Option<f64>,
    /// How far `y` may be off, relatively.
    rounding: f64,
}

/// Products with it change the exponent alone.
fn is_power_of_two(x: f32) -> bool {
    x.is_normal() && x.to_bits() << 9 == 0
}

impl Transform {
    pub(super) const IDENTITY: Self = Self { scale: 1.0, softcap: None, rounding: 0.0 };

    /// Of distances to the maximum: they are multiplied by `1 / T`, which is rounded as the products
    /// are.
    fn of_temperature(temperature: f32) -> Self {
        let scale = 1.0 / f64::from(temperature);
        let rounding = match is_power_of_two(temperature) {
            true => 0.0,
            false => (f64::from(scale as f32) / scale - 1.0).abs() + 0.5 * f64::from(f32::EPSILON),
        };
        Self { scale, softcap: None, rounding }
    }

    pub(super) fn of(options: &CrossEntropy) -> Self {
        let scale = options.logit_scale;
        let is_exact = scale == 0.0 || is_power_of_two(scale);
        let ulp = f64::from(f32::EPSILON);
        let rounding = match options.softcap {
            // Scaling, dividing, tanh and multiplying: 3 ulp.
            Some(_) => 3.0 * ulp,
            // Correctly rounded, so that the difference of two logits is off by at most 1 ulp of
            // the larger; powers of two only change the exponent.
            None if is_exact => 0.0,
            None => 0.5 * ulp,
        };
        Self { scale: scale.into(), softcap: options.softcap.map(f64::from), rounding }
    }

    /// The largest `|dy/dx|`.
    pub(super) fn slope(&self) -> f64 {
        self.scale.abs()
    }

    /// `|dy/dx|` over the largest, and how far it may be off, relatively: where the softcap saturates,
    /// `1 - tanh^2` does not cancel, but grows with the error of the exponential that it is.
    pub(super) fn relative_slope(&self, x: f32) -> (f64, f64) {
        let Some(softcap) = self.softcap else { return (1.0, 0.0) };
        let u = (self.scale * f64::from(x) / softcap).abs();
        let relative = u.cosh().powi(-2);
        // Beyond the exponents of single precision it is 0, whatever it is multiplied by.
        if relative == 0.0 {
            return (0.0, 0.0);
        }
        (relative, 2.0 * u * (self.rounding + PER_EXPONENT * TOLERANCE))
    }

    pub(super) fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.softcap.is_none()
    }

    pub(super) fn value(&self, x: f32) -> f64 {
        let scaled = self.scale * f64::from(x);
        let single = scaled as f32;
        let scaled = if single.is_infinite() { single.into() } else { scaled };
        match self.softcap {
            Some(softcap) => softcap * (scaled / softcap).tanh(),
            None => scaled,
        }
    }

    /// How far an engine's `y` may be from it: not at all where it is infinite.
    pub(super) fn rounding(&self, y: f64) -> f64 {
        if y.is_infinite() { 0.0 } else { self.rounding * y.abs() }
    }

    /// The sign of `scale`, with which it orders the stored logits.
    pub(super) fn order(&self, x: f32) -> f64 {
        let sign = if self.scale == 0.0 { 0.0 } else { self.scale.signum() };
        sign * f64::from(x)
    }
}

/// A row whose softmax is defined.
pub(super) struct Row {
    /// `y`.
    pub(super) logits: Vec<f64>,
    /// `exp(y_c - m)`.
    exps: Vec<f64>,
    pub(super) maximum: f64,
    leader: usize,
    /// `r`.
    pub(super) rest: f64,
    /// `sum_k exp(y_k - m) s_k` without the leader's, whose share is so large as to hide the others.
    rest_shift: f64,
    transform: Transform,
    /// How much of `r` may be missing because each term is so small.
    pub(super) flushed: f64,
}

impl Row {
    /// `None` where the softmax is undefined: then only the kinds of special values are judged.
    pub(super) fn of(stored: &[f32], transform: Transform) -> Option<Self> {
        Self::of_logits(stored.iter().map(|&x| transform.value(x)).collect(), transform)
    }

    /// At a temperature, of which engines know nothing but each logit's distance to the maximum.
    pub(super) fn at_temperature(stored: &[f32], temperature: f32) -> Option<Self> {
        let maximum = stored.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
        let distance = |&x: &f32| (f64::from(x) - maximum) / f64::from(temperature);
        let transform = Transform::of_temperature(temperature);
        Self::of_logits(stored.iter().map(distance).collect(), transform)
    }

    fn of_logits(logits: Vec<f64>, transform: Transform) -> Option<Self> {
        let mut leader = 0;
        for (class, y) in logits.iter().enumerate() {
            if y.is_nan() {
                return None;
            }
            if *y > logits[leader] {
                leader = class;
            }
        }
        let maximum = logits.get(leader).copied().filter(|maximum| maximum.is_finite())?;
        let exps: Vec<f64> = logits.iter().map(|y| (y - maximum).exp()).collect();
        let (mut rest, mut flushed, mut rest_shift) = (0.0, 0.0, 0.0);
        let others = exps.iter().zip(&logits).enumerate().filter(|(class, _)| *class != leader);
        for (_, (exp, y)) in others {
            rest += exp;
            rest_shift += exp * transform.rounding(*y);
            if *exp < FLUSHED {
                flushed += exp;
            }
        }
        Some(Self { logits, exps, maximum, leader, rest, rest_shift, transform, flushed })
    }

    /// `m - y_c`.
    pub(super) fn distance(&self, class: usize) -> f64 {
        self.maximum - self.logits[class]
    }

    pub(super) fn log_sum_exp(&self) -> f64 {
        self.maximum + self.rest.ln_1p()
    }

    pub(super) fn probability(&self, class: usize) -> f64 {
        self.exps[class] / (1.0 + self.rest)
    }

    /// By how much `1 - p` may be shifted, relatively.
    pub(super) fn complement_shift(&self, class: usize) -> f64 {
        let quotient = |a: f64, b: f64| if a == 0.0 { 0.0 } else { a / b };
        match class == self.leader {
            true => quotient(self.rest_shift, self.rest),
            false => quotient(self.probability(class) * self.shift(class), self.complement(class)),
        }
    }

    /// The same logarithm as of [`log_probability_tolerance`](Self::log_probability_tolerance).
    pub(super) fn minus_log_probability(&self, class: usize) -> f64 {
        self.distance(class) + self.rest.ln_1p()
    }

    /// `1 - p`, exact where the class leads.
    pub(super) fn complement(&self, class: usize) -> f64 {
        match class == self.leader {
            true => self.rest / (1.0 + self.rest),
            false => 1.0 - self.probability(class),
        }
    }

    /// By how much logits may be off, relatively.
    pub(super) fn relative_rounding(&self) -> f64 {
        self.transform.rounding
    }

    /// By how much a transformed logit may be off.
    pub(super) fn rounding(&self, class: usize) -> f64 {
        self.transform.rounding(self.logits[class])
    }

    /// By how much `y_c - lse` may be shifted: `|s_c (1 - p_c)| + sum_{k != c} p_k s_k`.
    pub(super) fn shift(&self, class: usize) -> f64 {
        let own = self.rounding(class);
        let others = match class == self.leader {
            true => self.rest_shift / (1.0 + self.rest),
            false => (self.log_sum_exp_shift() - self.probability(class) * own).max(0.0),
        };
        self.complement(class) * own + others
    }

    /// By how much the log-sum-exp may be shifted.
    pub(super) fn log_sum_exp_shift(&self) -> f64 {
        (self.rounding(self.leader) + self.rest_shift) / (1.0 + self.rest)
    }

    /// What a log-sum-exp's error is relative to: `m + log1p(r)` may cancel, as for
    /// `(-ln 2, -ln 2)`, and then the second term is what counts.
    pub(super) fn log_sum_exp_scale(&self) -> f64 {
        self.log_sum_exp().abs().max(self.rest.ln_1p())
    }

    pub(super) fn log_sum_exp_tolerance(&self) -> Tolerance {
        Tolerance::of(self.log_sum_exp_scale()).and(self.log_sum_exp_shift() + self.flushed)
    }

    /// Of `lse - y_c`.
    pub(super) fn log_probability_tolerance(&self, class: usize) -> Tolerance {
        Tolerance::of(self.minus_log_probability(class)).and(self.shift(class) + self.flushed)
    }

    /// `-sum_c p_c log p_c`: every term is above 0.
    pub(super) fn entropy_tolerance(&self) -> Tolerance {
        let log = self.rest.ln_1p();
        let terms = || (0..self.exps.len()).filter(|&class| self.exps[class] > 0.0);
        let term = |class| self.probability(class) * (self.distance(class) + log);
        // Not through `term` where the class leads: the logarithm is exact, its product small.
        let entropy: f64 = terms().map(term).sum();
        let shift = |class| {
            let slope = self.probability(class) * (entropy - self.distance(class) - log).abs();
            slope * self.rounding(class)
        };
        let flushed = |class| match self.exps[class] < FLUSHED {
            true => self.exps[class] * (1.0 + self.distance(class)),
            false => 0.0,
        };
        let extra = |class| shift(class) + flushed(class);
        Tolerance::of(entropy).and(terms().map(extra).sum())
    }

    /// Of the state's `r`, which is relative to the maximum it has: that is shifted too.
    pub(super) fn rest_tolerance(&self) -> Tolerance {
        let shift = self.rest_shift + self.rest * self.rounding(self.leader);
        Tolerance::of(self.rest).and(shift + self.flushed)
    }

    /// Of `sum_c exp(y_c - m) (m - y_c)`, which matters as a part of `(1 + r)` times the entropy.
    pub(super) fn spread_tolerance(&self) -> Tolerance {
        let leader = self.rounding(self.leader);
        let mut tolerance = Tolerance::of((1.0 + self.rest) * self.rest.ln_1p());
        for (class, exp) in self.exps.iter().enumerate().filter(|(_, exp)| **exp > 0.0) {
            let distance = self.distance(class);
            let shift = exp * (1.0 - distance).abs() * (self.rounding(class) + leader);
            let flushed = if *exp < FLUSHED { exp * distance } else { 0.0 };
            tolerance = tolerance + Tolerance { scale: exp * distance, extra: shift + flushed };
        }
        tolerance
    }
}
