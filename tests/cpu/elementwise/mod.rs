//! Element-wise losses.

mod agreement;
#[cfg(feature = "rayon")]
mod bits;
mod buffers;
mod call;
mod derivatives;
mod literals;
mod magnitudes;
mod random;
mod refusals;
mod special;

use wgpu_loss::{CustomLoss, LossFunction};

/// `p (x - t)^2 + q x`.
const PARABOLA: CustomLoss = CustomLoss {
    name: "parabola",
    wgsl: "fn loss_of(x: f32, t: f32, third: f32) -> Loss {
        let p = parameters.loss;
        return Loss(p.x * (x - t) * (x - t) + p.y * x, 2.0 * p.x * (x - t) + p.y, 0.0);
    }",
    parameters: [1.5, 0.25, 0.0, 0.0],
    function: |x, t, [p, q, ..]| [p * (x - t) * (x - t) + q * x, 2.0 * p * (x - t) + q],
};

/// Every function, with parameters that take every way through it.
fn every_function() -> Vec<LossFunction> {
    use LossFunction::*;
    let focal = |alpha, gamma| SigmoidFocal { alpha, gamma };
    let poisson = |log_input, full| PoissonNll { log_input, full, epsilon: 1e-8 };
    vec![
        BinaryCrossEntropyWithLogits,
        BinaryCrossEntropy,
        focal(Some(0.25), 2.0),
        focal(None, 0.0),
        focal(Some(0.75), 1.0),
        focal(None, 1.5),
        focal(Some(0.5), 4.3),
        KlDivergence { log_target: false },
        KlDivergence { log_target: true },
        SquaredError,
        AbsoluteError,
        Huber { delta: 0.75 },
        poisson(true, false),
        poisson(true, true),
        poisson(false, false),
        poisson(false, true),
        GaussianNll { full: false, epsilon: 1e-6 },
        GaussianNll { full: true, epsilon: 0.25 },
        Entropy,
        CrossEntropyOfProbabilities,
        KlDivergenceOfProbabilities,
        Custom(PARABOLA),
    ]
}
