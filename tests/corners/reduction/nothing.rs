//! Reductions of no rows, and of rows of no values.

use wgpu_loss::{
    Axis, Denominator, Engine, Logits, Mode, Reduce, Shape, Statistic, Upstream, Values, Weights,
};

use crate::expect::Is;

const ZERO: Is = Is::Zero;
const NAN: Is = Is::Nan;

/// A statistic and what comes of nothing, in strict and in masked mode: the value, and beside it the
/// variance, the denominator or the sign.
type OfNothing = (Statistic, Denominator, [(Is, Is); 2]);

const WEIGHTS: Denominator = Denominator::Weights;

const OF_NOTHING: [OfNothing; 8] = [
    (Statistic::Sum, WEIGHTS, [(ZERO, NAN); 2]),
    (Statistic::SumOfSquares, WEIGHTS, [(ZERO, NAN); 2]),
    (Statistic::Mean, WEIGHTS, [(NAN, ZERO), (ZERO, ZERO)]),
    (Statistic::Mean, Denominator::NonzeroWeights, [(NAN, ZERO), (ZERO, ZERO)]),
    (Statistic::MeanAndVariance { correction: 1.0 }, WEIGHTS, [(NAN, NAN), (ZERO, ZERO)]),
    (Statistic::Max, WEIGHTS, [(Is::NegInf, NAN); 2]),
    (Statistic::Min, WEIGHTS, [(Is::Inf, NAN); 2]),
    (Statistic::LogSumExp, WEIGHTS, [(Is::NegInf, ZERO); 2]),
];

#[track_caller]
fn assert_is(found: &[f32], is: Is, results: usize, what: &str) {
    assert_eq!(found.len(), results, "{what}");
    for &found in found {
        let right = match is {
            Is::Nan => found.is_nan(),
            is => f64::from(found) == is.number(f64::NAN),
        };
        assert!(right, "{what} is {found:e}, expected {is:?}");
    }
    // Engines agree on the sign of 0.
    let is_negative = is == ZERO && found.iter().any(|found| found.is_sign_negative());
    assert!(!is_negative, "{what} is -0");
}

/// Every statistic of every shape without values, weighted in every way.
pub fn check(engine: &dyn Engine) {
    for (rows, columns) in [(0, 3), (4, 0), (0, 0)] {
        let shapes = [
            Shape::new(rows, columns),
            Shape::with_class_axis(rows / 2, columns, 2),
            Shape::new(rows, columns).with_row_stride(columns + 3),
        ];
        for (turn, shape) in shapes.into_iter().enumerate() {
            of_shape(engine, shape, turn);
        }
    }
}

/// The first, second or third of three shapes, which the statistics take turns with.
fn of_shape(engine: &dyn Engine, shape: Shape, turn: usize) {
    let Shape { rows, classes, .. } = shape;
    let stored = vec![f32::NAN; shape.extent().unwrap_or(0)];
    let view = Logits::from_values(Values::from(&stored[..]), shape);
    let view = view.unwrap_or_else(|error| panic!("{shape:?}: {error}"));
    let (of_rows, of_columns) = (vec![0.5; rows], vec![0.5; classes]);
    let weights = [
        Weights::None,
        Weights::PerRow(&of_rows),
        Weights::PerColumn(&of_columns),
        Weights::PerElement(view),
    ];
    let axes = [(Axis::EachRow, rows), (Axis::EachColumn, classes), (Axis::All, 1)];
    for (w, weights) in weights.into_iter().enumerate() {
        let due = OF_NOTHING.iter().enumerate().filter(|(s, _)| (s + w) % 3 == turn);
        for (_, &(statistic, denominator, outcomes)) in due {
            for (axis, results) in axes {
                for (mode, outcome) in [Mode::Strict, Mode::Masked].into_iter().zip(outcomes) {
                    let options = Reduce { mode, denominator, ..Reduce::new(statistic, axis) };
                    of_nothing(engine, view, weights, &options, results, outcome);
                }
            }
        }
    }
}

fn of_nothing(
    engine: &dyn Engine,
    view: Logits<'_>,
    weights: Weights<'_>,
    options: &Reduce,
    results: usize,
    (value, beside): (Is, Is),
) {
    let layout = weights.layout();
    let what = format!("{}: {:?} of nothing, {layout:?}, {options:?}", engine.name(), view.shape());
    let out = engine.reduce(view, weights, options);
    let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_is(&out.values, value, results, &what);
    let others = match options.statistic {
        Statistic::Mean => out.denominator,
        Statistic::MeanAndVariance { .. } => {
            assert_is(&out.denominator.unwrap_or_default(), ZERO, results, &what);
            out.variance
        }
        Statistic::LogSumExp => out.sign,
        _ => return assert!(out.variance.or(out.sign).or(out.denominator).is_none(), "{what}"),
    };
    assert_is(&others.unwrap_or_default(), beside, results, &what);
    if !matches!(options.statistic, Statistic::MeanAndVariance { .. }) {
        let options = Reduce { weight_gradient: !matches!(weights, Weights::None), ..*options };
        let upstream = Upstream::Scalar(-1.5);
        let out = engine.reduce_with_gradient(view, weights, upstream, &options);
        let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_is(&out.values, value, results, &what);
        assert!(out.gradient.is_some_and(|gradient| gradient.is_empty()), "{what}");
        // The sum of no derivatives.
        let of_weights = match weights {
            Weights::None => None,
            Weights::PerRow(weights) | Weights::PerColumn(weights) => {
                Some(vec![0.0; weights.len()])
            }
            Weights::PerElement(_) => Some(vec![]),
        };
        assert_eq!(out.weight_gradient, of_weights, "{what}");
    }
}
