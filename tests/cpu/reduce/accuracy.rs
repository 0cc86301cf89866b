//! Sums of many terms: the error does not grow with their number, and is never above that of NumPy.

use crate::Noise;
use wgpu_loss::{Axis, Engine, Logits, Reduce, Statistic, Weights, cpu};

/// What a loop over the terms gives in single precision.
fn running(terms: &[f32]) -> f32 {
    terms.iter().sum()
}

/// NumPy's `pairwise_sum`: eight accumulators for at most 128 terms, halves of more.
fn pairwise(terms: &[f32]) -> f32 {
    let count = terms.len();
    if count < 8 {
        return terms.iter().sum();
    }
    if count <= 128 {
        let (blocks, tail) = terms.as_chunks::<8>();
        let mut sums = blocks[0];
        for block in &blocks[1..] {
            sums.iter_mut().zip(block).for_each(|(sum, term)| *sum += term);
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
        return tail.iter().fold(sum, |sum, term| sum + term);
    }
    let half = count / 2;
    let middle = half - half % 8;
    pairwise(&terms[..middle]) + pairwise(&terms[middle..])
}

/// In multiples of a power of two: no rounding at all.
fn exact(terms: &[f32], unit: f64) -> f64 {
    let multiple = |&term: &f32| {
        let multiple = f64::from(term) / unit;
        assert_eq!(multiple, multiple.trunc(), "{term} is no multiple of {unit}");
        multiple as i128
    };
    terms.iter().map(multiple).sum::<i128>() as f64 * unit
}

/// The sum over everything, and as a column, is as good as single precision can hold it.
#[track_caller]
fn check(name: &str, terms: &[f32], unit: f64) {
    let exact = exact(terms, unit);
    let magnitude: f64 = terms.iter().map(|term| f64::from(term.abs())).sum();
    let error = |found: f32| (f64::from(found) - exact).abs();
    let (loop_error, numpy_error) = (error(running(terms)), error(pairwise(terms)));
    let count = terms.len();
    for (rows, columns) in [(1, count), (count, 1)] {
        let values = Logits::new(terms, rows, columns).unwrap();
        let options = Reduce::new(Statistic::Sum, Axis::All);
        let sum = cpu::Fast.reduce(values, Weights::None, &options).unwrap().values[0];
        let found = error(sum);
        assert!(found <= numpy_error, "{name}: {found:e}, NumPy {numpy_error:e}");
        assert!(found <= loop_error, "{name}: {found:e}, a loop {loop_error:e}");
        // Half a unit in the last place, and next to nothing of what cancels.
        let most = 6e-8 * exact.abs() + 1e-13 * magnitude;
        assert!(found <= most, "{name}: {found:e} of {exact:e}");
    }
}

/// A grid fine enough for small terms beside 1e8.
fn small(noise: &mut Noise) -> f32 {
    noise.below(1 << 12) as f32 / 4096.0
}

#[test]
fn large_terms_that_cancel() {
    let mut noise = Noise(9);
    let mut terms = Vec::new();
    for _ in 0..50_000 {
        terms.extend([1e8, small(&mut noise), -1e8, small(&mut noise)]);
    }
    check("alternating", &terms, 1.0 / 4096.0);
    let (large, rest): (Vec<f32>, Vec<f32>) = terms.iter().partition(|term| **term == 1e8);
    check("large ones first", &[large, rest].concat(), 1.0 / 4096.0);
    terms.sort_by(f32::total_cmp);
    check("ascending", &terms, 1.0 / 4096.0);
    terms.reverse();
    check("descending", &terms, 1.0 / 4096.0);
}

#[test]
fn terms_of_many_sizes() {
    // 0.8^i down to 2^-40, in multiples of 2^-64.
    let unit = 2f64.powi(-64);
    let one = |at: usize| 0.8f32.powi((at % 120) as i32);
    let mut terms: Vec<f32> = (0..120_000).map(one).collect();
    check("geometric", &terms, unit);
    terms.sort_by(f32::total_cmp);
    check("geometric, ascending", &terms, unit);
    terms.reverse();
    check("geometric, descending", &terms, unit);
    terms.iter_mut().skip(1).step_by(2).for_each(|term| *term = -*term);
    check("geometric, of both signs", &terms, unit);
}

#[test]
fn many_positive_terms() {
    let mut noise = Noise(10);
    let terms: Vec<f32> = (0..1 << 24).map(|_| noise.below(1 << 20) as f32 / 1048576.0).collect();
    check("2^24 terms", &terms, 1.0 / 1_048_576.0);
    // A loop is so far off that the comparison means something.
    let exact = exact(&terms, 1.0 / 1_048_576.0);
    assert!((f64::from(running(&terms)) / exact - 1.0).abs() > 1e-5);
}

/// Far from 0 the squares of the values are so large that their difference says nothing.
#[test]
fn variance_far_from_zero() {
    let mut noise = Noise(11);
    for (offset, step) in [(0.0, 1.0), (1e4, 1.0 / 64.0), (-1e6, 0.125), (8_388_608.0, 1.0)] {
        let x: Vec<f32> = (0..40_000).map(|_| offset + noise.below(64) as f32 * step).collect();
        let w = noise.floats(x.len(), 0.5, 2.0);
        for (rows, columns) in [(1, x.len()), (x.len(), 1), (200, 200)] {
            let values = Logits::new(&x, rows, columns).unwrap();
            let weights = Logits::new(&w, rows, columns).unwrap();
            for axis in [Axis::All, Axis::EachRow, Axis::EachColumn] {
                let statistic = Statistic::MeanAndVariance { correction: 0.0 };
                let options = Reduce::new(statistic, axis);
                for weights in [Weights::None, Weights::PerElement(weights)] {
                    let found = cpu::Fast.reduce(values, weights, &options).unwrap();
                    let exact = cpu::Oracle.reduce_f64(values, weights, None, &options).unwrap();
                    let pairs = found.variance.unwrap().into_iter().zip(exact.variance.unwrap());
                    for (found, exact) in pairs {
                        let error = (f64::from(found) - exact).abs();
                        assert!(error <= 1e-7 * exact, "{offset}: {found}, expected {exact}");
                    }
                }
            }
        }
    }
}

/// Equal values have no variance at all, whatever the rounding.
#[test]
fn variance_of_equal_values() {
    for value in [0.1, -3.3e7, 1e-20] {
        for count in [1, 3, 100, 70_001] {
            let x = vec![value; count];
            let values = Logits::new(&x, count, 1).unwrap();
            let statistic = Statistic::MeanAndVariance { correction: 0.0 };
            let options = Reduce::new(statistic, Axis::EachColumn);
            let out = cpu::Fast.reduce(values, Weights::None, &options).unwrap();
            let variance = out.variance.unwrap()[0];
            assert!(variance >= 0.0 && variance <= 1e-25 * value * value, "{variance:e}");
            assert_eq!(out.values, [value]);
        }
    }
}
