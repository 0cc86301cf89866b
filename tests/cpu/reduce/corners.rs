//! The corner cases, literally, in strict and in masked mode.

use super::ways::{One, every_way};
use crate::ENGINES;
use wgpu_loss::{Axis, Denominator, Mode, Reduce, Statistic};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const LN_2: f32 = std::f32::consts::LN_2;

/// Values, and their weights where they have any.
type Input = (&'static [f32], Option<&'static [f32]>);

const MODES: [Mode; 2] = [Mode::Strict, Mode::Masked];

#[track_caller]
fn check(input: Input, options: &Reduce, expected: One) {
    let same = |found: Option<f32>, expected: Option<f32>| match (found, expected) {
        (Some(found), Some(expected)) if expected.is_nan() => found.is_nan(),
        (Some(found), Some(expected)) if expected.is_finite() => {
            (found - expected).abs() <= 1e-6 * expected.abs()
        }
        (found, expected) => found == expected,
    };
    for engine in ENGINES {
        every_way(engine, input.0, input.1, options, |way, found| {
            let all = same(Some(found.value), Some(expected.value))
                && same(found.variance, expected.variance)
                && same(found.sign, expected.sign)
                && same(found.denominator, expected.denominator);
            assert!(all, "{way}: {input:?} {options:?}: {found:?}, expected {expected:?}");
        });
    }
}

fn options(statistic: Statistic, mode: Mode) -> Reduce {
    Reduce { mode, ..Reduce::new(statistic, Axis::All) }
}

const fn alone(value: f32) -> One {
    One { value, variance: None, sign: None, denominator: None }
}

/// Values, weights; sum and sum of squares, strict and masked.
#[test]
fn sums() {
    let cases: [(Input, [f32; 2], [f32; 2]); 27] = [
        ((&[], None), [0.0; 2], [0.0; 2]),
        ((&[2.0, -3.0], None), [-1.0; 2], [13.0; 2]),
        ((&[2.0, -3.0], Some(&[1.0, 0.0])), [2.0; 2], [4.0; 2]),
        ((&[2.0, -3.0], Some(&[0.5, -2.0])), [7.0; 2], [-16.0; 2]),
        ((&[2.0, -3.0], Some(&[0.0, 0.0])), [0.0; 2], [0.0; 2]),
        ((&[INF, 1.0], None), [INF; 2], [INF; 2]),
        ((&[-INF, 1.0], None), [-INF; 2], [INF; 2]),
        ((&[INF, -INF], None), [NAN; 2], [INF; 2]),
        ((&[INF, 1.0], Some(&[-1.0, 1.0])), [-INF; 2], [-INF; 2]),
        ((&[INF, -INF], Some(&[1.0, -1.0])), [INF; 2], [NAN; 2]),
        ((&[INF, 1.0], Some(&[0.0, 3.0])), [NAN, 3.0], [NAN, 3.0]),
        ((&[-INF, 1.0], Some(&[0.0, 3.0])), [NAN, 3.0], [NAN, 3.0]),
        ((&[INF, 1.0], Some(&[-0.0, 3.0])), [NAN, 3.0], [NAN, 3.0]),
        ((&[INF, INF], Some(&[0.0, 3.0])), [NAN, INF], [NAN, INF]),
        ((&[INF, -INF], Some(&[1.0, 0.0])), [NAN, INF], [NAN, INF]),
        ((&[NAN, 1.0], None), [NAN; 2], [NAN; 2]),
        ((&[NAN, INF], None), [NAN; 2], [NAN; 2]),
        ((&[NAN, 1.0], Some(&[0.0, 3.0])), [NAN, 3.0], [NAN, 3.0]),
        ((&[NAN, 1.0], Some(&[1.0, 0.0])), [NAN; 2], [NAN; 2]),
        ((&[0.0, 1.0], Some(&[INF, 1.0])), [NAN; 2], [NAN; 2]),
        ((&[2.0, 1.0], Some(&[INF, 1.0])), [INF; 2], [INF; 2]),
        ((&[-2.0, 1.0], Some(&[INF, 1.0])), [-INF; 2], [INF; 2]),
        ((&[2.0, 1.0], Some(&[INF, -INF])), [NAN; 2], [NAN; 2]),
        ((&[2.0, 1.0], Some(&[NAN, 1.0])), [NAN; 2], [NAN; 2]),
        ((&[0.0, 1.0], Some(&[NAN, 0.0])), [NAN; 2], [NAN; 2]),
        ((&[1e8, 1.0, -1e8], None), [1.0; 2], [2e16; 2]),
        ((&[3e38, 3e38, -3e38], None), [3e38; 2], [INF; 2]),
    ];
    for (input, sums, squares) in cases {
        for (mode, (sum, squares)) in MODES.into_iter().zip(sums.into_iter().zip(squares)) {
            check(input, &options(Statistic::Sum, mode), alone(sum));
            check(input, &options(Statistic::SumOfSquares, mode), alone(squares));
        }
    }
}

