//! The one-call form of every operation, which the GPU and both CPU engines answer alike.

pub(crate) mod validate;

use crate::element::OwnedValues;
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
use crate::partial::{ClassRange, PartialState};
use crate::segments::Segments;
use crate::targets::Targets;
use crate::upstream::Upstream;
use crate::weights::Weights;

/// Host data in, numbers out. [`Gpu`](crate::Gpu), [`cpu::Fast`](crate::cpu::Fast) and
/// [`cpu::Oracle`](crate::cpu::Oracle) are interchangeable behind it.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Logits, Targets, cpu};
/// let engines: [&dyn Engine; 2] = [&cpu::Oracle, &cpu::Fast];
/// for engine in engines {
///     // Two classes with equal logits: the loss is ln 2.
///     let logits = Logits::new(&[0.5, 0.5], 1, 2)?;
///     let out = engine.cross_entropy(logits, Targets::classes(&[1]), &CrossEntropy::default())?;
///     assert!((out.loss - 2f32.ln()).abs() < 1e-7);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Engine {
    /// What computes, for people: `cpu::Fast, 8 threads`, or the adapter's name.
    fn name(&self) -> String;

    /// What an engine implements of log-sum-exp: with the gradient where there is an upstream one.
    ///
    /// # Errors
    /// As [`log_sum_exp_with_gradient`](Self::log_sum_exp_with_gradient).
    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput>;

    /// What an engine implements of cross-entropy: with the gradient where there is an upstream one.
    ///
    /// # Errors
    /// As [`cross_entropy_with_gradient`](Self::cross_entropy_with_gradient).
    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput>;

    /// What an engine implements of softmax: without an upstream gradient the softmax, with one the
    /// gradient with respect to the logits. Both are shaped as the logits but contiguous.
    ///
    /// # Errors
    /// As [`softmax_gradient`](Self::softmax_gradient).
    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues>;

    /// The state of each row over a part of the classes; see [`partial`](crate::partial).
    ///
    /// Targets and class weights are those of all classes; probabilities as targets are the part's.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Invalid`](crate::Error::Invalid) for a part that ends beyond
    /// the last class.
    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>>;

    /// Every result but the gradient, from the merged states of all classes. Of probability targets
    /// only the weights of rows are looked at.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Invalid`](crate::Error::Invalid) unless there is a state
    /// for each row.
    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput>;

    /// The gradient with respect to a part of the logits, from the merged states of all classes.
    ///
    /// # Errors
    /// As [`cross_entropy_with_gradient`](Self::cross_entropy_with_gradient) and
    /// [`partial_states`](Self::partial_states).
    fn partial_gradient(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues>;

    /// What an engine implements of weighted reductions: with the gradient where there is an upstream
    /// one.
    ///
    /// # Errors
    /// As [`reduce_with_gradient`](Self::reduce_with_gradient).
    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput>;

    /// A reduction of the rows of each segment, column by column: `(segments, columns)` results.
    /// The axis is [`Axis::EachColumn`](crate::Axis::EachColumn), within each segment.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{Axis, Engine, Logits, Reduce, Segments, Statistic, Weights, cpu};
    /// // The mean loss of each class; the last row is ignored.
    /// let losses = Logits::new(&[0.5, 2.0, 1.5, 9.0], 4, 1)?;
    /// let classes = Segments::Ids { ids: &[1, 0, 1, -100], segments: 3 };
    /// let options = Reduce::new(Statistic::Mean, Axis::EachColumn);
    /// let mean = cpu::Fast.reduce_segments(losses, classes, Weights::None, &options)?.values;
    /// assert_eq!(mean[..2], [2.0, 1.0]);
    /// assert!(mean[2].is_nan()); // of no rows
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce), and [`Error::Invalid`](crate::Error::Invalid) for another axis, rows side by side,
    /// offsets that descend or end beyond the last row, and ids of another number than rows or
    /// beyond the last segment.
    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput>;

    /// What an engine implements of element-wise losses: with the gradient where there is an
    /// upstream one.
    ///
    /// # Errors
    /// As [`elementwise_loss_with_gradient`](Self::elementwise_loss_with_gradient).
    fn evaluate_elementwise(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput>;

    /// What an engine implements of the relatives of cross-entropy: with the gradient where there is
    /// an upstream one.
    ///
    /// # Errors
    /// As [`softmax_loss_with_gradient`](Self::softmax_loss_with_gradient).
    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput>;

    /// A relative of softmax cross-entropy: focal loss against targets, or a divergence from a
    /// teacher's logits, of each row, reduced as the options say.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for zero classes, operands that the function has not, of the wrong shape or
    /// number, and for options out of range; [`Error::TargetOutOfRange`](crate::Error::TargetOutOfRange) for a target that is neither
    /// a class nor the ignore index; where a device fails as for [`log_sum_exp`](Self::log_sum_exp).
    fn softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        self.evaluate_softmax_loss(logits, against, None, options)
    }

    /// The same, with the gradient with respect to the logits.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient has the wrong length, or a value per row
    /// although the loss is reduced.
    fn softmax_loss_with_gradient(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Upstream<'_>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        self.evaluate_softmax_loss(logits, against, Some(upstream), options)
    }

    /// A loss of each element of an input and a target, reduced as the options say.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for operands that the function has not or lacks, of another shape or
    /// length than the input, and for options out of range; where a device fails as for
    /// [`log_sum_exp`](Self::log_sum_exp).
    fn elementwise_loss(
        &self,
        operands: &Elementwise<'_>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        self.evaluate_elementwise(operands, None, options)
    }

    /// The same, with the gradient with respect to the input, and to the variance where there is
    /// one for each element.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) for an upstream gradient of the wrong form or length.
    fn elementwise_loss_with_gradient(
        &self,
        operands: &Elementwise<'_>,
        upstream: ElementwiseUpstream<'_>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        self.evaluate_elementwise(operands, Some(upstream), options)
    }

    /// A weighted reduction of the values along an axis.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for weights of the wrong number or shape, or a correction that is not
    /// finite; where a device fails as for [`log_sum_exp`](Self::log_sum_exp).
    fn reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.evaluate_reduce(values, weights, None, options)
    }

    /// The same, with the gradient with respect to the values, and to the weights where the options
    /// ask for it: of sum, mean and log-sum-exp.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) for another statistic, an upstream gradient of the wrong length, or a
    /// gradient with respect to weights that are not there.
    fn reduce_with_gradient(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Upstream<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.evaluate_reduce(values, weights, Some(upstream), options)
    }

    /// `log sum_c exp(x_c)` of each row.
    ///
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit) or [`Error::Device`](crate::Error::Device) where a device fails; [`Error::OutOfMemory`](crate::Error::OutOfMemory) where it, or
    /// the host, has not so much.
    fn log_sum_exp(&self, logits: Logits<'_>, options: &LogSumExp) -> Result<LogSumExpOutput> {
        self.evaluate_log_sum_exp(logits, None, options)
    }

    /// The same, with the gradient `upstream * softmax(x)` from the same read of the logits.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient has the wrong length.
    fn log_sum_exp_with_gradient(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.evaluate_log_sum_exp(logits, Some(upstream), options)
    }

    /// Softmax cross-entropy of each row against its target, reduced as the options say.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for zero classes, a wrong number of targets or weights, probabilities
    /// shaped otherwise than the logits, or options out of range; [`Error::TargetOutOfRange`](crate::Error::TargetOutOfRange) for a
    /// target that is neither a class nor the ignore index.
    fn cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.evaluate_cross_entropy(logits, targets, None, options)
    }

    /// The same, with the gradient with respect to the logits from the same read of them.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient has the wrong length, or a value per
    /// row although the loss is reduced.
    fn cross_entropy_with_gradient(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.evaluate_cross_entropy(logits, targets, Some(upstream), options)
    }

    /// Softmax or log-softmax of each row: NaN in rows where it is undefined, which are those of
    /// nothing but `-inf`, with a `+inf`, or with a NaN.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for too many rows to address, or where a device fails as for
    /// [`log_sum_exp`](Self::log_sum_exp).
    fn softmax(&self, logits: Logits<'_>, options: &Softmax) -> Result<OwnedValues> {
        self.evaluate_softmax(logits, None, options)
    }

    /// The gradient of softmax or log-softmax with respect to the logits, for an upstream gradient
    /// shaped as they are: `p (g - sum_c g_c p_c)`, or `g - p sum_c g_c`.
    ///
    /// # Errors
    /// Also [`Error::Invalid`](crate::Error::Invalid) when the upstream gradient is shaped otherwise than the logits.
    fn softmax_gradient(
        &self,
        logits: Logits<'_>,
        upstream: Logits<'_>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        self.evaluate_softmax(logits, Some(upstream), options)
    }
}
