//! What a number has to be.

use wgpu_loss::Element;

/// Relative error of losses and log-sum-exps, and error of gradients in units of their factor.
const ACCURACY: f64 = 2e-6;

/// What a number has to be, for people who read a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Is {
    Nan,
    Inf,
    NegInf,
    /// Exactly.
    Zero,
    Value(f64),
    /// What the textbook's formula gives for the finite logits of the row: finite.
    Textbook,
}

impl Is {
    /// As a number, given what the textbook says.
    pub fn number(self, textbook: f64) -> f64 {
        match self {
            Self::Nan => f64::NAN,
            Self::Inf => f64::INFINITY,
            Self::NegInf => f64::NEG_INFINITY,
            Self::Zero => 0.0,
            Self::Value(value) => value,
            Self::Textbook => textbook,
        }
    }
}

/// Whether a number is right whose terms are together this large; without terms it is 0 exactly.
pub fn is_sum(found: f32, expected: f64, size: f64) -> bool {
    matches(found, expected, ACCURACY * size)
}

fn matches(found: f32, expected: f64, allowed: f64) -> bool {
    // Beyond the range of `f32` lies infinity.
    let rounded = f64::from(expected as f32);
    let found = f64::from(found);
    match rounded.is_finite() {
        true => (found - expected).abs() <= allowed,
        false => found == rounded || (found.is_nan() && rounded.is_nan()),
    }
}

/// Whether a loss or log-sum-exp is right.
pub fn is_close(found: f32, expected: f64) -> bool {
    matches(found, expected, ACCURACY * expected.abs())
}

/// Whether an element of a gradient is right, stored as `element`, whose factor has this magnitude.
/// What is to be 0 has to be 0 exactly.
pub fn is_gradient(found: f32, expected: f64, factor: f64, element: Element) -> bool {
    if expected == 0.0 || expected.is_nan() {
        return found == 0.0 && expected == 0.0 || found.is_nan() && expected.is_nan();
    }
    let one_unit = match element {
        Element::F32 => 0.0,
        Element::F16 => 2f64.powi(-10) * expected.abs() + 2f64.powi(-24),
        Element::Bf16 => 2f64.powi(-7) * expected.abs(),
    };
    matches(found, expected, ACCURACY * factor + one_unit)
}
