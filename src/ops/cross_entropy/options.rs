//! What a caller may ask of softmax cross-entropy.

use super::Reduction;
use crate::element::Element;

/// What becomes of `0 * inf`, and of a mean over nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// NaN, as PyTorch: a zero weight or probability does not hide an infinite loss, and the
    /// gradients of an ignored row that holds NaN are NaN.
    #[default]
    Strict,
    /// 0: zero weights, zero probabilities and ignored rows hide whatever they meet; ignored rows
    /// get zero gradients, and a mean over nothing is 0.
    Masked,
}

/// What the rows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Input {
    /// Any numbers; their log-softmax is taken.
    #[default]
    Logits,
    /// Log-probabilities already: `L_i = -v_i w_y x_y`, PyTorch's `nll_loss`. Takes class targets,
    /// weights, ignore index and reductions, and no other option.
    LogProbabilities,
}

/// Which values of each row are wanted beside the reduced ones. What is not asked for costs
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RowOutputs {
    /// The row's loss, z-loss included; 0 for ignored rows. Always given under
    /// [`Reduction::None`].
    pub loss: bool,
    /// The row's log-sum-exp.
    pub log_sum_exp: bool,
    /// `x_y - lse`, the log-probability of the target class; 0 for ignored rows. Not with
    /// probability targets.
    pub target_log_probability: bool,
    /// `-sum_c p_c log p_c`, with `0 log 0 = 0`.
    pub entropy: bool,
    /// The row's most likely class: the lowest index on ties, the first NaN's where there is one.
    pub argmax: bool,
    /// How many classes come before the target in the order of `torch.topk`: those of a greater logit
    /// and, of an equal one, those below it; NaN is the greatest. 0 where the target is the argmax; the
    /// target is among the first `k` classes where it is below `k`. The number of classes for ignored
    /// rows. Not with probability targets, nor of parts of a vocabulary.
    pub target_rank: bool,
    /// The row's part of the z-loss, `v z lse^2`; 0 for ignored rows.
    pub z_loss: bool,
}

impl RowOutputs {
    /// All of them: for class targets, since probabilities name no target class.
    pub const ALL: Self = Self {
        loss: true,
        log_sum_exp: true,
        target_log_probability: true,
        entropy: true,
        argmax: true,
        target_rank: true,
        z_loss: true,
    };
}

/// Options of softmax cross-entropy; the defaults are PyTorch's.
///
/// Before the loss, `x <- logit_scale * x`, then `x <- softcap * tanh(x / softcap)`. Gradients are
/// with respect to the stored logits.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Logits, Reduction, RowOutputs, Targets, cpu};
/// let options = CrossEntropy {
///     reduction: Reduction::Sum,
///     rows: RowOutputs { argmax: true, ..Default::default() },
///     ..Default::default()
/// };
/// let logits = Logits::new(&[2.0, 0.0, 0.0, 3.0, 1.0, 1.0], 3, 2)?;
/// let out = cpu::Oracle.cross_entropy(logits, Targets::classes(&[0, -100, 1]), &options)?;
/// assert_eq!(out.counted, 2); // the row with target -100 is ignored
/// assert_eq!(out.argmax, Some(vec![0, 1, 0]));
/// assert!((out.loss - (0.126_928 + 0.693_147)).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// How the rows' losses are reduced. Default: the mean.
    pub reduction: Reduction,
    /// Rows with this target have no part in loss and gradient; it may be a class. Default:
    /// `Some(-100)`, as PyTorch. `None`: every row counts. Without effect on probability targets
    /// when it is the default; any other index is refused with them.
    pub ignore_index: Option<i32>,
    /// `eps` in 0 to 1: the target's share that is spread evenly over all classes. Default: 0.
    pub label_smoothing: f32,
    /// `z`: adds `z lse^2` to each row's loss, not class-weighted. Default: 0.
    pub z_loss: f32,
    /// Factor of the logits. Default: 1.
    pub logit_scale: f32,
    /// Bounds the scaled logits to `softcap * tanh(x / softcap)`; above 0. Default: `None`.
    pub softcap: Option<f32>,
    /// What the rows hold. Default: logits.
    pub input: Input,
    /// What becomes of `0 * inf`. Default: strict.
    pub mode: Mode,
    /// Which values of each row are wanted.
    pub rows: RowOutputs,
    /// Whether [`CrossEntropyOutput::correct`](super::CrossEntropyOutput::correct) is wanted: the
    /// number of rows whose target is among the [`top_k`](Self::top_k) most likely classes. Not with
    /// probability targets.
    pub correct: bool,
    /// How many of the most likely classes count as correct: 1 to the number of classes. Default: 1.
    /// More than 1 not of parts of a vocabulary. [`RowOutputs::target_rank`] tells of every `k` at once.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{CrossEntropy, Engine, Logits, RowOutputs, Targets, cpu};
    /// let logits = Logits::new(&[3.0, 2.0, 1.0, 2.0, 2.0, 5.0], 2, 3)?;
    /// let rows = RowOutputs { target_rank: true, ..Default::default() };
    /// let options = CrossEntropy { correct: true, top_k: 2, rows, ..Default::default() };
    /// let out = cpu::Fast.cross_entropy(logits, Targets::classes(&[1, 1]), &options)?;
    /// assert_eq!(out.target_rank, Some(vec![1, 2]));
    /// assert_eq!(out.correct, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub top_k: u32,
    /// The gradient's element type. Default: `None`, that of the logits.
    pub gradient_element: Option<Element>,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self {
            reduction: Reduction::Mean,
            ignore_index: Some(-100),
            label_smoothing: 0.0,
            z_loss: 0.0,
            logit_scale: 1.0,
            softcap: None,
            input: Input::Logits,
            mode: Mode::Strict,
            rows: RowOutputs::default(),
            correct: false,
            top_k: 1,
            gradient_element: None,
        }
    }
}
