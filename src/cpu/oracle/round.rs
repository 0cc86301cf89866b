//! From double precision to what an engine returns.

use crate::{
    CrossEntropyOutput, Element, ElementwiseOutput, LogSumExpOutput, OwnedValues, ReduceOutput,
    SoftmaxLossOutput,
};

fn single(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

/// Through single precision, as every other engine does.
pub(super) fn owned(values: Vec<f64>, element: Element) -> OwnedValues {
    OwnedValues::from_f32(single(values), element)
}

pub(super) fn log_sum_exp(
    exact: LogSumExpOutput<f64, Vec<f64>>,
    element: Element,
) -> LogSumExpOutput {
    LogSumExpOutput {
        log_sum_exp: single(exact.log_sum_exp),
        gradient: exact.gradient.map(|gradient| owned(gradient, element)),
    }
}

pub(super) fn cross_entropy(
    exact: CrossEntropyOutput<f64, Vec<f64>>,
    element: Element,
) -> CrossEntropyOutput {
    CrossEntropyOutput {
        loss: exact.loss as f32,
        z_loss: exact.z_loss as f32,
        denominator: exact.denominator as f32,
        counted: exact.counted,
        correct: exact.correct,
        loss_rows: exact.loss_rows.map(single),
        log_sum_exp: exact.log_sum_exp.map(single),
        target_log_probability: exact.target_log_probability.map(single),
        entropy: exact.entropy.map(single),
        argmax: exact.argmax,
        target_rank: exact.target_rank,
        z_loss_rows: exact.z_loss_rows.map(single),
        gradient: exact.gradient.map(|gradient| owned(gradient, element)),
    }
}

pub(super) fn reduce(exact: ReduceOutput<f64, Vec<f64>>, element: Element) -> ReduceOutput {
    ReduceOutput {
        values: single(exact.values),
        variance: exact.variance.map(single),
        sign: exact.sign.map(single),
        denominator: exact.denominator.map(single),
        gradient: exact.gradient.map(|gradient| owned(gradient, element)),
        weight_gradient: exact.weight_gradient.map(single),
    }
}

pub(super) fn elementwise(
    exact: ElementwiseOutput<f64, Vec<f64>>,
    element: Element,
) -> ElementwiseOutput {
    ElementwiseOutput {
        values: single(exact.values),
        denominator: exact.denominator.map(single),
        counts: exact.counts,
        gradient: exact.gradient.map(|gradient| owned(gradient, element)),
        variance_gradient: exact.variance_gradient.map(|gradient| owned(gradient, element)),
    }
}

pub(super) fn softmax_loss(
    exact: SoftmaxLossOutput<f64, Vec<f64>>,
    element: Element,
) -> SoftmaxLossOutput {
    SoftmaxLossOutput {
        loss: exact.loss as f32,
        denominator: exact.denominator as f32,
        counted: exact.counted,
        loss_rows: exact.loss_rows.map(single),
        gradient: exact.gradient.map(|gradient| owned(gradient, element)),
    }
}
