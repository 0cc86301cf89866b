//! Single precision, vectorised, on all cores.

mod batch;
mod buffers;
mod convert;
mod counting;
mod cross_entropy;
mod elementwise;
mod exp;
mod gradient;
mod input;
mod lanes;
mod ln_1p;
mod log_probabilities;
mod log_sum_exp;
mod matrix;
mod maximum;
mod memory;
mod partial;
mod place;
mod plain_rows;
mod reduce;
mod row_kernel;
mod rows;
mod scratch;
mod short_rows;
mod simd;
mod softmax;
mod softmax_loss;
mod softmax_operation;
mod split;
mod stream;
mod tail;
mod tanh;
mod target_rank;
mod terms;
mod threads;
mod tiled;
mod transform;

use half::{bf16, f16};

use super::Oracle;
use crate::element::{Element, Float, OwnedValues};
use crate::engine::Engine;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::memory::when;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Input};
use crate::ops::elementwise::{
    Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseUpstream,
};
use crate::ops::log_sum_exp::{LogSumExp, LogSumExpOutput};
use crate::ops::reduce::{Reduce, ReduceOutput};
use crate::ops::softmax::Softmax;
use crate::ops::softmax_loss::{SoftmaxAgainst, SoftmaxLoss, SoftmaxLossOutput};
use crate::ops::validate::{CROSS_ENTROPY, LOG_SUM_EXP};
use crate::partial::{ClassRange, PartialState};
use crate::segments::Segments;
use crate::targets::Targets;
use crate::upstream::Upstream;
use crate::weights::Weights;
use counting::count_rows;
use matrix::Holds;
use memory::unwritten;
use place::Place;
use terms::Terms;

/// Every operation in single precision on all cores: what to use without a GPU.
///
/// A row's result depends on that row alone, and sums are made of parts of a fixed size in a fixed
/// order, so the same input gives the same bits on any number of threads. They are those of the rayon
/// pool that the caller is in, else of rayon's own; where the system does not give so many, fewer, down
/// to the calling one. Without the feature `rayon` there is that one alone.
///
/// Vectors are as wide as the processor's (AVX-512, AVX2, NEON, or portable code), so between machines
/// the last bits may differ.
///
/// Beside the calls of [`Engine`], which return a gradient in memory of its own,
/// [`cross_entropy_into`](Self::cross_entropy_into) writes it to the caller's, and
/// [`cross_entropy_in_place`](Self::cross_entropy_in_place) over the logits: on large batches, getting
/// fresh memory from the operating system takes longer than everything else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fast;

/// Calls a function for an element type known only now.
macro_rules! with_element {
    ($element:expr, $G:ident => $call:expr) => {
        match $element {
            Element::F32 => {
                type $G = f32;
                $call
            }
            Element::F16 => {
                type $G = f16;
                $call
            }
            Element::Bf16 => {
                type $G = bf16;
                $call
            }
        }
    };
}

/// Memory for a value for each logit, all of which have to be written.
fn room_for<G: Float>(operation: &'static str, logits: Logits<'_>) -> Result<Vec<G>> {
    unwritten(operation, logits.rows() * logits.classes())
}

/// Fresh memory as the place of a gradient.
fn fresh<G: Float>(gradient: &mut Option<Vec<G>>) -> Option<(&mut [G], Holds)> {
    gradient.as_mut().map(|gradient| (gradient.as_mut_slice(), Holds::Fresh))
}

