//! Upstream gradients that are 0 or not finite: their products are IEEE's.

use wgpu_loss::{Axis, Denominator, Engine, Logits, Mode, Reduce, Statistic, Upstream, Weights};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;
const NEG: f32 = f32::NEG_INFINITY;

const WEIGHTS: Denominator = Denominator::Weights;

/// Three values, their weights, the upstream factor, and both gradients, whatever the mode.
type Case = (Statistic, Denominator, [f32; 3], [f32; 3], f32, [f32; 3], [f32; 3]);

const CASES: [Case; 9] = [
    (
        Statistic::Sum,
        WEIGHTS,
        [1.0, INF, 0.5],
        [INF, 1.0, 2.0],
        0.0,
        [NAN, 0.0, 0.0],
        [0.0, NAN, 0.0],
    ),
    (
        Statistic::Sum,
        WEIGHTS,
        [1.0, 0.0, -1.0],
        [1.0, 0.0, -2.0],
        INF,
        [INF, NAN, NEG],
        [INF, NAN, NEG],
    ),
    (Statistic::Sum, WEIGHTS, [1.0, 0.0, -1.0], [1.0, 0.0, -2.0], NAN, [NAN; 3], [NAN; 3]),
    (Statistic::Mean, WEIGHTS, [1.0, 2.0, 3.0], [1.0, 0.0, 3.0], 0.0, [0.0; 3], [0.0; 3]),
    (
        Statistic::Mean,
        WEIGHTS,
        [1.0, 2.0, 3.0],
        [1.0, 0.0, 3.0],
        INF,
        [INF, NAN, INF],
        [NEG, NEG, INF],
    ),
    (
        Statistic::Mean,
        Denominator::NonzeroWeights,
        [1.0, 0.0, -3.0],
        [1.0, 0.0, 3.0],
        INF,
        [INF, NAN, INF],
        [INF, NAN, NEG],
    ),
    (Statistic::LogSumExp, WEIGHTS, [0.0; 3], [1.0, 0.0, 3.0], 0.0, [0.0; 3], [0.0; 3]),
    (Statistic::LogSumExp, WEIGHTS, [0.0; 3], [1.0, 0.0, -3.0], INF, [NEG, 0.0, INF], [NEG; 3]),
    (Statistic::LogSumExp, WEIGHTS, [0.0; 3], [1.0, 0.0, 3.0], NAN, [NAN, 0.0, NAN], [NAN; 3]),
];

/// Every case, with a factor for all results and for each.
pub fn check(engine: &dyn Engine) {
    for (statistic, denominator, values, weights, factor, of_values, of_weights) in CASES {
        for mode in [Mode::Strict, Mode::Masked] {
            let options = Reduce {
                mode,
                denominator,
                weight_gradient: true,
                ..Reduce::new(statistic, Axis::EachRow)
            };
            for upstream in [Upstream::Scalar(factor), Upstream::PerRow(&[factor])] {
                let what = format!("{}: {statistic:?} {weights:?} {upstream:?}", engine.name());
                let view = Logits::new(&values, 1, 3).expect("a legal view");
                let weights =
                    Weights::PerElement(Logits::new(&weights, 1, 3).expect("a legal view"));
                let out = engine.reduce_with_gradient(view, weights, upstream, &options);
                let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
                let gradient = out.gradient.map(|gradient| gradient.into_f32()).unwrap_or_default();
                assert_alike(&gradient, of_values, &what);
                assert_alike(&out.weight_gradient.unwrap_or_default(), of_weights, &what);
            }
        }
    }
}

fn assert_alike(found: &[f32], expected: [f32; 3], what: &str) {
    assert_eq!(found.len(), 3, "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let is_alike = *found == expected || (found.is_nan() && expected.is_nan());
        assert!(is_alike, "{what}: {found}, expected {expected}");
    }
}
