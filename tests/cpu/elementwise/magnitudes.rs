//! How large the terms are that a loss is made of: what its error is relative to where they cancel.

use wgpu_loss::LossFunction;

pub(super) struct Magnitudes {
    pub(super) value: f64,
    pub(super) derivative: f64,
    pub(super) of_variance: f64,
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// 0 where there is nothing to cancel, in a sum over elements either: then errors are relative to
/// the result itself.
pub(super) fn magnitudes(function: &LossFunction, x: f64, t: f64, third: f64) -> Magnitudes {
    let rest = (1.0 - t).abs();
    let sides = |a: f64| rest * sigmoid(x) + (a * t).abs() * sigmoid(-x);
    let losses = |a: f64| rest * softplus(x) + (a * t).abs() * softplus(-x);
    let x_log_x = |x: f64| if x == 0.0 { 0.0 } else { (x * x.ln()).abs() };
    let (value, derivative) = match *function {
        LossFunction::BinaryCrossEntropyWithLogits => (losses(third), sides(third)),
        LossFunction::BinaryCrossEntropy => {
            let derivative = (x.abs() + t.abs()) / (x * (1.0 - x)).max(1e-12);
            (0.0, derivative)
        }
        LossFunction::SigmoidFocal { alpha, gamma } => {
            let alpha = alpha.map_or(1.0, |a| f64::from(a) * t + f64::from(1.0 - a) * (1.0 - t));
            let power = (t * sigmoid(-x) + rest * sigmoid(x)).powf(gamma.into());
            let by_power = f64::from(gamma) * losses(1.0);
            (0.0, alpha.abs() * power * (by_power + sides(1.0)))
        }
        LossFunction::KlDivergence { log_target: false } => (x_log_x(t) + (t * x).abs(), 0.0),
        LossFunction::KlDivergence { log_target: true } => ((t.exp() * (t - x)).abs(), 0.0),
        LossFunction::CrossEntropyOfProbabilities if t != 0.0 => ((t * x.ln()).abs(), 0.0),
        LossFunction::KlDivergenceOfProbabilities if t != 0.0 => ((t * (t / x).ln()).abs(), 0.0),
        LossFunction::PoissonNll { log_input, full, epsilon } => {
            let rate = x + f64::from(epsilon);
            let (value, derivative) = match log_input {
                true => (x.exp() + (t * x).abs(), x.exp() + t.abs()),
                false => (x.abs() + (t * rate.ln()).abs(), 1.0 + (t / rate).abs()),
            };
            let stirling = if full && t > 1.0 { t * t.ln() + t + 2.0 + t.ln() } else { 0.0 };
            (value + stirling, derivative)
        }
        LossFunction::GaussianNll { full, epsilon } => {
            let variance = third.max(epsilon.into());
            let square = (x - t) * (x - t) / variance;
            let constant = if full { 1.0 } else { 0.0 };
            return Magnitudes {
                value: 0.5 * (variance.ln().abs() + square) + constant,
                derivative: 0.0,
                of_variance: 0.5 * (1.0 + square) / variance,
            };
        }
        LossFunction::Entropy => (x_log_x(x), 1.0 + x.ln().abs()),
        LossFunction::Custom(_) => ((x - t) * (x - t) + x.abs(), x.abs() + t.abs() + 1.0),
        _ => (0.0, 0.0),
    };
    Magnitudes { value, derivative, of_variance: 0.0 }
}
