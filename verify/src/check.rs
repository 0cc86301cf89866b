//! One call put to an engine and to the oracle.

use std::fmt;

use wgpu_loss::partial::ClassRange;
use wgpu_loss::{
    CrossEntropy, Elementwise, ElementwiseLoss, ElementwiseUpstream, Engine, Error, LogSumExp,
    Logits, Reduce, Result, Segments, Softmax, SoftmaxAgainst, SoftmaxLoss, Targets, Upstream,
    Weights, cpu,
};

use super::call::Call;
use super::compare::{Comparison, Losses, Problem, Reduction, SoftmaxLosses};
use super::digest::Digest;
use super::parts;

/// How far an engine's results of one case are from the oracle's.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CaseResult {
    /// The largest error: of a gradient relative to what its row's `softmax - one-hot` is multiplied
    /// by, of anything else relative to itself, or to the sum of what it is the sum of.
    pub worst_relative_error: f64,
    /// What differs, if it is more than the tolerance.
    pub failure: Option<String>,
    /// What the engine returned instead of results.
    pub error: Option<Error>,
    /// Whether the engine refused the call, and rightly.
    pub refused: bool,
    /// Of what the engine returned.
    pub digest: Digest,
}

impl CaseResult {
    /// Whether the results are the oracle's within the tolerance.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }

    /// Refused although the oracle does not.
    pub(super) fn refused(error: Error) -> Self {
        let failure = Some(format!("refused: {error}"));
        Self { failure, error: Some(error), ..Self::default() }
    }

    /// The same of a call with something wrong, which passes only where it was refused.
    pub(super) fn of_fault(self) -> Self {
        if self.passed() && !self.refused {
            return Self { failure: Some("nothing is wrong with the call".into()), ..self };
        }
        self
    }
}

/// Puts one call of log-sum-exp to the engine, with a gradient if there is an upstream gradient,
/// and compares what it returns with the oracle.
pub fn check_log_sum_exp(
    engine: &dyn Engine,
    logits: Logits<'_>,
    upstream: Option<Upstream<'_>>,
    options: &LogSumExp,
) -> CaseResult {
    let found = engine.evaluate_log_sum_exp(logits, upstream, options);
    let expected = cpu::Oracle.log_sum_exp_f64(logits, upstream);
    compared(found, expected, |comparison, found, expected| {
        comparison.log_sum_exp(logits, upstream.unwrap_or_default(), options, found, expected);
    })
}

/// The same for softmax and log-softmax, or for their gradient if there is an upstream gradient.
pub fn check_softmax(
    engine: &dyn Engine,
    logits: Logits<'_>,
    upstream: Option<Logits<'_>>,
    options: &Softmax,
) -> CaseResult {
    let found = engine.evaluate_softmax(logits, upstream, options);
    let expected = cpu::Oracle.softmax_f64(logits, upstream, options);
    compared(found, expected, |comparison, found, expected| {
        comparison.softmax(logits, upstream, options, found, expected);
    })
}

/// The same for cross-entropy.
pub fn check_cross_entropy(
    engine: &dyn Engine,
    logits: Logits<'_>,
    targets: Targets<'_>,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> CaseResult {
    let found = engine.evaluate_cross_entropy(logits, targets, upstream, options);
    let expected = cpu::Oracle.cross_entropy_f64(logits, targets, upstream, options);
    compared(found, expected, |comparison, found, expected| {
        let problem = Problem { logits, targets, upstream, options, merged: false };
        comparison.cross_entropy(&problem, found, expected);
    })
}

