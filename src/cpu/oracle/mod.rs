//! The definition of every operation as a program: double precision, one row after the other,
//! nothing clever. Whatever another engine returns is judged by this folder.

mod batch;
mod cross_entropy;
pub(super) mod elementwise;
mod log_sum_exp;
mod partial;
pub(super) mod reduce;
mod round;
mod row;
mod softmax;
mod softmax_loss;
mod summary;
mod terms;
mod transform;

use crate::element::OwnedValues;
use crate::engine::Engine;
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::elementwise::{
    Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseUpstream,
};
use crate::ops::log_sum_exp::{LogSumExp, LogSumExpOutput};
use crate::ops::reduce::{Reduce, ReduceOutput};
use crate::ops::softmax::Softmax;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxLoss, SoftmaxLossOutput};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::{ClassRange, PartialState};
use crate::segments::Segments;
use crate::targets::Targets;
use crate::upstream::Upstream;
use crate::weights::Weights;

/// Every operation in double precision, simple and obviously right; slow.
///
/// The methods here return what was computed; those of [`Engine`] round it.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{Logits, cpu};
/// let lse = cpu::Oracle.log_sum_exp_f64(Logits::new(&[0.0, 0.0, 0.0], 1, 3)?, None)?;
/// assert!((lse.log_sum_exp[0] - 3f64.ln()).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Oracle;

impl Oracle {
    /// `log sum_c exp(x_c)` of each row; with an upstream gradient also `upstream * softmax(x)`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient has the wrong length.
    pub fn log_sum_exp_f64(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
    ) -> Result<LogSumExpOutput<f64, Vec<f64>>> {
        log_sum_exp::evaluate(logits, upstream)
    }

    /// Softmax cross-entropy of each row against its target; with an upstream gradient also the
    /// gradient with respect to the logits.
    ///
    /// # Errors
    /// As [`Engine::cross_entropy_with_gradient`].
    pub fn cross_entropy_f64(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput<f64, Vec<f64>>> {
        cross_entropy::evaluate(logits, targets, upstream, options)
    }

    /// Softmax or log-softmax of each row; with an upstream gradient the gradient with respect to
    /// the logits instead.
    ///
    /// # Errors
    /// As [`Engine::softmax_gradient`].
    pub fn softmax_f64(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<Vec<f64>> {
        softmax::evaluate(logits, upstream, options)
    }

    /// Every result but the gradient, from the merged states of all classes.
    ///
    /// # Errors
    /// As [`Engine::cross_entropy_of_states`].
    pub fn cross_entropy_of_states_f64(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput<f64, Vec<f64>>> {
        partial::cross_entropy_of_states(states, classes, targets, options)
    }

    /// The gradient with respect to a part of the logits, from the merged states of all classes.
    ///
    /// # Errors
    /// As [`Engine::partial_gradient`].
    pub fn partial_gradient_f64(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<f64>> {
        partial::gradient(logits, classes, states, targets, upstream, options)
    }

    /// A relative of softmax cross-entropy of each row; with an upstream gradient also the gradient
    /// with respect to the logits.
    ///
    /// # Errors
    /// As [`Engine::softmax_loss_with_gradient`].
    pub fn softmax_loss_f64(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput<f64, Vec<f64>>> {
        softmax_loss::evaluate(logits, &against, upstream, options)
    }

    /// A loss of each element, reduced as the options say; with an upstream gradient also the
    /// gradient.
    ///
    /// # Errors
    /// As [`Engine::elementwise_loss_with_gradient`].
    pub fn elementwise_loss_f64(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput<f64, Vec<f64>>> {
        elementwise::evaluate(operands, upstream, options)
    }

    /// A weighted reduction along an axis; with an upstream gradient also the gradient.
    ///
    /// # Errors
    /// As [`Engine::reduce_with_gradient`].
    pub fn reduce_f64(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput<f64, Vec<f64>>> {
        reduce::evaluate(values, weights, upstream, options)
    }

    /// A weighted reduction of the rows of each segment, column by column.
    ///
    /// # Errors
    /// As [`Engine::reduce_segments`].
    pub fn reduce_segments_f64(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput<f64, Vec<f64>>> {
        reduce::of_segments(values, segments, weights, options)
    }
}

impl Engine for Oracle {
    fn name(&self) -> String {
        "cpu::Oracle".into()
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let element = options.gradient_element.unwrap_or(logits.element());
        round::log_sum_exp(self.log_sum_exp_f64(logits, upstream)?, element)
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let element = options.gradient_element.unwrap_or(logits.element());
        let exact = self.cross_entropy_f64(logits, targets, upstream, options)?;
        round::cross_entropy(exact, element)
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        let element = options.element.unwrap_or(logits.element());
        round::owned(options.name(), self.softmax_f64(logits, upstream, options)?, element)
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        partial::states(logits, classes, targets, options)
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let exact = self.cross_entropy_of_states_f64(states, classes, targets, options)?;
        // There is no gradient whose element type could matter.
        round::cross_entropy(exact, crate::element::Element::F32)
    }

    fn partial_gradient(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        let element = options.gradient_element.unwrap_or(logits.element());
        let exact =
            self.partial_gradient_f64(logits, classes, states, targets, upstream, options)?;
        round::owned(CROSS_ENTROPY, exact, element)
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        let element = options.gradient_element.unwrap_or(logits.element());
        let exact = self.softmax_loss_f64(logits, against, upstream, options)?;
        round::softmax_loss(options.function.name(), exact, element)
    }

    fn evaluate_elementwise(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        let element = options.gradient_element.unwrap_or(operands.input.element());
        let exact = self.elementwise_loss_f64(operands, upstream, options)?;
        round::elementwise(options.function.name(), exact, element)
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        let element = options.gradient_element.unwrap_or(values.element());
        round::reduce(self.reduce_f64(values, weights, upstream, options)?, element)
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        let exact = self.reduce_segments_f64(values, segments, weights, options)?;
        // There is no gradient whose element type could matter.
        round::reduce(exact, crate::element::Element::F32)
    }
}
