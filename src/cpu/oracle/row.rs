//! One row: its transformed logits and their softmax.

use super::transform::Transform;

/// What everything about a row's softmax is computed from.
#[derive(Clone, Copy)]
pub(super) struct Softmax {
    /// The largest logit `m`; NaN where the row holds one; `-inf` without classes.
    pub(super) maximum: f64,
    /// `r = sum_{j != argmax} exp(y_j - m)`; NaN where the softmax is undefined, which is with a
    /// NaN, a `+inf`, or nothing but `-inf`.
    pub(super) rest: f64,
}

impl Softmax {
    /// With a NaN, a `+inf`, or nothing but `-inf`.
    pub(super) fn is_undefined(&self) -> bool {
        self.rest.is_nan()
    }

    /// `log sum_c exp(y_c) = m + log1p(r)`; where the softmax is undefined, the maximum has it.
    pub(super) fn log_sum_exp(&self) -> f64 {
        if self.is_undefined() { self.maximum } else { self.maximum + self.rest.ln_1p() }
    }

    /// `log p(y) = -((m - y) + log1p(r))`: no large terms cancel, whatever the logits' offset.
    pub(super) fn log_probability(&self, y: f64) -> f64 {
        -((self.maximum - y) + self.rest.ln_1p())
    }

    /// `p(y) = exp(y - m) / (1 + r)`.
    pub(super) fn probability(&self, y: f64) -> f64 {
        (y - self.maximum).exp() / (1.0 + self.rest)
    }

    /// `p(y) - 1`; exact where that class leads and `p` is close to 1.
    pub(super) fn probability_minus_one(&self, y: f64) -> f64 {
        if y == self.maximum { -self.rest / (1.0 + self.rest) } else { self.probability(y) - 1.0 }
    }
}

/// A row of logits after the transformation.
pub(super) struct Row {
    /// `y`.
    pub(super) logits: Vec<f64>,
    /// `dy / dx`.
    pub(super) slopes: Vec<f64>,
    /// The most likely class: the lowest index on ties, the first NaN's where there is one.
    pub(super) argmax: usize,
    /// What the logits are ordered by, NaN before all others.
    order: Vec<f64>,
    pub(super) softmax: Softmax,
}

impl Row {
    pub(super) fn new(stored: &[f32], transform: Transform) -> Self {
        let logits: Vec<f64> = stored.iter().map(|&x| transform.value(x)).collect();
        let slopes = stored.iter().map(|&x| transform.slope(x)).collect();
        let order: Vec<f64> = stored.iter().map(|&x| transform.order(x)).collect();
        let argmax = argmax(&order);
        let maximum = logits.get(argmax).copied().unwrap_or(f64::NEG_INFINITY);
        let rest = if maximum.is_finite() {
            let others = logits.iter().enumerate().filter(|&(class, _)| class != argmax);
            others.map(|(_, y)| (y - maximum).exp()).sum()
        } else {
            f64::NAN
        };
        Self { logits, slopes, argmax, order, softmax: Softmax { maximum, rest } }
    }

    /// How many classes come before one, as `torch.topk` orders them: NaN, then the greater logits; the
    /// lower of equals.
    pub(super) fn rank(&self, class: usize) -> usize {
        let own = self.order[class];
        let comes_before = |(other, &x): (usize, &f64)| match (x.is_nan(), own.is_nan()) {
            (true, false) => true,
            (false, true) => false,
            (true, true) => other < class,
            (false, false) => x > own || (x == own && other < class),
        };
        self.order.iter().enumerate().filter(|&it| comes_before(it)).count()
    }

    /// `sum_c exp(y_c - m) (m - y_c)`, with `0 * inf = 0`.
    pub(super) fn spread(&self) -> f64 {
        let distances = self.logits.iter().map(|y| self.softmax.maximum - y);
        distances.filter(|distance| distance.is_finite()).map(|d| (-d).exp() * d).sum()
    }
}

/// As `torch.argmax`: the first NaN, else the lowest index of the largest; 0 without classes.
fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, &x) in values.iter().enumerate() {
        if x.is_nan() {
            return index;
        }
        if x > values[best] {
            best = index;
        }
    }
    best
}