/// Values, weights; mean strict and masked, and what it is divided by: the weights, or the number
/// of those that are not 0.
#[test]
fn means() {
    type Quotient = ([f32; 2], f32);
    let cases: [(Input, Quotient, Quotient); 20] = [
        ((&[], None), ([NAN, 0.0], 0.0), ([NAN, 0.0], 0.0)),
        ((&[2.0, -3.0], None), ([-0.5; 2], 2.0), ([-0.5; 2], 2.0)),
        ((&[2.0, -3.0], Some(&[1.0, 3.0])), ([-1.75; 2], 4.0), ([-3.5; 2], 2.0)),
        ((&[2.0, -3.0], Some(&[1.0, 0.0])), ([2.0; 2], 1.0), ([2.0; 2], 1.0)),
        ((&[2.0, -3.0], Some(&[-2.0, 0.0])), ([2.0; 2], -2.0), ([-4.0; 2], 1.0)),
        ((&[2.0, -3.0], Some(&[0.0, 0.0])), ([NAN, 0.0], 0.0), ([NAN, 0.0], 0.0)),
        ((&[2.0, -3.0], Some(&[1.0, -1.0])), ([NAN; 2], 0.0), ([2.5; 2], 2.0)),
        ((&[2.0, 2.0], Some(&[1.0, -1.0])), ([NAN, 0.0], 0.0), ([0.0; 2], 2.0)),
        ((&[INF, 2.0], Some(&[0.0, 1.0])), ([NAN, 2.0], 1.0), ([NAN, 2.0], 1.0)),
        ((&[NAN, 2.0], Some(&[0.0, 1.0])), ([NAN, 2.0], 1.0), ([NAN, 2.0], 1.0)),
        ((&[NAN, INF], Some(&[0.0, 0.0])), ([NAN, 0.0], 0.0), ([NAN, 0.0], 0.0)),
        ((&[INF, 2.0], Some(&[1.0, 1.0])), ([INF; 2], 2.0), ([INF; 2], 2.0)),
        ((&[INF, 2.0], Some(&[-1.0, -1.0])), ([INF; 2], -2.0), ([-INF; 2], 2.0)),
        ((&[INF, 2.0], Some(&[1.0, -1.0])), ([NAN; 2], 0.0), ([INF; 2], 2.0)),
        ((&[INF, -INF], None), ([NAN; 2], 2.0), ([NAN; 2], 2.0)),
        ((&[NAN, 1.0], None), ([NAN; 2], 2.0), ([NAN; 2], 2.0)),
        ((&[2.0, 1.0], Some(&[NAN, 1.0])), ([NAN; 2], NAN), ([NAN; 2], 2.0)),
        ((&[2.0, 1.0], Some(&[INF, 1.0])), ([NAN; 2], INF), ([INF; 2], 2.0)),
        ((&[2.0, 1.0], Some(&[INF, -INF])), ([NAN; 2], NAN), ([NAN; 2], 2.0)),
        ((&[-2.0, 1.0], Some(&[INF, 0.0])), ([NAN; 2], INF), ([-INF; 2], 1.0)),
    ];
    for (input, weights, nonzero) in cases {
        for (denominator, (means, divisor)) in
            [(Denominator::Weights, weights), (Denominator::NonzeroWeights, nonzero)]
        {
            for (mode, mean) in MODES.into_iter().zip(means) {
                let options = Reduce { denominator, ..options(Statistic::Mean, mode) };
                check(input, &options, One { denominator: Some(divisor), ..alone(mean) });
            }
        }
    }
}

