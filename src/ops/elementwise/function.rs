//! The losses themselves.

use super::CustomLoss;

/// What is computed of an element's input `x` and target `t`: `softplus(x) = log(1 + exp(x))`,
/// `sigmoid(x) = 1 / (1 + exp(-x))`, `0 log 0 = 0`.
///
/// | function | value | derivative in `x` |
/// |---|---|---|
/// | `BinaryCrossEntropyWithLogits` | `(1-t) softplus(x) + a t softplus(-x)` | `(1-t) sigmoid(x) - a t sigmoid(-x)` |
/// | `BinaryCrossEntropy` | `-(t log x + (1-t) log(1-x))`, logarithms at least -100 | `(x-t) / max(x (1-x), 1e-12)` |
/// | `SigmoidFocal` | `alpha_t (1-p_t)^gamma bce(x, t)` | by the chain rule |
/// | `KlDivergence` | `t (log t - x)`; of logarithms `exp(t) (t - x)` | `-t`; `-exp(t)` |
/// | `SquaredError` | `(x-t)^2` | `2 (x-t)` |
/// | `AbsoluteError` | `abs(x-t)` | `sign(x-t)`, 0 at 0 |
/// | `Huber` | `(x-t)^2 / 2` within `delta`, `delta (abs(x-t) - delta/2)` beyond | `x-t`, `delta sign(x-t)` |
/// | `PoissonNll` | `exp(x) - t x`; of rates `x - t log(x + epsilon)` | `exp(x) - t`; `1 - t / (x + epsilon)` |
/// | `GaussianNll` | `(log v + (x-t)^2 / v) / 2`, `v = max(variance, epsilon)` | `(x-t) / v` |
/// | `Entropy` | `-x log x` | `-1 - log x` |
/// | `CrossEntropyOfProbabilities` | `-t log x` | `-t / x` |
/// | `KlDivergenceOfProbabilities` | `t log(t / x)` | `-t / x` |
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Elementwise, ElementwiseLoss, Engine, Logits, LossFunction, cpu};
/// // The cross-entropy of (0.6, 0.4) and (0.7, 0.3), and the divergence between them.
/// let (p, q) = (Logits::new(&[0.6, 0.4], 1, 2)?, Logits::new(&[0.7, 0.3], 1, 2)?);
/// let rows = |function| {
///     let loss = ElementwiseLoss::of_rows(function);
///     cpu::Fast.elementwise_loss(&Elementwise::new(q, p), &loss).map(|out| out.values[0])
/// };
/// assert!((rows(LossFunction::CrossEntropyOfProbabilities)? - 0.695594).abs() < 1e-6);
/// assert!((rows(LossFunction::KlDivergenceOfProbabilities)? - 0.022582).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// A focal loss pays little attention to what is certain already, so that the few positives of an
/// unbalanced set are not outvoted:
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Elementwise, ElementwiseLoss, Engine, Logits, LossFunction, cpu};
/// // 99 negatives that are certain (probability 0.02), and a positive that is missed (0.12).
/// let mut logits = [-4.0; 100];
/// logits[0] = -2.0;
/// let mut targets = [0.0; 100];
/// targets[0] = 1.0;
/// let operands = Elementwise::new(Logits::new(&logits, 100, 1)?, Logits::new(&targets, 100, 1)?);
/// let share_of_the_positive = |function| -> wgpu_loss::Result<f32> {
///     let losses = cpu::Fast.elementwise_loss(&operands, &ElementwiseLoss::unreduced(function))?;
///     Ok(losses.values[0] / losses.values.iter().sum::<f32>())
/// };
/// let plain = share_of_the_positive(LossFunction::BinaryCrossEntropyWithLogits)?;
/// let focal = share_of_the_positive(LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 })?;
/// assert!((plain - 0.5421).abs() < 1e-4 && (focal - 0.9989).abs() < 1e-4);
/// # Ok(())
/// # }
/// ```
///
/// Sources: PyTorch's `binary_cross_entropy_with_logits`, `binary_cross_entropy`, `kl_div`,
/// `mse_loss`, `l1_loss`, `huber_loss`, `poisson_nll_loss`, `gaussian_nll_loss`; Lin et al. 2017 and
/// torchvision's `sigmoid_focal_loss`. A sum of the last three over each row is the entropy,
/// cross-entropy or divergence of rows that are distributions. Binary cross-entropy of infinite
/// operands is PyTorch's in strict mode, which adds `(1-t) x` and `(1 + (a-1) t) softplus(-x)`: infinite
/// where both are of one sign, NaN where they are not, as of a logit of -inf and a target in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LossFunction {
    /// Binary cross-entropy of logits; `a` is [`Elementwise::positive_weights`](super::Elementwise),
    /// 1 where there are none.
    BinaryCrossEntropyWithLogits,
    /// Binary cross-entropy of probabilities.
    BinaryCrossEntropy,
    /// Sigmoid focal loss of logits: `p = sigmoid(x)`, `p_t = p t + (1-p) (1-t)`,
    /// `alpha_t = alpha t + (1-alpha) (1-t)`.
    SigmoidFocal {
        /// Weight of positives, the negatives' is `1 - alpha`. `None`: both 1.
        alpha: Option<f32>,
        /// How much certain elements count less; at least 0.
        gamma: f32,
    },
    /// Kullback-Leibler divergence; the input holds log-probabilities.
    KlDivergence {
        /// The target holds log-probabilities, too.
        log_target: bool,
    },
    /// Squared error.
    SquaredError,
    /// Absolute error.
    AbsoluteError,
    /// Huber's loss.
    Huber {
        /// Where it turns from quadratic to linear; above 0.
        delta: f32,
    },
    /// Negative log-likelihood of counts under a Poisson distribution.
    PoissonNll {
        /// The input is the logarithm of the rate.
        log_input: bool,
        /// Adds Stirling's term `t log t - t + log(2 pi t) / 2` where `t > 1`.
        full: bool,
        /// Keeps the logarithm of a rate finite; at least 0.
        epsilon: f32,
    },
    /// Negative log-likelihood under a normal distribution, whose variance is
    /// [`Elementwise::variance`](super::Elementwise).
    GaussianNll {
        /// Adds `log(2 pi) / 2`.
        full: bool,
        /// The least variance; above 0. Derivatives are those at the clamped variance, as PyTorch's.
        epsilon: f32,
    },
    /// Entropy of probabilities. There is no target.
    Entropy,
    /// Cross-entropy of the target's probabilities and the input's.
    CrossEntropyOfProbabilities,
    /// Kullback-Leibler divergence of the input's probabilities from the target's.
    KlDivergenceOfProbabilities,
    /// A loss of the caller's.
    Custom(CustomLoss),
}

