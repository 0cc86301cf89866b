//! `verify` passes what is right: both CPU engines. Random calls are in `tests/properties.rs`.

use wgpu_loss::{Shape, cpu};
use wgpu_loss_verify::{Case, Extent, Operation, cases};

fn elements(case: &Case) -> usize {
    let Shape { rows, classes, .. } = case.shape;
    rows * classes
}

#[test]
fn passes_the_quick_verification() {
    let mut calls = Vec::new();
    let report = wgpu_loss_verify::verify(&cpu::Fast, Extent::Broad, &mut |done, total| {
        calls.push((done, total))
    })
    .unwrap();
    assert!(report.passed(), "{:#?}", report.failures);
    assert!(report.worst_relative_error < 2e-6 && report.worst_relative_error > 0.0);
    assert_eq!(calls.first(), Some(&(0, report.checked)));
    assert_eq!(calls.last(), Some(&(report.checked, report.checked)));
}

/// Unoptimised, the long rows of the full list take minutes: they are left to `verify` itself.
#[test]
fn passes_the_short_cases_of_the_full_verification() {
    for case in cases(Extent::Full).iter().filter(|case| elements(case) <= 5000) {
        let result = case.check(&cpu::Fast);
        assert!(result.passed(), "{case}: {:?}", result.failure);
    }
}

/// The oracle is its own best engine: nothing but the rounding to single precision is left. What
/// states of parts carry from step to step is rounded more than once.
#[test]
fn oracle_rounded_to_single_precision_is_close_to_itself() {
    for case in cases(Extent::Broad).iter().filter(|case| case.shape.rows <= 100) {
        let result = case.check(&cpu::Oracle);
        assert!(result.passed(), "{case}: {:?}", result.failure);
        let is_merged = matches!(case.operation, Operation::MergedParts { .. });
        let most = if is_merged { 8e-7 } else { 1.3e-7 };
        assert!(result.worst_relative_error < most, "{case}: {}", result.worst_relative_error);
    }
}

/// What is wrong with a call is no failure where the engine refuses it as the oracle does.
#[test]
fn what_is_refused_is_no_failure() {
    let cases = cases(Extent::Broad);
    let refused = cases.iter().filter(|case| case.check(&cpu::Fast).refused).count();
    assert!(refused > 40, "{refused} refused");
}
