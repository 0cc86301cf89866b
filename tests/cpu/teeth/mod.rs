//! `verify` finds what is wrong: engines with one mistake each, the mistakes kernels make.

mod elementwise;
mod lists;
mod mistake;
mod naive;
mod outputs;
mod reduction;
mod softmax_loss;
mod wrong;

use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Error, LogSumExp, LogSumExpOutput, Logits,
    OwnedValues, Reduce, ReduceOutput, Result, Segments, Softmax, Targets, Upstream, Weights,
};
use wgpu_loss_verify::{Case, Extent, cases};

use mistake::Mistake;
use wrong::Wrong;

/// The quick list, the small cases first: mistakes are found sooner.
fn small_first() -> Vec<Case> {
    let mut cases = cases(Extent::Broad);
    cases.sort_by_key(|case| case.shape.rows * case.shape.classes);
    cases
}

#[test]
fn every_mistake_is_found() {
    let cases = small_first();
    let passes = |mistake: &Mistake| cases.iter().all(|case| case.check(&Wrong(*mistake)).passed());
    let unseen: Vec<_> = Mistake::all().into_iter().filter(passes).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

/// Without a mistake nothing is found: the wrapper itself makes none.
#[test]
fn no_mistake_is_none() {
    let small = |case: &&Case| case.shape.rows * case.shape.classes <= 5000;
    for case in cases(Extent::Broad).iter().filter(small) {
        let result = case.check(&Wrong(Mistake::None));
        assert!(result.passed(), "{case}: {:?}", result.failure);
    }
}

/// An engine that returns zeros passes only where zeros are right.
#[test]
fn a_report_names_what_failed() {
    let report =
        wgpu_loss_verify::verify(&Wrong(Mistake::Zeros), Extent::Broad, &mut |_, _| {}).unwrap();
    assert!(!report.passed());
    assert_eq!(report.failed, report.failures.len());
    assert!(report.failed > report.checked / 2, "{} of {}", report.failed, report.checked);
    assert!(report.worst_relative_error > 0.1);
    let failure = &report.failures[0];
    assert!(failure.case.contains("seed 0x"), "{}", failure.case);
    assert!(failure.message.contains("expected"), "{}", failure.message);
    let long = report.failures.iter().any(|failure| failure.case.contains("x 50257"));
    assert!(long, "zeros pass among many classes");
}

fn lost<T>() -> Result<T> {
    Err(Error::DeviceLost { operation: "any", reason: "unplugged".into() })
}

struct Lost;

impl Engine for Lost {
    fn name(&self) -> String {
        "lost".into()
    }

    fn evaluate_log_sum_exp(
        &self,
        _: Logits<'_>,
        _: Option<Upstream<'_>>,
        _: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        lost()
    }

    fn evaluate_cross_entropy(
        &self,
        _: Logits<'_>,
        _: Targets<'_>,
        _: Option<Upstream<'_>>,
        _: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        lost()
    }

    fn evaluate_softmax(
        &self,
        _: Logits<'_>,
        _: Option<Logits<'_>>,
        _: &Softmax,
    ) -> Result<OwnedValues> {
        lost()
    }

    fn partial_states(
        &self,
        _: Logits<'_>,
        _: ClassRange,
        _: Targets<'_>,
        _: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        lost()
    }

    fn cross_entropy_of_states(
        &self,
        _: &[PartialState],
        _: usize,
        _: Targets<'_>,
        _: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        lost()
    }

    fn partial_gradient(
        &self,
        _: Logits<'_>,
        _: ClassRange,
        _: &[PartialState],
        _: Targets<'_>,
        _: Upstream<'_>,
        _: &CrossEntropy,
    ) -> Result<OwnedValues> {
        lost()
    }

    fn evaluate_softmax_loss(
        &self,
        _: Logits<'_>,
        _: wgpu_loss::SoftmaxAgainst<'_>,
        _: Option<Upstream<'_>>,
        _: &wgpu_loss::SoftmaxLoss,
    ) -> Result<wgpu_loss::SoftmaxLossOutput> {
        lost()
    }

    fn evaluate_elementwise(
        &self,
        _: &wgpu_loss::Elementwise<'_>,
        _: Option<wgpu_loss::ElementwiseUpstream<'_>>,
        _: &wgpu_loss::ElementwiseLoss,
    ) -> Result<wgpu_loss::ElementwiseOutput> {
        lost()
    }

    fn evaluate_reduce(
        &self,
        _: Logits<'_>,
        _: Weights<'_>,
        _: Option<Upstream<'_>>,
        _: &Reduce,
    ) -> Result<ReduceOutput> {
        lost()
    }

    fn reduce_segments(
        &self,
        _: Logits<'_>,
        _: Segments<'_>,
        _: Weights<'_>,
        _: &Reduce,
    ) -> Result<ReduceOutput> {
        lost()
    }
}

#[test]
fn a_lost_device_ends_the_verification() {
    let result = wgpu_loss_verify::verify(&Lost, Extent::Broad, &mut |_, _| {});
    assert!(matches!(result, Err(Error::DeviceLost { .. })));
}
