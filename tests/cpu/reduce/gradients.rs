//! Gradients with respect to values and weights: literally in the corner cases, and the differences
//! they are the limits of.

use super::{close, every_weighting, grid};
use crate::ENGINES;
use wgpu_loss::{
    Axis, Denominator, Element, Engine, Logits, Mode, Reduce, ReduceOutput, Shape, Statistic,
    Upstream, Weights, cpu,
};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// Both gradients of values that make up one result, in every way that gives each a weight.
fn every_way(
    engine: &dyn Engine,
    x: &[f32],
    w: &[f32],
    options: &Reduce,
    mut check: impl FnMut(&str, &[f32], &[f32]),
) {
    let count = x.len();
    let factor = Upstream::Scalar(2.0);
    let row = Logits::new(x, 1, count).unwrap();
    let column = Logits::new(x, count, 1).unwrap();
    let of_row = Weights::PerElement(Logits::new(w, 1, count).unwrap());
    let of_column = Weights::PerElement(Logits::new(w, count, 1).unwrap());
    let ways = [
        ("columns of a row", row, Weights::PerColumn(w), Axis::EachRow),
        ("columns of all", row, Weights::PerColumn(w), Axis::All),
        ("elements of a row", row, of_row, Axis::EachRow),
        ("elements of all", row, of_row, Axis::All),
        ("rows of a column", column, Weights::PerRow(w), Axis::EachColumn),
        ("rows of all", column, Weights::PerRow(w), Axis::All),
        ("elements of a column", column, of_column, Axis::EachColumn),
    ];
    for (way, values, weights, axis) in ways {
        let options = Reduce { axis, weight_gradient: true, ..*options };
        let out = engine.reduce_with_gradient(values, weights, factor, &options).unwrap();
        let gradient = out.gradient.unwrap().into_f32();
        check(way, &gradient, &out.weight_gradient.unwrap());
    }
}

