//! The most likely class, and how many rows are correct.

use super::row::Transform;

/// As `torch.argmax`: the first NaN, else the lowest index of the largest.
fn argmax(values: impl Iterator<Item = f64>) -> usize {
    let (mut best, mut largest) = (0, f64::NEG_INFINITY);
    for (class, value) in values.enumerate() {
        if value.is_nan() {
            return class;
        }
        if value > largest {
            (best, largest) = (class, value);
        }
    }
    best
}

/// The classes that may be said to be a row's most likely.
pub(super) struct Candidates {
    expected: usize,
    /// A device may take subnormal numbers for zeros, which makes them ties.
    flushed: usize,
    /// Parts know of each other's classes only their transformed logits, whose rounding makes
    /// ties: all whose logit may be the largest.
    rounded: Vec<usize>,
}

impl Candidates {
    pub(super) fn new(row: &[f32], transform: Transform, merged: bool) -> Self {
        let flush = |x: f32| if x.is_subnormal() { 0.0 } else { x };
        let expected = argmax(row.iter().map(|&x| transform.order(x)));
        let rounded = match merged && !transform.is_identity() {
            true => near(row, transform, expected),
            false => Vec::new(),
        };
        let flushed = argmax(row.iter().map(|&x| transform.order(flush(x))));
        Self { expected, flushed, rounded }
    }

    pub(super) fn contains(&self, class: usize) -> bool {
        class == self.expected || class == self.flushed || self.rounded.contains(&class)
    }

    /// Whether no other class may be named.
    pub(super) fn is_only(&self, class: usize) -> bool {
        class == self.expected
            && class == self.flushed
            && self.rounded.iter().all(|&other| other == class)
    }
}

/// The classes whose transformed logit may be rounded to that of the most likely.
fn near(row: &[f32], transform: Transform, expected: usize) -> Vec<usize> {
    let lower = |class: usize| {
        let y = transform.value(row[class]);
        y - transform.rounding(y)
    };
    if row.is_empty() || !lower(expected).is_finite() {
        return Vec::new();
    }
    let is_near = |class: &usize| {
        let y = transform.value(row[*class]);
        y + transform.rounding(y) >= lower(expected)
    };
    (0..row.len()).filter(is_near).collect()
}