impl LossFunction {
    /// The name in errors and labels.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BinaryCrossEntropyWithLogits => "binary cross-entropy with logits",
            Self::BinaryCrossEntropy => "binary cross-entropy",
            Self::SigmoidFocal { .. } => "sigmoid focal loss",
            Self::KlDivergence { .. } => "KL divergence",
            Self::SquaredError => "squared error",
            Self::AbsoluteError => "absolute error",
            Self::Huber { .. } => "Huber loss",
            Self::PoissonNll { .. } => "Poisson negative log-likelihood",
            Self::GaussianNll { .. } => "Gaussian negative log-likelihood",
            Self::Entropy => "entropy",
            Self::CrossEntropyOfProbabilities => "cross-entropy of probabilities",
            Self::KlDivergenceOfProbabilities => "KL divergence of probabilities",
            Self::Custom(custom) => custom.name,
        }
    }

    /// Whether targets are between negative (0) and positive (1).
    pub const fn is_binary(&self) -> bool {
        matches!(
            self,
            Self::BinaryCrossEntropyWithLogits
                | Self::BinaryCrossEntropy
                | Self::SigmoidFocal { .. }
        )
    }

    /// Whether there are targets at all.
    pub const fn has_target(&self) -> bool {
        !matches!(self, Self::Entropy)
    }
}
