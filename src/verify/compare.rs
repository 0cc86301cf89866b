//! How far results may be from the oracle's.

use std::cell::LazyCell;

use crate::{CrossEntropy, CrossEntropyOutput, LogSumExpOutput, Logits, Reduction};

/// Relative error of losses and log-sum-exps, and error of a gradient over its upstream factor.
const TOLERANCE: f64 = 2e-6;

/// What a row's cross-entropy gradient may sum to, over its upstream factor.
const ROW_SUM_TOLERANCE: f64 = 1e-6;

/// Below `e^-87`, just above the smallest normal number, an exponential may be computed as 0.
const FLUSHED: f64 = 1.65e-38;

/// How much of `r = sum exp(x_j - m)` may be missing in a row, because each term is so small.
fn flushed_terms(row: &[f32]) -> f64 {
    let maximum = f64::from(largest(row));
    row.iter().map(|&x| (f64::from(x) - maximum).exp()).filter(|&term| term < FLUSHED).sum()
}

/// The largest logit that is not NaN; `-inf` without one.
fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Compares one case's results, value by value; keeps the first difference and the largest error.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) worst: f64,
    pub(super) failure: Option<String>,
}

/// `+inf` where the scale is 0 and the difference is not.
fn relative(difference: f64, scale: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference / scale.abs() }
}

impl Comparison {
    fn fail(&mut self, message: impl FnOnce() -> String) {
        if self.failure.is_none() {
            self.failure = Some(message());
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            self.fail(|| format!("{what} is {found:?}, expected {expected:?}"));
        }
    }

    /// Refuses a finite value for a NaN or infinite one and the reverse; true where both are
    /// finite, so that there is an error to measure.
    fn same_class(&mut self, found: f32, expected: f64, name: impl FnOnce() -> String) -> bool {
        let rounded = expected as f32;
        if found.is_finite() && rounded.is_finite() {
            return true;
        }
        if found != rounded && !(found.is_nan() && rounded.is_nan()) {
            self.fail(|| format!("{} is {found:e}, expected {rounded:e}", name()));
        }
        false
    }

    /// Judges `|found - expected|` over `scale`; up to `floor()` of the difference does not count.
    fn close(
        &mut self,
        found: f32,
        expected: f64,
        scale: f64,
        floor: impl FnOnce() -> f64,
        name: impl Fn() -> String,
    ) {
        if !self.same_class(found, expected, &name) {
            return;
        }
        let difference = (f64::from(found) - expected).abs();
        let mut error = relative(difference, scale);
        if error > TOLERANCE {
            error = relative((difference - floor()).max(0.0), scale);
        }
        self.worst = self.worst.max(error);
        if error > TOLERANCE {
            self.fail(|| {
                let name = name();
                format!("{name} is {found:e}, expected {expected:e}: off by {error:.1e}")
            });
        }
    }

    fn same_length<T, U>(&mut self, what: &str, found: &[T], expected: &[U]) -> bool {
        if found.len() != expected.len() {
            self.fail(|| format!("{what} has {} values, not {}", found.len(), expected.len()));
        }
        found.len() == expected.len()
    }

