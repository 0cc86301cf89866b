//! Judges results by the oracle's: value by value, keeping the first difference and the largest
//! error. [`tolerance`] has the figures, [`row`] what the rounding of transformed logits allows.

mod argmax;
mod coefficients;
mod correct;
mod cross_entropy;
mod elementwise;
mod gradient;
mod log_sum_exp;
mod reduced;
mod reduction;
mod row;
mod row_gradient;
mod row_values;
mod softmax;
mod softmax_loss;
mod states;
mod target_rank;
mod tolerance;

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{CrossEntropy, Element, Float, Logits, OwnedValues, Shape, Targets, Upstream};

pub use elementwise::ElementwiseScale;
pub(super) use elementwise::Losses;
pub(super) use reduction::Reduction;
pub use softmax_loss::SoftmaxLossScale;
pub(super) use softmax_loss::SoftmaxLosses;
use tolerance::{SUBNORMAL, TOLERANCE, Tolerance};

/// A call of cross-entropy.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    pub(super) logits: Logits<'a>,
    pub(super) targets: Targets<'a>,
    pub(super) upstream: Option<Upstream<'a>>,
    pub(super) options: &'a CrossEntropy,
    /// Whether the results come from states of parts.
    pub(super) merged: bool,
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

/// Where a value stands among those of a half-precision type: neighbours differ by 1.
fn rank(value: f64, element: Element) -> i32 {
    let bits = match element {
        Element::F16 => f16::narrow(value as f32).to_bits(),
        Element::Bf16 | Element::F32 => bf16::narrow(value as f32).to_bits(),
    };
    let magnitude = i32::from(bits & 0x7fff);
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
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
    fn same_kind(&mut self, found: f32, expected: f64, name: impl FnOnce() -> String) -> bool {
        let rounded = expected as f32;
        if found.is_finite() && rounded.is_finite() {
            return true;
        }
        if found != rounded && !(found.is_nan() && rounded.is_nan()) {
            self.fail(|| format!("{} is {found:e}, expected {rounded:e}", name()));
        }
        false
    }

    /// Judges `|found - expected|` of a value in single precision.
    fn close(
        &mut self,
        found: f32,
        expected: f64,
        tolerance: Tolerance,
        name: impl Fn() -> String,
    ) {
        self.close_in_units(found, expected, tolerance, tolerance.scale, name);
    }

    /// The same; the error that is kept is in other units than that of the tolerance.
    fn close_in_units(
        &mut self,
        found: f32,
        expected: f64,
        tolerance: Tolerance,
        unit: f64,
        name: impl Fn() -> String,
    ) {
        if !self.same_kind(found, expected, &name) {
            return;
        }
        // What is subnormal may be 0, but 0 is 0.
        let subnormal = if tolerance == Tolerance::EXACT { 0.0 } else { SUBNORMAL };
        let difference = (f64::from(found) - expected).abs();
        // What is allowed beside rounding is as good as part of the unit.
        let error = relative(difference, unit + (tolerance.extra + subnormal) / TOLERANCE);
        if difference > tolerance.allowed() + subnormal {
            self.fail(|| {
                let name = name();
                format!("{name} is {found:e}, expected {expected:e}: off by {error:.1e}")
            });
        }
        self.worst = self.worst.max(error);
    }

    /// Judges a value of any element type. One of half precision is the correctly rounded value
    /// of a result in single precision within the tolerance.
    fn element(
        &mut self,
        found: f32,
        expected: f64,
        element: Element,
        tolerance: Tolerance,
        unit: f64,
        name: impl Fn() -> String,
    ) {
        if element == Element::F32 {
            return self.close_in_units(found, expected, tolerance, unit, name);
        }
        // An overflow of the type is no special value of the result.
        let special = !(expected as f32).is_finite();
        if special || found.is_nan() {
            self.same_kind(found, expected, &name);
            return;
        }
        let subnormal = if tolerance == Tolerance::EXACT { 0.0 } else { SUBNORMAL };
        let allowed = tolerance.allowed() + subnormal;
        let (least, most) = (rank(expected - allowed, element), rank(expected + allowed, element));
        let own = rank(found.into(), element);
        if own < least || own > most {
            self.fail(|| {
                let (name, element) = (name(), element.name());
                format!("{name} is {found:e} of {element}, expected {expected:e}")
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
        found: &'a Option<T>,
        expected: &'a Option<U>,
    ) -> Option<(&'a T, &'a U)> {
        match (found, expected) {
            (Some(found), Some(expected)) => Some((found, expected)),
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

    /// The same for a value for each row.
    fn rows<'a, T, U>(
        &mut self,
        what: &str,
        found: &'a Option<Vec<T>>,
        expected: &'a Option<Vec<U>>,
    ) -> Option<(&'a [T], &'a [U])> {
        let (found, expected) = self.both(what, found, expected)?;
        self.same_length(what, found, expected).then_some((found, expected))
    }

    /// A value for each logit, of this element type; `None` where they cannot be compared.
    fn matrices<'a>(
        &mut self,
        what: &str,
        shape: Shape,
        element: Element,
        found: &'a OwnedValues,
        expected: &'a [f64],
    ) -> Option<Matrices<'a>> {
        self.equal(&format!("element type of {what}"), &found.element(), &element);
        if found.len() != expected.len() {
            self.fail(|| format!("{what} has {} values, not {}", found.len(), expected.len()));
            return None;
        }
        Some(Matrices { found, expected, shape: shape.contiguous(), element })
    }
}

/// A value for each logit, found and expected.
#[derive(Clone, Copy)]
struct Matrices<'a> {
    found: &'a OwnedValues,
    expected: &'a [f64],
    shape: Shape,
    element: Element,
}

impl Matrices<'_> {
    fn get(&self, row: usize, class: usize) -> (f32, f64) {
        let at = self.shape.start_of(row) + class * self.shape.inner;
        (self.found.values().get(at).unwrap_or(f32::NAN), self.expected[at])
    }
}