/// The same for cross-entropy of so many parts of the classes, whose states are compared too.
/// Where there are fewer classes, there are as many parts.
pub fn check_merged_parts(
    engine: &dyn Engine,
    logits: Logits<'_>,
    parts: usize,
    targets: Targets<'_>,
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> CaseResult {
    let problem = Problem { logits, targets, upstream, options, merged: true };
    let found = parts::merged(engine, &problem, parts);
    let expected = match &found {
        Ok(_) => parts::expected(&problem, parts),
        // Where the engine refuses, so must the oracle at the same step.
        Err(_) => parts::merged(&cpu::Oracle, &problem, parts)
            .and_then(|_| parts::expected(&problem, parts)),
    };
    compared(found, expected, |comparison, found, expected| {
        let ranges = parts::ranges(logits.classes(), parts);
        for ((range, found), expected) in ranges.zip(&found.states).zip(&expected.states) {
            comparison.states(&problem, range, found, expected);
        }
        comparison.cross_entropy(&problem, &found.output, &expected.output);
    })
}

/// The same for a reduction.
pub fn check_reduce(
    engine: &dyn Engine,
    values: Logits<'_>,
    weights: Weights<'_>,
    upstream: Option<Upstream<'_>>,
    options: &Reduce,
) -> CaseResult {
    let found = engine.evaluate_reduce(values, weights, upstream, options);
    let expected = cpu::Oracle.reduce_f64(values, weights, upstream, options);
    compared(found, expected, |comparison, found, expected| {
        let problem = Reduction { values, weights, segments: None, upstream, options };
        comparison.reduction(&problem, found, expected);
    })
}

/// The same for a reduction of segments.
pub fn check_reduce_segments(
    engine: &dyn Engine,
    values: Logits<'_>,
    segments: Segments<'_>,
    weights: Weights<'_>,
    options: &Reduce,
) -> CaseResult {
    let found = engine.reduce_segments(values, segments, weights, options);
    let expected = cpu::Oracle.reduce_segments_f64(values, segments, weights, options);
    compared(found, expected, |comparison, found, expected| {
        let segments = Some(segments);
        let problem = Reduction { values, weights, segments, upstream: None, options };
        comparison.reduction(&problem, found, expected);
    })
}

/// The same for an element-wise loss.
pub fn check_elementwise(
    engine: &dyn Engine,
    operands: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstream<'_>>,
    options: &ElementwiseLoss,
) -> CaseResult {
    let found = engine.evaluate_elementwise(operands, upstream, options);
    let expected = cpu::Oracle.elementwise_loss_f64(operands, upstream, options);
    compared(found, expected, |comparison, found, expected| {
        let call = Losses { operands: *operands, upstream, options };
        comparison.elementwise(&call, found, expected);
    })
}

/// The same for a relative of cross-entropy.
pub fn check_softmax_loss(
    engine: &dyn Engine,
    logits: Logits<'_>,
    against: SoftmaxAgainst<'_>,
    upstream: Option<Upstream<'_>>,
    options: &SoftmaxLoss,
) -> CaseResult {
    let found = engine.evaluate_softmax_loss(logits, against, upstream, options);
    let expected = cpu::Oracle.softmax_loss_f64(logits, against, upstream, options);
    compared(found, expected, |comparison, found, expected| {
        let call = SoftmaxLosses { logits, against, upstream, options };
        comparison.softmax_loss(&call, found, expected);
    })
}

/// A part that ends beyond the last class must be refused, forward and backward.
pub(super) fn check_spare_part(engine: &dyn Engine, call: &Call) -> CaseResult {
    with_options(call, |logits, targets, options| {
        let range = ClassRange { first: 1, total: logits.classes() };
        let states = |engine: &dyn Engine| engine.partial_states(logits, range, targets, options);
        let result = compared(states(engine), states(&cpu::Oracle), |_, _, _| ());
        if !result.refused {
            return Ok(result);
        }
        let whole = ClassRange { first: 0, ..range };
        let merged = cpu::Oracle.partial_states(logits, whole, targets, options)?;
        let gradient = |engine: &dyn Engine| {
            engine.partial_gradient(logits, range, &merged, targets, Upstream::default(), options)
        };
        Ok(compared(gradient(engine), gradient(&cpu::Oracle), |_, _, _| ()))
    })
}

/// More states than there are rows must be refused, forward and backward.
pub(super) fn check_spare_state(engine: &dyn Engine, call: &Call) -> CaseResult {
    with_options(call, |logits, targets, options| {
        let range = ClassRange { first: 0, total: logits.classes() };
        let mut states = cpu::Oracle.partial_states(logits, range, targets, options)?;
        states.extend(states.first().copied());
        let forward = |engine: &dyn Engine| {
            engine.cross_entropy_of_states(&states, range.total, targets, options)
        };
        let result = compared(forward(engine), forward(&cpu::Oracle), |_, _, _| ());
        if !result.refused {
            return Ok(result);
        }
        let gradient = |engine: &dyn Engine| {
            engine.partial_gradient(logits, range, &states, targets, Upstream::default(), options)
        };
        Ok(compared(gradient(engine), gradient(&cpu::Oracle), |_, _, _| ()))
    })
}

fn with_options(
    call: &Call,
    check: impl FnOnce(Logits<'_>, Targets<'_>, &CrossEntropy) -> Result<CaseResult>,
) -> CaseResult {
    let usual = CrossEntropy::default();
    let options = call.operation.cross_entropy().unwrap_or(&usual);
    let views = call.logits.view().and_then(|logits| Ok((logits, call.targets()?)));
    let result = views.and_then(|(logits, targets)| check(logits, targets, options));
    result.unwrap_or_else(CaseResult::refused).of_fault()
}

/// Where the oracle refuses the call, so must the engine, in the same words.
fn compared<T: fmt::Debug, U>(
    found: Result<T>,
    expected: Result<U>,
    compare: impl FnOnce(&mut Comparison, &T, &U),
) -> CaseResult {
    let digest = Digest::of(&found);
    let result = match (found, expected) {
        (Ok(found), Ok(expected)) => {
            let mut comparison = Comparison::default();
            compare(&mut comparison, &found, &expected);
            CaseResult {
                worst_relative_error: comparison.worst,
                failure: comparison.failure,
                ..CaseResult::default()
            }
        }
        (Err(found), Ok(_)) => CaseResult::refused(found),
        (Ok(_), Err(expected)) => CaseResult {
            failure: Some(format!("not refused, expected: {expected}")),
            ..CaseResult::default()
        },
        (Err(found), Err(expected)) if found == expected => {
            CaseResult { refused: true, ..CaseResult::default() }
        }
        (Err(found), Err(expected)) => CaseResult {
            failure: Some(format!("refused: {found}; expected: {expected}")),
            error: Some(found),
            ..CaseResult::default()
        },
    };
    CaseResult { digest, ..result }
}
