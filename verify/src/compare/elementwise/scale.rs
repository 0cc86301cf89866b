//! How large the terms are that a loss is made of.

use wgpu_loss::LossFunction;

/// How large the terms are that an element's loss and its derivatives are made of: what an engine's
/// errors are relative to, since terms may cancel.
#[derive(Clone, Copy, Debug)]
pub struct ElementwiseScale {
    /// Of the loss.
    pub value: f64,
    /// Of its derivative in the input.
    pub derivative: f64,
    /// Of its derivative in the variance; 0 where there is none.
    pub of_variance: f64,
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl ElementwiseScale {
    /// Of the input `x` and the smoothed target `t`, 0 where there is none; `third` is the weight of
    /// positives, 1 where there is none, or the variance.
    pub fn of(function: &LossFunction, x: f64, t: f64, third: f64) -> Self {
        let log = |x: f64| if x > 0.0 { x.ln().abs() } else { 100.0 };
        let (negative, positive) = ((1.0 - t).abs(), (third * t).abs());
        let mut of_variance = 0.0;
        let (value, derivative) = match *function {
            LossFunction::BinaryCrossEntropyWithLogits => (
                negative * softplus(x) + positive * softplus(-x),
                negative * sigmoid(x) + positive * sigmoid(-x),
            ),
            // Beside the input, a smoothed target is off by its own rounding.
            LossFunction::BinaryCrossEntropy => (
                t.abs() * log(x) + negative * log(1.0 - x),
                ((x - t).abs() + 0.06 * t.abs()) / (x * (1.0 - x)).max(1e-12),
            ),
            LossFunction::SigmoidFocal { alpha, gamma } => {
                let gamma = f64::from(gamma);
                let entropy = negative * softplus(x) + t.abs() * softplus(-x);
                let wrong = t * sigmoid(-x) + (1.0 - t) * sigmoid(x);
                let alpha = alpha.map_or(1.0, |alpha| {
                    let alpha = f64::from(alpha);
                    (alpha * t).abs() + ((1.0 - alpha) * (1.0 - t)).abs()
                });
                // Powers other than by one multiplication lose a little more; great ones what their
                // logarithm does.
                let loss = match gamma {
                    gamma if gamma > 64.0 => 2.0 - (gamma * wrong.ln()).max(-120.0),
                    gamma if gamma > 2.0 => 2.0,
                    _ => 1.0,
                };
                let power = wrong.powf(gamma) * alpha * loss;
                let whole = negative * sigmoid(x) + t.abs() * sigmoid(-x);
                (power * entropy, power * (gamma * entropy + whole))
            }
            LossFunction::KlDivergence { log_target: false } => {
                (t.abs() * (log(t) + x.abs()), t.abs())
            }
            LossFunction::KlDivergence { log_target: true } => {
                (t.exp() * (1.0 + t.abs()) * (t.abs() + x.abs()), t.exp() * (1.0 + t.abs()))
            }
            LossFunction::SquaredError => ((x - t) * (x - t), 2.0 * (x - t).abs()),
            LossFunction::AbsoluteError => ((x - t).abs(), 1.0),
            LossFunction::Huber { delta } => {
                let (distance, delta) = ((x - t).abs(), f64::from(delta));
                (delta.min(distance) * (distance + 0.5 * delta), delta.min(distance))
            }
            LossFunction::PoissonNll { log_input, full, epsilon } => {
                let rate = x + f64::from(epsilon);
                let stirling = if full && t > 1.0 { t * t.ln() + t + 4.0 } else { 0.0 };
                match log_input {
                    true => (x.exp() + (t * x).abs() + stirling, x.exp() + t.abs()),
                    // The logarithm of a rate near 1 has the rate's own rounding.
                    false => {
                        (x.abs() + t.abs() * (log(rate) + 0.1) + stirling, 1.0 + (t / rate).abs())
                    }
                }
            }
            LossFunction::GaussianNll { epsilon, .. } => {
                let variance = third.max(epsilon.into());
                let square = (x - t) * (x - t) / variance;
                of_variance = 0.5 * (1.0 + square) / variance;
                (0.5 * (log(variance) + square) + 1.0, (x - t).abs() / variance)
            }
            LossFunction::Entropy => (x.abs() * log(x), 1.0 + log(x)),
            LossFunction::CrossEntropyOfProbabilities => (t.abs() * log(x), (t / x).abs()),
            LossFunction::KlDivergenceOfProbabilities => {
                (t.abs() * ((t / x).ln().abs() + 0.005), (t / x).abs())
            }
            _ => (x.abs() + t.abs() + 1.0, x.abs() + t.abs() + 1.0),
        };
        Self { value, derivative, of_variance }
    }
}
