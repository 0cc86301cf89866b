//! What softmax cross-entropy returns.

use crate::element::OwnedValues;

/// Results of softmax cross-entropy: those of an engine in `f32` with a gradient of any element
/// type, those of the oracle in `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropyOutput<T = f32, G = OwnedValues> {
    /// The reduced loss, z-loss included; NaN under [`Reduction::None`](super::Reduction::None),
    /// and for the mean over no rows (0 there under [`Mode::Masked`](super::Mode::Masked)).
    pub loss: T,
    /// The z-loss's part of it, reduced alike; 0 where there is none.
    pub z_loss: T,
    /// What the mean is divided by: the sum of `v_i w_{y_i}` over the counted rows, of `v_i` for
    /// probability targets. Without weights, the number of counted rows. Under
    /// [`Reduction::BatchMean`](super::Reduction::BatchMean) the number of all rows, under
    /// [`Reduction::ElementMean`](super::Reduction::ElementMean) that of the logits.
    pub denominator: T,
    /// Rows that are not ignored.
    pub counted: usize,
    /// Counted rows whose target is among the [`top_k`](super::CrossEntropy::top_k) most likely
    /// classes, where asked for.
    pub correct: Option<usize>,
    /// Each row's loss, where asked for.
    pub loss_rows: Option<Vec<T>>,
    /// Each row's log-sum-exp, where asked for.
    pub log_sum_exp: Option<Vec<T>>,
    /// Each row's target log-probability, where asked for.
    pub target_log_probability: Option<Vec<T>>,
    /// Each row's entropy, where asked for.
    pub entropy: Option<Vec<T>>,
    /// Each row's most likely class, where asked for.
    pub argmax: Option<Vec<u32>>,
    /// How many classes come before each row's target, where asked for.
    pub target_rank: Option<Vec<u32>>,
    /// Each row's part of the z-loss, where asked for.
    pub z_loss_rows: Option<Vec<T>>,
    /// The gradient with respect to the logits, shaped as they are but contiguous, where asked
    /// for.
    pub gradient: Option<G>,
}
