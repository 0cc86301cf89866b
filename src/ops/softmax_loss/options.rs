//! What a caller may ask of a relative of softmax cross-entropy.

use crate::element::Element;
use crate::ops::cross_entropy::{Mode, Reduction};

/// What is computed of each row of logits `x`, with `p = softmax(x / T)` at the temperature `T`.
///
/// | function | value | gradient in `x` |
/// |---|---|---|
/// | `Focal` | `-sum_c w_c t_c (1-p_c)^gamma log p_c` | by the chain rule, finite at `p` of 0 and 1 |
/// | `KlDivergence` | `T^2 sum_c q_c (log q_c - log p_c)` | `T (p - q)` |
/// | `JensenShannon` | `T^2 sum_c (q_c log(q_c/m_c) + p_c log(p_c/m_c)) / 2`, `m = (p+q)/2` | by the chain rule |
///
/// `t` is one-hot or the probabilities given as targets, after label smoothing; `w` the class weights,
/// the focal loss's `alpha` of each class, 1 where there are none. `q` is the teacher's
/// `softmax(y / T)`; the factor `T^2` keeps gradients as large as those of hard targets (Hinton et al.
/// 2015). There is no gradient in the teacher's logits. Where teacher and student are close, tiny
/// divergences keep their digits: they are sums of terms that are never negative.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SoftmaxFunction {
    /// Softmax focal loss (Lin et al. 2017, over classes), against [`Targets`](crate::Targets).
    Focal {
        /// How much certain classes count less; at least 0. With 0 it is cross-entropy.
        gamma: f32,
    },
    /// Kullback-Leibler divergence of the student from a teacher: distillation.
    KlDivergence,
    /// Jensen-Shannon divergence of student and teacher: symmetric and bounded by `T^2 log 2`.
    JensenShannon,
}

impl SoftmaxFunction {
    /// The name in errors and labels.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Focal { .. } => "softmax focal loss",
            Self::KlDivergence => "KL divergence of logits",
            Self::JensenShannon => "Jensen-Shannon divergence of logits",
        }
    }

    /// Whether rows are compared with a teacher's.
    pub const fn has_teacher(&self) -> bool {
        matches!(self, Self::KlDivergence | Self::JensenShannon)
    }
}

/// Options of a relative of softmax cross-entropy.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Engine, Logits, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Upstream, cpu};
/// // Distillation at a temperature of 2.
/// let options = SoftmaxLoss { temperature: 2.0, ..SoftmaxLoss::new(SoftmaxFunction::KlDivergence) };
/// let student = Logits::new(&[0.0, 0.0, 1.0, 3.0], 2, 2)?;
/// let teacher = Logits::new(&[0.0, 0.0, 1.0, 1.0], 2, 2)?;
/// let against = SoftmaxAgainst::teacher(teacher);
/// let upstream = Upstream::Scalar(1.0);
/// let out = cpu::Fast.softmax_loss_with_gradient(student, against, upstream, &options)?;
/// // The first row's divergence is 0; the mean is over both.
/// assert!((out.loss - 4.0 * 0.120_115 / 2.0).abs() < 1e-5);
/// assert_eq!(out.denominator, 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftmaxLoss {
    /// What is computed.
    pub function: SoftmaxFunction,
    /// `T`, above 0, which logits are divided by. Default: 1.
    pub temperature: f32,
    /// How the rows' losses are reduced. The mean divides by the sum of the counted rows' weights,
    /// which is their number where there are none; class weights have no part in it.
    /// [`Reduction::BatchMean`] divides by the number of all rows, [`Reduction::ElementMean`] by that of
    /// the logits. Default: the mean.
    pub reduction: Reduction,
    /// Rows with this target have no part in loss and gradient, as in
    /// [`CrossEntropy`](crate::CrossEntropy). Default: `Some(-100)`.
    pub ignore_index: Option<i32>,
    /// `eps` in 0 to 1, of a focal loss: `t <- (1 - eps) t + eps / C`. Default: 0.
    pub label_smoothing: f32,
    /// What becomes of `0 * inf`. Default: strict.
    pub mode: Mode,
    /// Whether each row's loss is wanted; always given under [`Reduction::None`].
    pub rows: bool,
    /// The gradient's element type. Default: `None`, that of the logits.
    pub gradient_element: Option<Element>,
}

impl SoftmaxLoss {
    /// The defaults.
    pub const fn new(function: SoftmaxFunction) -> Self {
        Self {
            function,
            temperature: 1.0,
            reduction: Reduction::Mean,
            ignore_index: Some(-100),
            label_smoothing: 0.0,
            mode: Mode::Strict,
            rows: false,
            gradient_element: None,
        }
    }

    /// Whether each row's loss is among the results.
    pub(crate) fn wants_rows(&self) -> bool {
        self.rows || self.reduction == Reduction::None
    }

    /// What the sum of a row's terms is multiplied by: `T^2` of a divergence.
    pub fn loss_scale(&self) -> f64 {
        match self.function.has_teacher() {
            true => f64::from(self.temperature).powi(2),
            false => 1.0,
        }
    }

    /// What single-precision engines measure differences of logarithms in, so that those of any
    /// temperature, and their squares, are as large as those of the logits: values are then
    /// multiples of its square, and their derivatives of it.
    pub(crate) fn unit(&self) -> f64 {
        match self.function.has_teacher() {
            true => f64::from(self.temperature),
            false => 1.0,
        }
    }

    /// What the sum of a row's terms, in such units, is multiplied by.
    pub(crate) fn scale_of_units(&self) -> f64 {
        self.loss_scale() / self.unit().powi(2)
    }
}