/// Values, weights, correction; mean and variance, strict and masked, and the sum of the weights.
#[test]
fn variances() {
    let cases: [(Input, f32, [[f32; 2]; 2], f32); 23] = [
        ((&[], None), 0.0, [[NAN, NAN], [0.0, 0.0]], 0.0),
        ((&[], None), 1.0, [[NAN, NAN], [0.0, 0.0]], 0.0),
        ((&[], None), -1.0, [[NAN, NAN], [0.0, 0.0]], 0.0),
        ((&[5.0], None), 0.0, [[5.0, 0.0]; 2], 1.0),
        ((&[5.0], None), 1.0, [[5.0, NAN]; 2], 1.0),
        ((&[5.0], None), 2.0, [[5.0, NAN]; 2], 1.0),
        ((&[1.0, 2.0, 6.0], None), 0.0, [[3.0, 14.0 / 3.0]; 2], 3.0),
        ((&[1.0, 2.0, 6.0], None), 1.0, [[3.0, 7.0]; 2], 3.0),
        ((&[1.0, 2.0, 6.0], None), -1.0, [[3.0, 3.5]; 2], 3.0),
        ((&[1.0, 2.0, 6.0], Some(&[2.0, 0.0, 2.0])), 1.0, [[3.5, 25.0 / 3.0]; 2], 4.0),
        ((&[1.0, 2.0, 6.0], Some(&[3.0, 0.0, -1.0])), 0.0, [[-1.5, -18.75]; 2], 2.0),
        ((&[1.0, 2.0], Some(&[-1.0, -1.0])), 0.0, [[1.5, NAN]; 2], -2.0),
        ((&[1.0, 2.0], Some(&[-1.0, -1.0])), -4.0, [[1.5, -0.25]; 2], -2.0),
        ((&[1.0, 2.0], Some(&[0.0, 0.0])), 0.0, [[NAN, NAN], [0.0, 0.0]], 0.0),
        ((&[1.0, 2.0], Some(&[1.0, -1.0])), 0.0, [[NAN, NAN]; 2], 0.0),
        ((&[1.0, 2.0], Some(&[1.0, -1.0])), -1.0, [[NAN, NAN]; 2], 0.0),
        ((&[INF, 2.0], Some(&[0.0, 1.0])), 0.0, [[NAN, NAN], [2.0, 0.0]], 1.0),
        ((&[NAN, INF], Some(&[0.0, 0.0])), 0.0, [[NAN, NAN], [0.0, 0.0]], 0.0),
        ((&[INF, 2.0], None), 0.0, [[INF, NAN]; 2], 2.0),
        ((&[-INF, 2.0], None), 0.0, [[-INF, NAN]; 2], 2.0),
        ((&[NAN, 2.0], None), 0.0, [[NAN, NAN]; 2], 2.0),
        ((&[1.0, 2.0], Some(&[INF, 1.0])), 0.0, [[NAN, NAN]; 2], INF),
        ((&[1.0, 2.0], Some(&[NAN, 1.0])), 0.0, [[NAN, NAN]; 2], NAN),
    ];
    for (input, correction, results, divisor) in cases {
        for (mode, [mean, variance]) in MODES.into_iter().zip(results) {
            for denominator in [Denominator::Weights, Denominator::NonzeroWeights] {
                let statistic = Statistic::MeanAndVariance { correction };
                let options = Reduce { denominator, ..options(statistic, mode) };
                let (variance, denominator) = (Some(variance), Some(divisor));
                check(input, &options, One { variance, denominator, ..alone(mean) });
            }
        }
    }
}