/// Everything but the gradient itself, of validated operands.
fn evaluate_cross_entropy<G: Float>(
    place: Place<'_, G>,
    targets: Targets<'_>,
    counted: usize,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> Result<CrossEntropyOutput> {
    let total = place.shape.classes;
    // Nobody looks at the coefficients of no rows.
    let columns = if place.shape.rows == 0 { 0 } else { total };
    let terms = &Terms::new(targets, ClassRange { first: 0, total }, columns, options)?;
    match options.input {
        Input::Logits => cross_entropy::evaluate(place, targets, terms, counted, upstream, options),
        Input::LogProbabilities => {
            log_probabilities::evaluate(place, terms, counted, upstream, options)
        }
    }
}

impl Engine for Fast {
    fn name(&self) -> String {
        match threads::threads() {
            1 => "cpu::Fast, 1 thread".into(),
            threads => format!("cpu::Fast, {threads} threads"),
        }
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, upstream)?;
        let element = options.gradient_element.unwrap_or(logits.element());
        Ok(with_element!(element, G => {
            let room = || room_for::<G>(LOG_SUM_EXP, logits);
            let mut gradient = when(upstream.is_some(), room)?;
            let place = Place::apart(logits, fresh(&mut gradient));
            let output = log_sum_exp::evaluate(place, upstream)?;
            LogSumExpOutput { gradient: gradient.map(G::owned), ..output }
        }))
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        let counted = count_rows(targets, logits.rows(), logits.classes(), options)?;
        let element = options.gradient_element.unwrap_or(logits.element());
        Ok(with_element!(element, G => {
            let room = || room_for::<G>(CROSS_ENTROPY, logits);
            let mut gradient = when(upstream.is_some(), room)?;
            let place = Place::apart(logits, fresh(&mut gradient));
            let output = evaluate_cross_entropy(place, targets, counted, upstream, options)?;
            CrossEntropyOutput { gradient: gradient.map(G::owned), ..output }
        }))
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        validate::softmax(options.name(), logits, upstream)?;
        let element = options.element.unwrap_or(logits.element());
        Ok(with_element!(element, G => {
            softmax_operation::evaluate::<G>(logits, upstream, options)?
        }))
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        validate::partial(logits, classes, targets, None, options)?;
        count_rows(targets, logits.rows(), classes.total, options)?;
        let terms = Terms::new(targets, classes, logits.classes(), options)?;
        partial::states(logits, classes.first, targets, &terms, options)
    }

    /// As the oracle does: a few operations a row, whatever the number of classes.
    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        Oracle.cross_entropy_of_states(states, classes, targets, options)
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
        validate::partial(logits, classes, targets, Some(upstream), options)?;
        validate::states_of_rows(states, logits.rows())?;
        let counted = count_rows(targets, logits.rows(), classes.total, options)?;
        let terms = &Terms::new(targets, classes, logits.classes(), options)?;
        let element = options.gradient_element.unwrap_or(logits.element());
        Ok(with_element!(element, G => {
            partial::gradient::<G>(logits, states, targets, (terms, counted), upstream, options)?
        }))
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        validate::softmax_loss(logits, &against, upstream, options)?;
        let counted = softmax_loss::count(&against, logits, options)?;
        let element = options.gradient_element.unwrap_or(logits.element());
        Ok(with_element!(element, G => {
            softmax_loss::evaluate::<G>(logits, &against, counted, upstream, options)?
        }))
    }

    fn evaluate_elementwise(
        &self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        validate::elementwise(operands, upstream, options)?;
        let element = options.gradient_element.unwrap_or(operands.input.element());
        Ok(with_element!(element, G => {
            let room = || room_for::<G>(options.function.name(), operands.input);
            let mut gradient = when(upstream.is_some(), room)?;
            let place = fresh(&mut gradient);
            let output = elementwise::evaluate(operands, upstream, options, place)?;
            ElementwiseOutput { gradient: gradient.map(G::owned), ..output }
        }))
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        validate::reduce(values, weights, upstream, options)?;
        let element = options.gradient_element.unwrap_or(values.element());
        Ok(with_element!(element, G => {
            reduce::evaluate::<G>(values, weights, upstream, options)?
        }))
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        validate::reduce_segments(values, segments, weights, options)?;
        reduce::of_segments(values, segments, weights, options)
    }
}
