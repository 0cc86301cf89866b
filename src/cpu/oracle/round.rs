//! From double precision to what an engine returns.

use crate::element::{Element, Float, OwnedValues};
use crate::error::Result;
use crate::memory::collected;
use crate::ops::cross_entropy::CrossEntropyOutput;
use crate::ops::elementwise::ElementwiseOutput;
use crate::ops::log_sum_exp::LogSumExpOutput;
use crate::ops::reduce::ReduceOutput;
use crate::ops::reduce::validate::OPERATION;
use crate::ops::softmax_loss::SoftmaxLossOutput;
use crate::ops::validate::{CROSS_ENTROPY, LOG_SUM_EXP};

fn single(operation: &'static str, values: Vec<f64>) -> Result<Vec<f32>> {
    collected(operation, values.into_iter().map(|value| value as f32))
}

fn column(operation: &'static str, values: Option<Vec<f64>>) -> Result<Option<Vec<f32>>> {
    values.map(|values| single(operation, values)).transpose()
}

/// Through single precision, as every other engine does.
pub(super) fn owned(
    operation: &'static str,
    values: Vec<f64>,
    element: Element,
) -> Result<OwnedValues> {
    let values = single(operation, values)?;
    Ok(match element {
        Element::F32 => OwnedValues::F32(values),
        Element::F16 => OwnedValues::F16(narrow(operation, &values)?),
        Element::Bf16 => OwnedValues::Bf16(narrow(operation, &values)?),
    })
}

fn narrow<T: Float>(operation: &'static str, values: &[f32]) -> Result<Vec<T>> {
    collected(operation, values.iter().map(|&value| T::narrow(value)))
}

fn gradient(
    operation: &'static str,
    values: Option<Vec<f64>>,
    element: Element,
) -> Result<Option<OwnedValues>> {
    values.map(|values| owned(operation, values, element)).transpose()
}

pub(super) fn log_sum_exp(
    exact: LogSumExpOutput<f64, Vec<f64>>,
    element: Element,
) -> Result<LogSumExpOutput> {
    Ok(LogSumExpOutput {
        log_sum_exp: single(LOG_SUM_EXP, exact.log_sum_exp)?,
        gradient: gradient(LOG_SUM_EXP, exact.gradient, element)?,
    })
}

pub(super) fn cross_entropy(
    exact: CrossEntropyOutput<f64, Vec<f64>>,
    element: Element,
) -> Result<CrossEntropyOutput> {
    Ok(CrossEntropyOutput {
        loss: exact.loss as f32,
        z_loss: exact.z_loss as f32,
        denominator: exact.denominator as f32,
        counted: exact.counted,
        correct: exact.correct,
        loss_rows: column(CROSS_ENTROPY, exact.loss_rows)?,
        log_sum_exp: column(CROSS_ENTROPY, exact.log_sum_exp)?,
        target_log_probability: column(CROSS_ENTROPY, exact.target_log_probability)?,
        entropy: column(CROSS_ENTROPY, exact.entropy)?,
        argmax: exact.argmax,
        target_rank: exact.target_rank,
        z_loss_rows: column(CROSS_ENTROPY, exact.z_loss_rows)?,
        gradient: gradient(CROSS_ENTROPY, exact.gradient, element)?,
    })
}

pub(super) fn reduce(exact: ReduceOutput<f64, Vec<f64>>, element: Element) -> Result<ReduceOutput> {
    Ok(ReduceOutput {
        values: single(OPERATION, exact.values)?,
        variance: column(OPERATION, exact.variance)?,
        sign: column(OPERATION, exact.sign)?,
        denominator: column(OPERATION, exact.denominator)?,
        gradient: gradient(OPERATION, exact.gradient, element)?,
        weight_gradient: column(OPERATION, exact.weight_gradient)?,
    })
}

pub(super) fn elementwise(
    operation: &'static str,
    exact: ElementwiseOutput<f64, Vec<f64>>,
    element: Element,
) -> Result<ElementwiseOutput> {
    Ok(ElementwiseOutput {
        values: single(operation, exact.values)?,
        denominator: column(operation, exact.denominator)?,
        counts: exact.counts,
        gradient: gradient(operation, exact.gradient, element)?,
        variance_gradient: gradient(operation, exact.variance_gradient, element)?,
    })
}

pub(super) fn softmax_loss(
    operation: &'static str,
    exact: SoftmaxLossOutput<f64, Vec<f64>>,
    element: Element,
) -> Result<SoftmaxLossOutput> {
    Ok(SoftmaxLossOutput {
        loss: exact.loss as f32,
        denominator: exact.denominator as f32,
        counted: exact.counted,
        loss_rows: column(operation, exact.loss_rows)?,
        gradient: gradient(operation, exact.gradient, element)?,
    })
}