/// Values, weights; the largest and the smallest, of both modes.
#[test]
fn extremes() {
    let cases: [(Input, [f32; 2]); 15] = [
        ((&[], None), [-INF, INF]),
        ((&[2.0], None), [2.0, 2.0]),
        ((&[2.0, -3.0, 1.0], None), [2.0, -3.0]),
        ((&[-2.0, -3.0], Some(&[1.0, -5.0])), [-2.0, -3.0]),
        ((&[2.0, -3.0, 1.0], Some(&[0.0, -0.0, 1.0])), [1.0, 1.0]),
        ((&[2.0, -3.0], Some(&[0.0, 0.0])), [-INF, INF]),
        ((&[INF, -INF, 1.0], None), [INF, -INF]),
        ((&[INF, -INF, 1.0], Some(&[0.0, 0.0, 1.0])), [1.0, 1.0]),
        ((&[INF, INF], None), [INF, INF]),
        ((&[-INF, -INF], None), [-INF, -INF]),
        ((&[NAN, 2.0], None), [NAN, NAN]),
        ((&[2.0, NAN, 3.0], None), [NAN, NAN]),
        ((&[2.0, NAN], Some(&[1.0, 0.0])), [2.0, 2.0]),
        ((&[2.0, 7.0], Some(&[1.0, NAN])), [7.0, 2.0]),
        ((&[2.0, -7.0], Some(&[1.0, INF])), [2.0, -7.0]),
    ];
    for (input, [largest, smallest]) in cases {
        for mode in MODES {
            check(input, &options(Statistic::Max, mode), alone(largest));
            check(input, &options(Statistic::Min, mode), alone(smallest));
        }
    }
}

/// Values, weights; logarithm and sign, of both modes.
#[test]
fn log_sum_exps() {
    let cases: [(Input, f32, f32); 33] = [
        ((&[], None), -INF, 0.0),
        ((&[2.0], None), 2.0, 1.0),
        ((&[3.0, 3.0], None), 3.0 + LN_2, 1.0),
        ((&[1000.0, 1000.0], None), 1000.0 + LN_2, 1.0),
        ((&[-1000.0, -1000.0], None), -1000.0 + LN_2, 1.0),
        ((&[0.0, -200.0], None), 0.0, 1.0),
        ((&[3.0, 3.0], Some(&[1.0, -3.0])), 3.0 + LN_2, -1.0),
        ((&[3.0, 3.0], Some(&[1.0, -1.0])), -INF, 0.0),
        ((&[3.0, 5.0], Some(&[0.0, 0.0])), -INF, 0.0),
        ((&[3.0, 500.0], Some(&[2.0, 0.0])), 3.0 + LN_2, 1.0),
        ((&[3.0, 500.0], Some(&[-2.0, -0.0])), 3.0 + LN_2, -1.0),
        ((&[-500.0, 500.0], Some(&[2.0, 0.0])), -500.0 + LN_2, 1.0),
        ((&[-INF, -INF], None), -INF, 0.0),
        ((&[-INF, 1.0], None), 1.0, 1.0),
        ((&[-INF, 1.0], Some(&[-5.0, -1.0])), 1.0, -1.0),
        ((&[INF, 1.0], None), INF, 1.0),
        ((&[INF, 1.0], Some(&[-1.0, 1.0])), INF, -1.0),
        ((&[INF, INF], Some(&[1.0, 2.0])), INF, 1.0),
        ((&[INF, INF], Some(&[1.0, -2.0])), NAN, NAN),
        ((&[INF, 0.0], Some(&[0.0, 1.0])), 0.0, 1.0),
        ((&[INF, -INF], None), INF, 1.0),
        ((&[INF, NAN], None), NAN, NAN),
        ((&[NAN, 1.0], None), NAN, NAN),
        ((&[NAN, 1.0], Some(&[0.0, 1.0])), 1.0, 1.0),
        ((&[NAN, INF], Some(&[0.0, 0.0])), -INF, 0.0),
        ((&[1.0, 2.0], Some(&[NAN, 1.0])), NAN, NAN),
        ((&[-INF, 2.0], Some(&[NAN, 1.0])), NAN, NAN),
        ((&[1.0, 2.0], Some(&[INF, 1.0])), INF, 1.0),
        ((&[1.0, 2.0], Some(&[-INF, 1.0])), INF, -1.0),
        ((&[1.0, 2.0], Some(&[-INF, INF])), NAN, NAN),
        ((&[-INF, 2.0], Some(&[INF, 1.0])), NAN, NAN),
        ((&[-INF, INF], Some(&[INF, 1.0])), NAN, NAN),
        ((&[INF, 2.0], Some(&[INF, 1.0])), INF, 1.0),
    ];
    for (input, value, sign) in cases {
        for mode in MODES {
            let expected = One { sign: Some(sign), ..alone(value) };
            check(input, &options(Statistic::LogSumExp, mode), expected);
        }
    }
}
