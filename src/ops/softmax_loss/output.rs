//! What a relative of softmax cross-entropy returns.

use crate::element::OwnedValues;

/// Results: those of an engine in `f32` with a gradient of any element type, those of the oracle in
/// `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxLossOutput<T = f32, G = OwnedValues> {
    /// The reduced loss; NaN under [`Reduction::None`](crate::Reduction::None), and for the mean over
    /// no rows (0 there under [`Mode::Masked`](crate::Mode::Masked)).
    pub loss: T,
    /// What the mean is divided by: the sum of the counted rows' weights, without weights their
    /// number. Under [`Reduction::BatchMean`](crate::Reduction::BatchMean) the number of all rows,
    /// under [`Reduction::ElementMean`](crate::Reduction::ElementMean) that of the logits.
    pub denominator: T,
    /// Rows that are not ignored.
    pub counted: usize,
    /// Each row's loss, where asked for; 0 for ignored rows.
    pub loss_rows: Option<Vec<T>>,
    /// The gradient with respect to the logits, shaped as they are but contiguous, where asked for.
    pub gradient: Option<G>,
}
