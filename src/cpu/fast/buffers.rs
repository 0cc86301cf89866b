//! The forms that allocate nothing for the gradient.

use super::counting::count_rows;
use super::matrix::Holds;
use super::place::Place;
use super::{Fast, elementwise, evaluate_cross_entropy, log_sum_exp};
use crate::element::{Element, Float};
use crate::engine::validate::{self, GRADIENT};
use crate::error::Result;
use crate::logits::{Logits, Shape};
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::elementwise::{
    Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseUpstream,
};
use crate::ops::log_sum_exp::{LogSumExp, LogSumExpOutput};
use crate::ops::validate::{CROSS_ENTROPY, LOG_SUM_EXP};
use crate::targets::Targets;
use crate::upstream::Upstream;

/// Memory for the gradient, which holds anything.
fn apart<'a, G: Float>(
    operation: &'static str,
    logits: Logits<'_>,
    gradient: &'a mut [G],
    element: Option<Element>,
) -> Result<(&'a mut [G], Holds)> {
    validate::results::<G>(operation, GRADIENT, element, logits.shape(), gradient.len())?;
    Ok((gradient, Holds::Anything))
}

impl Fast {
    /// [`cross_entropy_with_gradient`](crate::Engine::cross_entropy_with_gradient), the gradient
    /// written to the caller's memory: shaped as the logits but contiguous, of any element type. What
    /// is there before does not matter. The output's `gradient` is `None`.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{CrossEntropy, Logits, Targets, Upstream, cpu};
    /// let logits = Logits::new(&[0.5, 0.5, 2.0, 1.0], 2, 2)?;
    /// let (targets, options) = (Targets::classes(&[1, 0]), CrossEntropy::default());
    /// let mut gradient = vec![0.0; 4]; // once; then for every batch:
    /// let upstream = Upstream::Scalar(1.0);
    /// cpu::Fast.cross_entropy_into(logits, targets, upstream, &options, &mut gradient)?;
    /// assert_eq!(gradient[..2], [0.25, -0.25]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As `cross_entropy_with_gradient`, before anything is written; also
    /// [`Error::Invalid`](crate::Error::Invalid) unless `gradient` has `rows * classes` elements, of the
    /// type that the options ask for if they do.
    pub fn cross_entropy_into<G: Float>(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
        gradient: &mut [G],
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, Some(upstream), options)?;
        let gradient = apart(CROSS_ENTROPY, logits, gradient, options.gradient_element)?;
        let counted = count_rows(targets, logits.rows(), logits.classes(), options)?;
        let place = Place::apart(logits, Some(gradient));
        evaluate_cross_entropy(place, targets, counted, Some(upstream), options)
    }

    /// [`cross_entropy_with_gradient`](crate::Engine::cross_entropy_with_gradient), the gradient
    /// written over the logits. What lies between rows stays as it is. The shape's element type gives
    /// way to that of the logits. The output's `gradient` is `None`.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{CrossEntropy, Shape, Targets, Upstream, cpu};
    /// let mut logits = [0.5, 0.5, 7.0, 3.0, 3.0];
    /// let shape = Shape::new(2, 2).with_row_stride(3);
    /// let (targets, options) = (Targets::classes(&[1, 0]), CrossEntropy::default());
    /// let upstream = Upstream::Scalar(1.0);
    /// cpu::Fast.cross_entropy_in_place(&mut logits, shape, targets, upstream, &options)?;
    /// assert_eq!(logits, [0.25, -0.25, 7.0, -0.25, 0.25]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As `cross_entropy_with_gradient`, before anything is written; also
    /// [`Error::Invalid`](crate::Error::Invalid) when rows overlap, `logits` ends before the last row
    /// does, or the options ask for a gradient of another element type.
    pub fn cross_entropy_in_place<F: Float>(
        &self,
        logits: &mut [F],
        shape: Shape,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let view = Logits::from_values(F::values(logits), shape)?;
        let extent = view.values().len();
        validate::cross_entropy(view, targets, Some(upstream), options)?;
        validate::results_element::<F>(CROSS_ENTROPY, GRADIENT, options.gradient_element)?;
        let counted = count_rows(targets, shape.rows, shape.classes, options)?;
        let place = Place::of_both(&mut logits[..extent], shape);
        evaluate_cross_entropy(place, targets, counted, Some(upstream), options)
    }

    /// [`log_sum_exp_with_gradient`](crate::Engine::log_sum_exp_with_gradient), the gradient written
    /// to the caller's memory, as [`cross_entropy_into`](Self::cross_entropy_into) does.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{LogSumExp, Logits, Upstream, cpu};
    /// let logits = Logits::new(&[0.5, 0.5], 1, 2)?;
    /// let mut gradient = [0.0; 2];
    /// let (upstream, options) = (Upstream::Scalar(3.0), LogSumExp::default());
    /// cpu::Fast.log_sum_exp_into(logits, upstream, &options, &mut gradient)?;
    /// assert_eq!(gradient, [1.5, 1.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for an upstream gradient of the wrong length, and
    /// unless `gradient` has `rows * classes` elements, of the type that the options ask for if they
    /// do.
    pub fn log_sum_exp_into<G: Float>(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
        gradient: &mut [G],
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, Some(upstream))?;
        let gradient = apart(LOG_SUM_EXP, logits, gradient, options.gradient_element)?;
        log_sum_exp::evaluate(Place::apart(logits, Some(gradient)), Some(upstream))
    }

    /// [`log_sum_exp_with_gradient`](crate::Engine::log_sum_exp_with_gradient), the gradient written
    /// over the logits, as [`cross_entropy_in_place`](Self::cross_entropy_in_place) does.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{LogSumExp, Shape, Upstream, cpu};
    /// let mut logits = [0.5, 0.5];
    /// let (upstream, options) = (Upstream::Scalar(3.0), LogSumExp::default());
    /// let shape = Shape::new(1, 2);
    /// let out = cpu::Fast.log_sum_exp_in_place(&mut logits, shape, upstream, &options)?;
    /// assert_eq!((out.log_sum_exp[0], logits), (0.5 + 2f32.ln(), [1.5, 1.5]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for an upstream gradient of the wrong length, when
    /// rows overlap, `logits` ends before the last row does, or the options ask for a gradient of
    /// another element type.
    pub fn log_sum_exp_in_place<F: Float>(
        &self,
        logits: &mut [F],
        shape: Shape,
        upstream: Upstream<'_>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let view = Logits::from_values(F::values(logits), shape)?;
        let extent = view.values().len();
        validate::log_sum_exp(view, Some(upstream))?;
        validate::results_element::<F>(LOG_SUM_EXP, GRADIENT, options.gradient_element)?;
        let place = Place::of_both(&mut logits[..extent], shape);
        log_sum_exp::evaluate(place, Some(upstream))
    }

    /// [`elementwise_loss_with_gradient`](crate::Engine::elementwise_loss_with_gradient), the gradient
    /// with respect to the input written to the caller's memory, as
    /// [`cross_entropy_into`](Self::cross_entropy_into) does.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{Elementwise, ElementwiseLoss, ElementwiseUpstream, Logits, LossFunction, cpu};
    /// let (predictions, targets) = ([1.0, 2.0, 5.0], [1.5, 2.0, 3.0]);
    /// let (input, target) = (Logits::new(&predictions, 3, 1)?, Logits::new(&targets, 3, 1)?);
    /// let mut gradient = [0.0; 3]; // once; then for every batch:
    /// let (operands, upstream) = (Elementwise::new(input, target), ElementwiseUpstream::Scalar(3.0));
    /// let loss = ElementwiseLoss::new(LossFunction::SquaredError);
    /// let out = cpu::Fast.elementwise_loss_into(&operands, upstream, &loss, &mut gradient)?;
    /// assert_eq!((out.values[0], gradient), (4.25 / 3.0, [-1.0, 0.0, 4.0]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As `elementwise_loss_with_gradient`, before anything is written; also
    /// [`Error::Invalid`](crate::Error::Invalid) unless `gradient` has `rows * classes` elements, of the
    /// type that the options ask for if they do.
    pub fn elementwise_loss_into<G: Float>(
        &self,
        operands: &Elementwise<'_>,
        upstream: ElementwiseUpstream<'_>,
        options: &ElementwiseLoss,
        gradient: &mut [G],
    ) -> Result<ElementwiseOutput> {
        validate::elementwise(operands, Some(upstream), options)?;
        let name = options.function.name();
        let gradient = apart(name, operands.input, gradient, options.gradient_element)?;
        elementwise::evaluate(operands, Some(upstream), options, Some(gradient))
    }
}