    /// Refuses results that were not asked for, and missing ones; hands over the pair there is.
    fn both<'a, T, U>(
        &mut self,
        what: &str,
        found: &'a Option<Vec<T>>,
        expected: &'a Option<Vec<U>>,
    ) -> Option<(&'a [T], &'a [U])> {
        match (found, expected) {
            (Some(found), Some(expected)) => {
                self.same_length(what, found, expected).then_some((found, expected))
            }
            (None, None) => None,
            (Some(_), None) => {
                self.fail(|| format!("{what}: not asked for, but there"));
                None
            }
            (None, Some(_)) => {
                self.fail(|| format!("{what}: asked for, but not there"));
                None
            }
        }
    }

    pub(super) fn log_sum_exp(
        &mut self,
        logits: Logits<'_>,
        upstream: &dyn Fn(usize) -> f32,
        found: &LogSumExpOutput,
        expected: &LogSumExpOutput<f64>,
    ) {
        if self.same_length("log-sum-exp", &found.log_sum_exp, &expected.log_sum_exp) {
            self.log_sum_exp_rows(logits, &found.log_sum_exp, &expected.log_sum_exp);
        }
        if let Some((found, expected)) = self.both("gradient", &found.gradient, &expected.gradient)
        {
            let factor = |row| f64::from(upstream(row));
            self.gradient(logits, &factor, None, found, expected);
        }
    }

    /// `factor` is what a row's `softmax - one-hot` is multiplied by, `counts` whether a row is
    /// not ignored.
    pub(super) fn cross_entropy(
        &mut self,
        logits: Logits<'_>,
        options: &CrossEntropy,
        factor: &dyn Fn(usize) -> f64,
        counts: &dyn Fn(usize) -> bool,
        found: &CrossEntropyOutput,
        expected: &CrossEntropyOutput<f64>,
    ) {
        self.equal("counted", &found.counted, &expected.counted);
        self.equal("denominator", &f64::from(found.denominator), &expected.denominator);
        if let Some((found, expected)) =
            self.both("row loss", &found.loss_rows, &expected.loss_rows)
        {
            for (row, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let floor = || flushed_terms(logits.row(row));
                self.close(found, expected, expected, floor, || format!("loss of row {row}"));
            }
        }
        self.reduced_loss(logits, options, found, expected);
        if let Some((found, expected)) =
            self.both("row log-sum-exp", &found.log_sum_exp, &expected.log_sum_exp)
        {
            self.log_sum_exp_rows(logits, found, expected);
        }
        if let Some((found, expected)) = self.both("argmax", &found.argmax, &expected.argmax) {
            for (row, (found, &expected)) in found.iter().zip(expected).enumerate() {
                // A device may take subnormal numbers for zeros, which makes them ties.
                if *found != expected && *found != argmax_without_subnormals(logits.row(row)) {
                    self.fail(|| format!("argmax of row {row} is {found}, expected {expected}"));
                }
            }
        }
        if let Some((found, expected)) = self.both("gradient", &found.gradient, &expected.gradient)
        {
            self.gradient(logits, factor, Some(counts), found, expected);
        }
    }

    fn reduced_loss(
        &mut self,
        logits: Logits<'_>,
        options: &CrossEntropy,
        found: &CrossEntropyOutput,
        expected: &CrossEntropyOutput<f64>,
    ) {
        // Losses near the largest number: their sum overflows before the mean divides it.
        let overflows = options.reduction == Reduction::Mean
            && expected.loss * expected.denominator > f64::from(f32::MAX);
        if overflows && found.loss == f32::INFINITY {
            return;
        }
        let floor = || (0..logits.rows()).map(|row| flushed_terms(logits.row(row))).sum();
        self.close(found.loss, expected.loss, expected.loss, floor, || "loss".into());
    }

    fn log_sum_exp_rows(&mut self, logits: Logits<'_>, found: &[f32], expected: &[f64]) {
        for (row, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            // m + log1p(r) may cancel, as for (-ln 2, -ln 2): what counts is the larger term.
            let maximum = f64::from(largest(logits.row(row)));
            let scale = expected.abs().max(maximum.abs()).max(expected - maximum);
            let floor = || flushed_terms(logits.row(row));
            self.close(found, expected, scale, floor, || format!("log-sum-exp of row {row}"));
        }
    }

    /// `counts` says which rows sum to 0; `None`: the gradient of log-sum-exp, which does not.
    fn gradient(
        &mut self,
        logits: Logits<'_>,
        factor: &dyn Fn(usize) -> f64,
        counts: Option<&dyn Fn(usize) -> bool>,
        found: &[f32],
        expected: &[f64],
    ) {
        let classes = logits.classes();
        if classes == 0 {
            return;
        }
        let rows = found.chunks_exact(classes).zip(expected.chunks_exact(classes));
        for (row, (found, expected)) in rows.enumerate() {
            let counted = counts.is_none_or(|counts| counts(row));
            let factor = if counted { factor(row) } else { 0.0 };
            let maximum = f64::from(largest(logits.row(row)));
            // The product with the factor may be too small as well as the exponential.
            let floor = FLUSHED * factor.abs().max(1.0);
            // A sum over the row: once, and only where a value is off.
            let flushed = LazyCell::new(|| flushed_terms(logits.row(row)) * factor.abs());
            let mut sum = 0.0;
            let pairs = found.iter().zip(expected).zip(logits.row(row));
            for (class, ((&found, &expected), &x)) in pairs.enumerate() {
                let name = || format!("gradient at row {row}, class {class}");
                self.close(found, expected, factor, || floor, name);
                // Among many classes most probabilities are below the tolerance: they must have the
                // right size too. An exponential may be off by 3e-7 per unit of its exponent.
                let distance = (maximum - f64::from(x)).min(88.0);
                let allowed = (TOLERANCE + 3e-7 * distance) * expected.abs() + floor;
                let difference = (f64::from(found) - expected).abs();
                if difference > allowed && difference > allowed + *flushed {
                    self.fail(|| format!("{} is {found:e}, expected {expected:e}", name()));
                }
                sum += f64::from(found);
            }
            let zero_sum = counts.is_some() && sum.is_finite();
            if zero_sum && sum.abs() > ROW_SUM_TOLERANCE * factor.abs() {
                self.fail(|| format!("gradient of row {row} sums to {sum:e} times {factor:e}"));
            }
        }
    }
}

fn argmax_without_subnormals(row: &[f32]) -> u32 {
    let mut best = 0;
    let flushed = |x: f32| if x.is_subnormal() { 0.0 } else { x };
    for (class, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return class as u32;
        }
        if flushed(x) > flushed(row[best]) {
            best = class;
        }
    }
    best as u32
}