struct Corner {
    x: &'static [f32],
    w: &'static [f32],
    /// With respect to the values and to the weights, of an upstream gradient of 2.
    strict: [&'static [f32]; 2],
    masked: [&'static [f32]; 2],
}

fn check(statistic: Statistic, denominator: Denominator, corners: &[Corner]) {
    for Corner { x, w, strict, masked } in corners {
        for (mode, [of_values, of_weights]) in [(Mode::Strict, strict), (Mode::Masked, masked)] {
            let options = Reduce { mode, denominator, ..Reduce::new(statistic, Axis::All) };
            for engine in ENGINES {
                every_way(engine, x, w, &options, |way, found, found_of_weights| {
                    let all = [(found, *of_values), (found_of_weights, *of_weights)];
                    for (found, expected) in all {
                        let same = found.iter().zip(expected).all(|(&a, &b)| close(a, b));
                        assert!(
                            same && found.len() == expected.len(),
                            "{}, {way} of {x:?}, {w:?}, {options:?}: {found:?}, expected {expected:?}",
                            engine.name(),
                        );
                    }
                });
            }
        }
    }
}

/// The same in both modes.
const fn both(
    x: &'static [f32],
    w: &'static [f32],
    of_values: &'static [f32],
    of_weights: &'static [f32],
) -> Corner {
    Corner { x, w, strict: [of_values, of_weights], masked: [of_values, of_weights] }
}

#[test]
fn of_sums() {
    let corners = [
        both(&[3.0, -1.0], &[0.5, 0.0], &[1.0, 0.0], &[6.0, -2.0]),
        both(&[3.0, -1.0], &[-0.5, 4.0], &[-1.0, 8.0], &[6.0, -2.0]),
        both(&[INF, 1.0], &[3.0, 2.0], &[6.0, 4.0], &[INF, 2.0]),
        both(&[NAN, 1.0], &[3.0, 2.0], &[6.0, 4.0], &[NAN, 2.0]),
        both(&[2.0, 1.0], &[INF, -INF], &[INF, -INF], &[4.0, 2.0]),
        both(&[2.0, 1.0], &[NAN, 1.0], &[NAN, 2.0], &[4.0, 2.0]),
        Corner {
            x: &[INF, -INF, NAN, 1.0],
            w: &[0.0, -0.0, 0.0, 2.0],
            strict: [&[0.0, 0.0, 0.0, 4.0], &[INF, -INF, NAN, 2.0]],
            masked: [&[0.0, 0.0, 0.0, 4.0], &[0.0, 0.0, 0.0, 2.0]],
        },
    ];
    for denominator in [Denominator::Weights, Denominator::NonzeroWeights] {
        check(Statistic::Sum, denominator, &corners);
    }
}

#[test]
fn of_means() {
    let corners = [
        both(&[2.0, -3.0], &[1.0, 3.0], &[0.5, 1.5], &[1.875, -0.625]),
        both(&[2.0, -3.0], &[1.0, 0.0], &[2.0, 0.0], &[0.0, -10.0]),
        both(&[2.0, -3.0], &[1.0, -1.0], &[NAN, NAN], &[NAN, NAN]),
        both(&[INF, 2.0], &[1.0, 1.0], &[1.0, 1.0], &[NAN, NAN]),
        both(&[NAN, 2.0], &[1.0, 1.0], &[1.0, 1.0], &[NAN, NAN]),
        both(&[2.0, 1.0], &[NAN, 1.0], &[NAN, NAN], &[NAN, NAN]),
        both(&[2.0, 1.0], &[INF, 1.0], &[NAN, 0.0], &[NAN, NAN]),
        Corner {
            x: &[2.0, -3.0],
            w: &[0.0, 0.0],
            strict: [&[NAN, NAN], &[NAN, NAN]],
            masked: [&[0.0, 0.0], &[0.0, 0.0]],
        },
        Corner {
            x: &[2.0, -3.0, 5.0],
            w: &[1.0, -1.0, 0.0],
            strict: [&[NAN; 3], &[NAN; 3]],
            masked: [&[NAN, NAN, 0.0], &[NAN, NAN, 0.0]],
        },
        Corner {
            x: &[INF, NAN, 2.0, 4.0],
            w: &[0.0, 0.0, 1.0, 1.0],
            strict: [&[0.0, 0.0, 1.0, 1.0], &[NAN; 4]],
            masked: [&[0.0, 0.0, 1.0, 1.0], &[0.0, 0.0, -1.0, 1.0]],
        },
        Corner {
            x: &[1.0, INF, 2.0],
            w: &[0.0, 0.0, NAN],
            strict: [&[NAN; 3], &[NAN; 3]],
            masked: [&[NAN; 3], &[NAN, 0.0, NAN]],
        },
    ];
    check(Statistic::Mean, Denominator::Weights, &corners);
}

/// The number of weights is a constant.
#[test]
fn of_means_by_number() {
    let corners = [
        both(&[2.0, -3.0], &[1.0, 3.0], &[1.0, 3.0], &[2.0, -3.0]),
        both(&[2.0, -3.0], &[1.0, 0.0], &[2.0, 0.0], &[4.0, -6.0]),
        both(&[2.0, -3.0], &[1.0, -1.0], &[1.0, -1.0], &[2.0, -3.0]),
        both(&[INF, 2.0], &[1.0, 1.0], &[1.0, 1.0], &[INF, 2.0]),
        both(&[2.0, 1.0], &[NAN, 1.0], &[NAN, 1.0], &[2.0, 1.0]),
        Corner {
            x: &[2.0, INF],
            w: &[0.0, 0.0],
            strict: [&[NAN, NAN], &[NAN, NAN]],
            masked: [&[0.0, 0.0], &[0.0, 0.0]],
        },
        Corner {
            x: &[INF, NAN, 2.0],
            w: &[0.0, 0.0, 1.0],
            strict: [&[0.0, 0.0, 2.0], &[INF, NAN, 4.0]],
            masked: [&[0.0, 0.0, 2.0], &[0.0, 0.0, 4.0]],
        },
    ];
    check(Statistic::Mean, Denominator::NonzeroWeights, &corners);
}

#[test]
fn of_log_sum_exps() {
    // 2 e^5
    const ABOVE: f32 = 296.826_32;
    let corners = [
        both(&[0.0, 0.0], &[1.0, 1.0], &[1.0, 1.0], &[1.0, 1.0]),
        both(&[0.0, 0.0], &[1.0, -3.0], &[-1.0, 3.0], &[-1.0, -1.0]),
        both(&[0.0, 5.0], &[1.0, 0.0], &[2.0, 0.0], &[2.0, ABOVE]),
        both(
            &[0.0, INF, -INF, NAN],
            &[1.0, 0.0, 0.0, 0.0],
            &[2.0, 0.0, 0.0, 0.0],
            &[2.0, 0.0, 0.0, 0.0],
        ),
        both(&[0.0, -INF], &[1.0, 5.0], &[2.0, 0.0], &[2.0, 0.0]),
        both(&[NAN, 1.0, INF], &[1.0, 0.0, 0.0], &[NAN, 0.0, 0.0], &[NAN; 3]),
        both(&[3.0, 3.0, 3.0], &[1.0, -1.0, 0.0], &[NAN, NAN, 0.0], &[NAN; 3]),
        both(&[-INF, -INF], &[1.0, 2.0], &[NAN, NAN], &[NAN, NAN]),
        both(&[3.0, INF], &[0.0, 0.0], &[0.0, 0.0], &[NAN, NAN]),
        both(&[INF, 1.0], &[1.0, 1.0], &[NAN, 0.0], &[NAN, 0.0]),
        both(
            &[INF, 1.0, 2.0, INF],
            &[-1.0, 1.0, 0.0, 0.0],
            &[NAN, 0.0, 0.0, 0.0],
            &[NAN, 0.0, 0.0, 0.0],
        ),
        both(&[1.0, 2.0], &[INF, 1.0], &[NAN, 0.0], &[0.0, 0.0]),
        both(&[1.0, 2.0], &[NAN, 1.0], &[NAN, NAN], &[NAN, NAN]),
        both(&[1.0, 2.0], &[INF, -INF], &[NAN, NAN], &[NAN, NAN]),
    ];
    check(Statistic::LogSumExp, Denominator::Weights, &corners);
}

/// `sum_i g_i y_i` of the results.
fn total(out: &ReduceOutput<f64, Vec<f64>>, factors: &[f32]) -> f64 {
    out.values.iter().zip(factors).map(|(value, &factor)| value * f64::from(factor)).sum()
}

/// The oracle's own gradients are those of its own results.
#[test]
fn are_limits_of_differences() {
    const STEP: f32 = 1.0 / 4096.0;
    let statistics = [
        (Statistic::Sum, Denominator::Weights),
        (Statistic::Mean, Denominator::Weights),
        (Statistic::Mean, Denominator::NonzeroWeights),
        (Statistic::LogSumExp, Denominator::Weights),
    ];
    for shape in [Shape::new(3, 4), Shape::with_class_axis(2, 3, 2), Shape::new(1, 1)] {
        let elements = shape.rows * shape.classes;
        let x = grid(elements, 1);
        let weights = grid(elements, 2).iter().map(|w| w.abs() + 0.5).collect::<Vec<f32>>();
        for (statistic, denominator) in statistics {
            for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
                for weighting in every_weighting() {
                    let options = Reduce { denominator, ..Reduce::new(statistic, axis) };
                    let options = Reduce { weight_gradient: weighting.is_weighted(), ..options };
                    let count = match axis {
                        Axis::EachRow => shape.rows,
                        Axis::EachColumn => shape.classes,
                        Axis::All => 1,
                    };
                    let factors = grid(count, 3);
                    let w = &weights[..weighting.count(shape)];
                    let run = |x: &[f32], w: &[f32], upstream: Option<Upstream<'_>>| {
                        let x = Logits::from_values(x.into(), shape).unwrap();
                        let options = Reduce {
                            weight_gradient: options.weight_gradient && upstream.is_some(),
                            ..options
                        };
                        let weights = weighting.view(w, shape);
                        cpu::Oracle.reduce_f64(x, weights, upstream, &options).unwrap()
                    };
                    let exact = run(&x, w, Some(Upstream::PerRow(&factors)));
                    let slope = |of_weights: bool, index: usize| {
                        let at = |step: f32| {
                            let (mut x, mut w) = (x.clone(), w.to_vec());
                            let changed = if of_weights { &mut w } else { &mut x };
                            changed[index] += step;
                            total(&run(&x, &w, None), &factors)
                        };
                        (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP)
                    };
                    let mut found = vec![(false, exact.gradient.unwrap())];
                    found.extend(exact.weight_gradient.map(|gradient| (true, gradient)));
                    for (of_weights, gradient) in found {
                        assert_eq!(gradient.len(), if of_weights { w.len() } else { elements });
                        for (index, found) in gradient.into_iter().enumerate() {
                            let expected = slope(of_weights, index);
                            let near = (found - expected).abs() < 1e-6 * (1.0 + expected.abs());
                            assert!(
                                near,
                                "{shape:?} {options:?} {weighting:?}, {of_weights} {index}: \
                                 {found}, expected {expected}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// A gradient of another type is the rounded one.
#[test]
fn of_any_element_type() {
    let x = grid(60, 4);
    let values = Logits::new(&x, 5, 12).unwrap();
    for engine in ENGINES {
        for statistic in [Statistic::Sum, Statistic::Mean, Statistic::LogSumExp] {
            for element in Element::ALL {
                let w = grid(12, 5);
                let run = |gradient_element| {
                    let options = Reduce { gradient_element, ..Reduce::new(statistic, Axis::All) };
                    let weights = Weights::PerColumn(&w);
                    let upstream = Upstream::Scalar(-0.75);
                    let out = engine.reduce_with_gradient(values, weights, upstream, &options);
                    out.unwrap().gradient.unwrap()
                };
                let rounded = wgpu_loss::OwnedValues::from_f32(run(None).into_f32(), element);
                assert_eq!(run(Some(element)), rounded, "{statistic:?}");
            }
        }
    }
}
