//! `cpu::Fast` against the oracle on random calls, and what it promises about bits.

use proptest::prelude::*;

use crate::random_call::call;
use wgpu_loss::verify::{self, Extent, cases, check_cross_entropy};
use wgpu_loss::{CrossEntropy, Engine, LogSumExp, Logits, Reduction, Shape, Upstream, cpu};

#[test]
fn passes_the_quick_verification() {
    let mut calls = Vec::new();
    let report =
        verify::verify(&cpu::Fast, Extent::Quick, &mut |done, total| calls.push((done, total)))
            .unwrap();
    assert!(report.passed(), "{:#?}", report.failures);
    assert!(report.worst_relative_error < 2e-6 && report.worst_relative_error > 0.0);
    assert_eq!(calls.first(), Some(&(0, report.checked)));
    assert_eq!(calls.last(), Some(&(report.checked, report.checked)));
}

/// Unoptimised, the long rows of the full list take minutes: they are left to `verify` itself.
#[test]
fn passes_the_short_cases_of_the_full_verification() {
    let elements = |shape: Shape| shape.rows * shape.classes;
    for case in cases(Extent::Full).iter().filter(|case| elements(case.shape) <= 5000) {
        let result = case.check(&cpu::Fast);
        assert!(result.passed(), "{case}: {:?}", result.failure);
    }
}

/// The oracle is its own best engine: nothing but the rounding to single precision is left.
#[test]
fn oracle_rounded_to_single_precision_is_close_to_itself() {
    for case in cases(Extent::Quick).iter().filter(|case| case.shape.rows <= 100) {
        let result = case.check(&cpu::Oracle);
        assert!(result.passed(), "{case}: {:?}", result.failure);
        assert!(result.worst_relative_error < 1.3e-7, "{case}: {}", result.worst_relative_error);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn is_close_to_the_oracle(call in call()) {
        call.check(&cpu::Fast)?;
    }
}

/// Leads of every size, off any grid: where `x - m` rounded to single precision would cost up to
/// 3.8e-6 of the loss.
#[test]
fn distant_runners_up_keep_the_loss_exact() {
    for classes in [2, 3, 17, 300] {
        for lead in 1..870 {
            let lead = lead as f32 * 0.1;
            let mut row: Vec<f32> = (0..classes).map(|i| (i as f32 * 0.731).sin() * 0.1).collect();
            row[1] = lead;
            let logits = Logits::new(&row, 1, classes).unwrap();
            let options = CrossEntropy::default();
            let result =
                check_cross_entropy(&cpu::Fast, logits, &[1], Some(Upstream::default()), &options);
            assert!(result.passed(), "lead {lead} of {classes}: {:?}", result.failure);
        }
    }
}

/// Deterministic, without order: enough for tests about bits.
fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e6 - 8.0).collect()
}

fn bits(values: Option<Vec<f32>>) -> Option<Vec<u32>> {
    values.map(|values| values.into_iter().map(f32::to_bits).collect())
}

/// Far above the number of rows one thread takes.
#[test]
fn a_row_gives_the_same_bits_alone_and_in_a_batch() {
    let (rows, classes) = (300, 301);
    let values = noise(rows * classes);
    let targets: Vec<i32> = (0..rows).map(|row| (row * 7 % classes) as i32).collect();
    let options = crate::options(Reduction::None);
    let upstream = Upstream::Scalar(0.37);
    let logits = Logits::new(&values, rows, classes).unwrap();
    let batch =
        cpu::Fast.cross_entropy_with_gradient(logits, &targets, upstream, &options).unwrap();
    let (losses, lse) = (batch.loss_rows.unwrap(), batch.log_sum_exp.unwrap());
    let gradient = batch.gradient.unwrap();
    for row in 0..rows {
        let alone = Logits::new(logits.row(row), 1, classes).unwrap();
        let out = cpu::Fast
            .cross_entropy_with_gradient(alone, &targets[row..=row], upstream, &options)
            .unwrap();
        assert_eq!(bits(out.loss_rows), bits(Some(vec![losses[row]])));
        assert_eq!(bits(out.log_sum_exp), bits(Some(vec![lse[row]])));
        let expected = gradient[row * classes..][..classes].to_vec();
        assert_eq!(bits(out.gradient), bits(Some(expected)));
        // Without a gradient nothing else changes.
        let out = cpu::Fast.log_sum_exp(alone, &LogSumExp::default()).unwrap();
        assert_eq!(bits(Some(out.log_sum_exp)), bits(Some(vec![lse[row]])));
    }
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (rows, classes) = (20_000, 10);
    let values = noise(rows * classes);
    let targets: Vec<i32> = (0..rows).map(|row| (row * 7 % classes) as i32).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let logits = Logits::new(&values, rows, classes).unwrap();
        let options = CrossEntropy::default();
        let upstream = Upstream::default();
        let out = pool.install(|| {
            cpu::Fast.cross_entropy_with_gradient(logits, &targets, upstream, &options).unwrap()
        });
        (out.loss.to_bits(), bits(out.gradient))
    };
    let expected = run(1);
    for threads in [1, 2, 3, 7] {
        assert_eq!(run(threads), expected);
    }
}

/// A million equal rows: adding them in single precision would be off by far more.
#[test]
fn the_error_does_not_grow_with_the_rows() {
    let rows = 1_000_000;
    let values = [0.3, 0.0].repeat(rows);
    let logits = Logits::new(&values, rows, 2).unwrap();
    let targets = vec![0; rows];
    for reduction in [Reduction::Sum, Reduction::Mean] {
        let options = CrossEntropy { reduction, ..CrossEntropy::default() };
        let loss = cpu::Fast.cross_entropy(logits, &targets, &options).unwrap().loss;
        let one = (-f64::from(0.3f32)).exp().ln_1p();
        let expected = if reduction == Reduction::Sum { one * rows as f64 } else { one };
        assert!((f64::from(loss) / expected - 1.0).abs() < 2e-7, "{loss}, expected {expected}");
    }
}

#[test]
fn says_how_many_threads_it_has() {
    assert!(cpu::Fast.name().starts_with("cpu::Fast, "), "{}", cpu::Fast.name());
    assert_eq!(cpu::Oracle.name(), "cpu::Oracle");
}
