//! What a caller may ask of softmax and log-softmax.

use crate::element::Element;

/// Options of softmax and log-softmax over the class axis; the default is softmax.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Engine, Logits, Softmax, cpu};
/// let logits = Logits::new(&[0.0, 0.0, 1.0, 1.0], 2, 2)?;
/// let probabilities = cpu::Oracle.softmax(logits, &Softmax::default())?;
/// assert_eq!(probabilities.into_f32(), [0.5, 0.5, 0.5, 0.5]);
/// // dL/dx = p (g - sum_c g_c p_c), for an upstream gradient g of each probability.
/// let upstream = Logits::new(&[1.0, 0.0, 1.0, 1.0], 2, 2)?;
/// let gradient = cpu::Oracle.softmax_gradient(logits, upstream, &Softmax::default())?;
/// assert_eq!(gradient.into_f32(), [0.25, -0.25, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Softmax {
    /// `log softmax(x) = x - lse` instead of `softmax(x) = exp(x - lse)`.
    pub log: bool,
    /// Element type of the result. Default: `None`, that of the logits.
    pub element: Option<Element>,
}
