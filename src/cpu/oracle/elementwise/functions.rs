//! The table of element-wise losses, as the formulas say.

use std::f64::consts::PI;

use crate::ops::cross_entropy::Mode;
use crate::ops::elementwise::LossFunction;

/// What is known of one element's loss.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Loss {
    pub(in crate::cpu) value: f64,
    pub(in crate::cpu) derivative: f64,
    /// With respect to the variance.
    pub(in crate::cpu) of_variance: f64,
}

/// Of an input, a target and what else the function needs: the weight of positives or the variance.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Element {
    pub(in crate::cpu) x: f64,
    pub(in crate::cpu) t: f64,
    pub(in crate::cpu) third: f64,
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// A probability times what it is the probability of.
fn part(probability: f64, of: f64, mode: Mode) -> f64 {
    if mode == Mode::Masked && probability == 0.0 { 0.0 } else { probability * of }
}

fn at_least(x: f64, least: f64) -> f64 {
    if x < least { least } else { x } // NaN stays
}

fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

/// `x log y`, 0 where `x` is.
fn x_log_y(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln() }
}

/// Of a logit, a target and the weight of positives: the value and its derivative.
fn cross_entropy(x: f64, t: f64, weight: f64, mode: Mode) -> (f64, f64) {
    let (positive, negative) = (weight * t, 1.0 - t);
    // PyTorch adds (1 - t) x and a multiple of softplus(-x).
    let multiple = if weight == 1.0 { 1.0 } else { 1.0 + (weight - 1.0) * t };
    let derivative = match t.is_infinite() {
        true => negative - multiple * sigmoid(-x),
        false => negative * sigmoid(x) - positive * sigmoid(-x),
    };
    let value = match mode == Mode::Strict && (x.is_infinite() || t.is_infinite()) {
        true => negative * x + multiple * softplus(-x),
        false => part(negative, softplus(x), mode) + part(positive, softplus(-x), mode),
    };
    (value, derivative)
}

pub(in crate::cpu) fn loss(function: &LossFunction, mode: Mode, element: Element) -> Loss {
    let Element { x, t, third } = element;
    let (value, derivative) = match *function {
        LossFunction::BinaryCrossEntropyWithLogits => cross_entropy(x, t, third, mode),
        LossFunction::BinaryCrossEntropy => {
            let (log, log_rest) = (at_least(x.ln(), -100.0), at_least((-x).ln_1p(), -100.0));
            (-(t * log + (1.0 - t) * log_rest), (x - t) / at_least(x * (1.0 - x), 1e-12))
        }
        LossFunction::SigmoidFocal { alpha, gamma } => {
            sigmoid_focal(x, t, alpha.map(f64::from), gamma.into(), mode)
        }
        LossFunction::KlDivergence { log_target: false } => (x_log_y(t, t) - part(t, x, mode), -t),
        LossFunction::KlDivergence { log_target: true } => (part(t.exp(), t - x, mode), -t.exp()),
        LossFunction::SquaredError => ((x - t) * (x - t), 2.0 * (x - t)),
        LossFunction::AbsoluteError => ((x - t).abs(), sign(x - t)),
        LossFunction::Huber { delta } => {
            let (distance, delta) = ((x - t).abs(), f64::from(delta));
            match distance <= delta {
                true => (0.5 * distance * distance, x - t),
                false => (delta * (distance - 0.5 * delta), delta * sign(x - t)),
            }
        }
        LossFunction::PoissonNll { log_input, full, epsilon } => {
            let rate = x + f64::from(epsilon);
            let (value, derivative) = match log_input {
                true => (x.exp() - t * x, x.exp() - t),
                false => (x - t * rate.ln(), 1.0 - t / rate),
            };
            let stirling = t * t.ln() - t + 0.5 * (2.0 * PI * t).ln();
            (if full && t > 1.0 { value + stirling } else { value }, derivative)
        }
        LossFunction::GaussianNll { full, epsilon } => {
            return gaussian(element, full, epsilon.into());
        }
        LossFunction::Entropy => (-x_log_y(x, x), -1.0 - x.ln()),
        LossFunction::CrossEntropyOfProbabilities => (-x_log_y(t, x), -over(t, x)),
        LossFunction::KlDivergenceOfProbabilities => {
            let x = x + 0.0;
            let value = if t == 0.0 && !x.is_nan() { 0.0 } else { t * (t / x).ln() };
            (value, -over(t, x))
        }
        LossFunction::Custom(custom) => {
            let [value, derivative] = custom.evaluate(x, t);
            (value, derivative)
        }
    };
    Loss { value, derivative, of_variance: f64::NAN }
}

/// `t / x`, 0 where `t` is.
fn over(t: f64, x: f64) -> f64 {
    // A probability of -0 is 0.
    if t == 0.0 && !x.is_nan() { 0.0 } else { t / (x + 0.0) }
}

fn sigmoid_focal(x: f64, t: f64, alpha: Option<f64>, gamma: f64, mode: Mode) -> (f64, f64) {
    let (p, rest) = (sigmoid(x), sigmoid(-x));
    let (cross_entropy, of_entropy) = cross_entropy(x, t, 1.0, mode);
    // 1 - p_t, and its logarithmic derivative.
    let wrong = t * rest + (1.0 - t) * p;
    let right = t * p + (1.0 - t) * rest;
    let change = match t {
        1.0 => -p,
        0.0 => rest,
        _ => (1.0 - 2.0 * t) * p * rest / wrong,
    };
    let alpha = alpha.map_or(1.0, |alpha| alpha * t + (1.0 - alpha) * (1.0 - t));
    // Where p_t is small, 1 - p_t has none of its digits, and a great gamma shows them.
    let power = match right.abs() < 0.5 {
        true => (gamma * (-right).ln_1p()).exp(),
        false => wrong.powf(gamma),
    };
    let of_power = if gamma == 0.0 { 0.0 } else { gamma * power * change * cross_entropy };
    let derivative = alpha * (of_power + power * of_entropy);
    (alpha * power * cross_entropy, derivative)
}

fn gaussian(element: Element, full: bool, epsilon: f64) -> Loss {
    let variance = at_least(element.third, epsilon);
    let distance = element.x - element.t;
    let square = distance * distance / variance;
    let constant = if full { 0.5 * (2.0 * PI).ln() } else { 0.0 };
    Loss {
        value: 0.5 * (variance.ln() + square) + constant,
        derivative: distance / variance,
        of_variance: 0.5 * (1.0 - square) / variance,
    }
}
