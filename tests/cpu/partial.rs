//! States of parts of the classes: merged, they give what the whole rows do.

use crate::{ENGINES, Noise, REDUCTIONS, options, probability_options};
use wgpu_loss::partial::{ClassRange, PartialState, merge};
use wgpu_loss::{
    CrossEntropy, Engine, Logits, Reduction, RowOutputs, Shape, TargetValues, Targets, Upstream,
};

/// Columns of `(outer, classes, inner)` values, contiguous.
fn columns(whole: Logits<'_>, range: std::ops::Range<usize>) -> (Vec<f32>, Shape) {
    let Shape { rows, inner, .. } = whole.shape();
    let shape = Shape::with_class_axis(rows / inner, range.len(), inner);
    let mut values = vec![0.0; rows * range.len()];
    for row in 0..rows {
        for (column, value) in whole.row(row)[range.clone()].iter().enumerate() {
            values[shape.start_of(row) + column * inner] = *value;
        }
    }
    (values, shape)
}

/// Boundaries of one to four parts.
fn random_parts(noise: &mut Noise, classes: usize) -> Vec<std::ops::Range<usize>> {
    let parts = 1 + noise.below(4.min(classes));
    let mut cuts = vec![0, classes];
    while cuts.len() < parts + 1 {
        let cut = 1 + noise.below(classes - 1);
        if !cuts.contains(&cut) {
            cuts.push(cut);
        }
    }
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Distance in units of `scale`; special values have to be the same.
#[track_caller]
fn assert_near(found: f32, expected: f32, scale: f32) {
    let same = found == expected || (found.is_nan() && expected.is_nan());
    let near = (found - expected).abs() <= 2e-6 * (scale + expected.abs());
    assert!(same || near, "{found:e}, expected {expected:e}");
}

/// Every option but the target's rank, which parts do not know.
fn options_of_parts(reduction: Reduction) -> CrossEntropy {
    let all = options(reduction);
    CrossEntropy { rows: RowOutputs { target_rank: false, ..all.rows }, ..all }
}

#[track_caller]
fn assert_rows_near(found: Option<Vec<f32>>, expected: Option<Vec<f32>>, scale: f32) {
    assert_eq!(found.is_some(), expected.is_some());
    for (found, expected) in found.into_iter().flatten().zip(expected.into_iter().flatten()) {
        assert_near(found, expected, scale);
    }
}

fn check(
    engine: &dyn Engine,
    noise: &mut Noise,
    whole: Logits<'_>,
    targets: Targets<'_>,
    options: &CrossEntropy,
) {
    let total = whole.classes();
    let parts = random_parts(noise, total);
    let upstream = Upstream::Scalar(0.75);
    let slices: Vec<_> = parts.iter().map(|range| columns(whole, range.clone())).collect();
    let of_probabilities: Vec<_> = parts
        .iter()
        .map(|range| match targets.values {
            TargetValues::Probabilities(probabilities) => {
                Some(columns(probabilities, range.clone()))
            }
            TargetValues::Classes(_) => None,
        })
        .collect();
    let of_part = |part: usize| {
        let (values, shape) = &slices[part];
        let logits = Logits::from_values(values.as_slice().into(), *shape).unwrap();
        let values = match &of_probabilities[part] {
            None => targets.values,
            Some((values, shape)) => TargetValues::Probabilities(
                Logits::from_values(values.as_slice().into(), *shape).unwrap(),
            ),
        };
        let classes = ClassRange { first: parts[part].start, total };
        (logits, classes, Targets { values, ..targets })
    };
    let states: Vec<Vec<PartialState>> = (0..parts.len())
        .map(|part| {
            let (logits, classes, targets) = of_part(part);
            engine.partial_states(logits, classes, targets, options).unwrap()
        })
        .collect();
    let merged = merge(&states.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    let found = engine.cross_entropy_of_states(&merged, total, targets, options).unwrap();
    let expected = engine.cross_entropy_with_gradient(whole, targets, upstream, options).unwrap();

    assert_near(found.loss, expected.loss, 1.0);
    assert_near(found.z_loss, expected.z_loss, 1.0);
    assert_eq!(found.denominator, expected.denominator);
    assert_eq!((found.counted, found.correct), (expected.counted, expected.correct));
    assert_eq!(found.argmax, expected.argmax);
    assert_rows_near(found.loss_rows, expected.loss_rows, 1.0);
    assert_rows_near(found.log_sum_exp, expected.log_sum_exp, 1.0);
    assert_rows_near(found.target_log_probability, expected.target_log_probability, 1.0);
    assert_rows_near(found.entropy, expected.entropy, 1.0);
    assert_rows_near(found.z_loss_rows, expected.z_loss_rows, 1.0);
    assert_eq!(found.gradient, None);

    let gradient = expected.gradient.unwrap();
    let gradient = Logits::from_values(gradient.values(), whole.shape().contiguous()).unwrap();
    for (part, range) in parts.iter().enumerate() {
        let (logits, classes, targets) = of_part(part);
        let found = engine
            .partial_gradient(logits, classes, &merged, targets, upstream, options)
            .unwrap()
            .into_f32();
        let (expected, _) = columns(gradient, range.clone());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            assert_near(found, expected, 4.0);
        }
    }
}

fn random_options(noise: &mut Noise, base: CrossEntropy) -> CrossEntropy {
    let mut flip = || noise.below(2) == 0;
    CrossEntropy {
        label_smoothing: if flip() { 0.2 } else { 0.0 },
        z_loss: if flip() { 0.01 } else { 0.0 },
        logit_scale: if flip() { -0.5 } else { 1.0 },
        softcap: flip().then_some(5.0),
        mode: if flip() { wgpu_loss::Mode::Masked } else { wgpu_loss::Mode::Strict },
        ..base
    }
}

#[test]
fn random_parts_give_what_the_whole_gives() {
    let mut noise = Noise(21);
    for round in 0..120 {
        let (outer, inner) = (1 + noise.below(3), 1 + noise.below(3));
        let classes = 1 + noise.below(if round % 10 == 0 { 700 } else { 12 });
        let rows = outer * inner;
        let mut values = noise.floats(rows * classes, -5.0, 5.0);
        if round % 3 == 0 {
            for _ in 0..rows {
                let special = [f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::NAN];
                let at = noise.below(values.len());
                values[at] = special[noise.below(4)];
            }
        }
        let targets: Vec<i64> = (0..rows)
            .map(|_| if noise.below(5) == 0 { -100 } else { noise.below(classes) as i64 })
            .collect();
        let probabilities = noise.floats(rows * classes, 0.0, 1.0);
        let class_weights: Vec<f32> = (0..classes).map(|_| noise.below(4) as f32).collect();
        let row_weights: Vec<f32> = (0..rows).map(|_| noise.below(3) as f32).collect();
        let whole = Logits::with_class_axis(&values, outer, classes, inner).unwrap();
        let probabilities = Logits::with_class_axis(&probabilities, outer, classes, inner).unwrap();
        for engine in ENGINES {
            for reduction in REDUCTIONS {
                let options = random_options(&mut noise, options_of_parts(reduction));
                let of_classes = Targets::classes(&targets);
                let weighted =
                    of_classes.with_class_weights(&class_weights).with_row_weights(&row_weights);
                for targets in [of_classes, weighted] {
                    check(engine, &mut noise, whole, targets, &options);
                }
                let options = random_options(&mut noise, probability_options(reduction));
                let targets = Targets::probabilities(probabilities);
                let weighted =
                    targets.with_class_weights(&class_weights).with_row_weights(&row_weights);
                for targets in [targets, weighted] {
                    check(engine, &mut noise, whole, targets, &options);
                }
            }
        }
    }
}

/// However parts are put together, the result is the same but for rounding.
#[test]
fn merging_is_associative() {
    let mut noise = Noise(22);
    for _ in 0..200 {
        let values = noise.floats(9, -20.0, 20.0);
        let class_weights = noise.floats(9, -1.0, 2.0);
        let target = [noise.below(9) as i32];
        let targets = Targets::classes(&target).with_class_weights(&class_weights);
        let options = CrossEntropy { label_smoothing: 0.3, ..options_of_parts(Reduction::Sum) };
        for engine in ENGINES {
            let [a, b, c] = [0, 3, 6].map(|first| {
                let logits = Logits::new(&values[first..first + 3], 1, 3).unwrap();
                let classes = ClassRange { first, total: 9 };
                engine.partial_states(logits, classes, targets, &options).unwrap()[0]
            });
            let (left, right) = (a.merge(b).merge(c), a.merge(b.merge(c)));
            assert_eq!(left.maximum, right.maximum);
            assert_eq!((left.argmax, left.flags), (right.argmax, right.flags));
            assert_eq!(left.target_logit, right.target_logit);
            assert_near(left.rest, right.rest, 0.0);
            assert_near(left.weight, right.weight, 2.0);
            assert_near(left.distance, right.distance, 40.0);
            assert_near(left.spread, right.spread, 0.0);
        }
    }
}

/// The engines agree on every field of a state.
#[test]
fn states_are_those_of_the_oracle() {
    let inf = f32::INFINITY;
    let rows = [
        [1.0, 2.0, 3.0],
        [-inf, 2.0, 3.0],
        [-inf; 3],
        [1.0, inf, 3.0],
        [1.0, inf, f32::NAN],
        [-inf, f32::NAN, -inf],
        [5.0, 5.0, 5.0],
        [f32::MIN, f32::MAX, 0.0],
    ];
    let values = rows.concat();
    let logits = Logits::new(&values, rows.len(), 3).unwrap();
    let class_weights = [1.0, 0.0, 2.0, -1.0, 0.5, 1.0];
    let classes = ClassRange { first: 2, total: 6 };
    let targets = [0, 2, 3, 4, -100, 3, 4, 2];
    let plain = Targets::classes(&targets);
    for targets in [plain, plain.with_class_weights(&class_weights)] {
        for label_smoothing in [0.0, 0.25] {
            for mode in [wgpu_loss::Mode::Strict, wgpu_loss::Mode::Masked] {
                let options =
                    CrossEntropy { label_smoothing, mode, ..options_of_parts(Reduction::Sum) };
                let [exact, fast] = ENGINES.map(|engine| {
                    engine.partial_states(logits, classes, targets, &options).unwrap()
                });
                for (exact, fast) in exact.iter().zip(&fast) {
                    assert_eq!(exact.flags, fast.flags);
                    assert_eq!((exact.maximum, exact.argmax), (fast.maximum, fast.argmax));
                    assert_eq!(exact.target_logit.to_bits(), fast.target_logit.to_bits());
                    assert_near(fast.rest, exact.rest, 0.0);
                    assert_near(fast.weight, exact.weight, 0.0);
                    assert_near(fast.distance, exact.distance, 0.0);
                    assert_near(fast.spread, exact.spread, 0.0);
                }
            }
        }
    }
}
