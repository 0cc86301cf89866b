//! Row strides and the class axis in the middle: the same results as contiguous rows.

use crate::{ENGINES, Noise, logits, options, probability_options, stored};
use wgpu_loss::partial::ClassRange;
use wgpu_loss::{
    CrossEntropy, Element, Engine, LogSumExp, Logits, OwnedValues, Reduction, Shape, Softmax,
    Targets, Upstream,
};

/// `(outer, C, inner)` with gaps of NaN between blocks, from contiguous rows.
fn in_the_middle(rows: &[f32], shape: Shape) -> Vec<f32> {
    let mut values = vec![f32::NAN; shape.extent().expect("a small shape")];
    for (row, of_row) in rows.chunks(shape.classes).enumerate() {
        for (class, &value) in of_row.iter().enumerate() {
            values[shape.start_of(row) + class * shape.inner] = value;
        }
    }
    values
}

/// The rows of contiguous results, one after the other.
fn back(values: &OwnedValues, shape: Shape) -> Vec<f32> {
    let shape = shape.contiguous();
    let logits = Logits::from_values(values.values(), shape).unwrap();
    (0..shape.rows).flat_map(|row| logits.row(row)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Everything that has a value for each logit, as rows; and what has one for each row.
fn results(
    engine: &dyn Engine,
    logits: Logits<'_>,
    others: Logits<'_>,
    options: &CrossEntropy,
) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let shape = logits.shape();
    let (mut of_logits, mut of_rows) = (vec![], vec![]);
    let factors: Vec<f32> = (0..shape.rows).map(|row| 0.5 + row as f32).collect();
    let classes: Vec<u8> = (0..shape.rows).map(|row| (row * 3 % shape.classes) as u8).collect();
    let row_weights: Vec<f32> = (0..shape.rows).map(|row| 1.0 + (row % 3) as f32).collect();
    let upstream = Upstream::PerRow(&factors);
    let of_classes = Targets::classes(&classes).with_row_weights(&row_weights);
    let of_probabilities = Targets::probabilities(others);
    for targets in [of_classes, of_probabilities] {
        let out = engine.cross_entropy_with_gradient(logits, targets, upstream, options).unwrap();
        of_logits.push(bits(&back(&out.gradient.unwrap(), shape)));
        of_rows.push(bits(&out.loss_rows.unwrap()));
        of_rows.push(bits(&out.log_sum_exp.unwrap()));
        of_rows.push(bits(&out.entropy.unwrap()));
        of_rows.push(out.argmax.unwrap());
        let range = ClassRange { first: 0, total: shape.classes };
        let states = engine.partial_states(logits, range, targets, options).unwrap();
        let gradient =
            engine.partial_gradient(logits, range, &states, targets, upstream, options).unwrap();
        of_logits.push(bits(&back(&gradient, shape)));
        of_rows.push(states.iter().flat_map(|state| bits(&[state.distance, state.rest])).collect());
    }
    let out = engine.log_sum_exp_with_gradient(logits, upstream, &LogSumExp::default()).unwrap();
    of_logits.push(bits(&back(&out.gradient.unwrap(), shape)));
    of_rows.push(bits(&out.log_sum_exp));
    for log in [false, true] {
        let options = Softmax { log, element: None };
        of_logits.push(bits(&back(&engine.softmax(logits, &options).unwrap(), shape)));
        let gradient = engine.softmax_gradient(logits, others, &options).unwrap();
        of_logits.push(bits(&back(&gradient, shape)));
    }
    (of_logits, of_rows)
}

/// To the bit: a row's result depends on that row alone, wherever it lies.
#[test]
fn a_class_axis_in_the_middle_is_a_permutation() {
    for (outer, classes, inner, gap) in [
        (1, 3, 2, 0),
        (2, 5, 3, 7),
        (3, 1, 4, 1),
        (1, 7, 100, 0),
        (2, 250, 70, 3),
        (40, 12, 40, 0),
        (5, 9, 1, 2),
    ] {
        let shape = Shape::with_class_axis(outer, classes, inner);
        let shape = shape.with_row_stride(classes * inner + gap);
        let mut noise = Noise(outer as u64);
        let rows = noise.floats(shape.rows * classes, -5.0, 5.0);
        let other_rows = noise.floats(shape.rows * classes, 0.0, 1.0);
        for element in Element::ALL {
            let (rows, other_rows) = (stored(&rows, element), stored(&other_rows, element));
            let contiguous = Shape::new(shape.rows, classes);
            let of_rows = Logits::from_values(rows.values(), contiguous).unwrap();
            let of_others = Logits::from_values(other_rows.values(), contiguous).unwrap();
            let moved = stored(&in_the_middle(&rows.clone().into_f32(), shape), element);
            let others_shape = shape.with_row_stride(classes * inner + 2 * gap);
            let others = in_the_middle(&other_rows.clone().into_f32(), others_shape);
            let moved_others = stored(&others, element);
            let middle = Logits::from_values(moved.values(), shape).unwrap();
            let others = Logits::from_values(moved_others.values(), others_shape).unwrap();
            for softcap in [None, Some(3.0)] {
                let options =
                    CrossEntropy { softcap, z_loss: 0.1, ..probability_options(Reduction::None) };
                for engine in ENGINES {
                    let expected = results(engine, of_rows, of_others, &options);
                    assert!(results(engine, middle, others, &options) == expected, "{shape:?}");
                }
            }
        }
    }
}

/// Plain class targets take another way through `Fast`.
#[test]
fn plain_targets_with_a_class_axis_in_the_middle() {
    let shape = Shape::with_class_axis(2, 6, 9);
    let rows = Noise(4).floats(shape.rows * 6, -5.0, 5.0);
    let moved = in_the_middle(&rows, shape);
    let targets: Vec<i32> = (0..18).map(|row| if row % 5 == 4 { -100 } else { row % 6 }).collect();
    let targets = Targets::classes(&targets);
    for engine in ENGINES {
        let options = options(Reduction::Mean);
        let upstream = Upstream::default();
        let middle = Logits::with_class_axis(&moved, 2, 6, 9).unwrap();
        let expected = engine
            .cross_entropy_with_gradient(logits(&rows, 6), targets, upstream, &options)
            .unwrap();
        let found =
            engine.cross_entropy_with_gradient(middle, targets, upstream, &options).unwrap();
        assert_eq!(found.loss.to_bits(), expected.loss.to_bits());
        let gradient = back(&found.gradient.unwrap(), shape);
        assert_eq!(gradient, expected.gradient.unwrap().into_f32());
    }
}

#[test]
fn gaps_are_not_read() {
    let contiguous = [1.5, -0.5, 0.25, 0.0, 2.0, -1.0];
    let gapped = [1.5, -0.5, 0.25, f32::NAN, f32::INFINITY, 0.0, 2.0, -1.0];
    let targets = Targets::classes(&[2, 0]);
    for engine in ENGINES {
        let all = options(Reduction::Mean);
        let upstream = Upstream::Scalar(3.0);
        let with_gaps = Logits::with_row_stride(&gapped, 2, 3, 5).unwrap();
        let expected = engine
            .cross_entropy_with_gradient(logits(&contiguous, 3), targets, upstream, &all)
            .unwrap();
        let found = engine.cross_entropy_with_gradient(with_gaps, targets, upstream, &all).unwrap();
        assert_eq!(found, expected);
        let options = LogSumExp::default();
        let expected =
            engine.log_sum_exp_with_gradient(logits(&contiguous, 3), upstream, &options).unwrap();
        let found = engine.log_sum_exp_with_gradient(with_gaps, upstream, &options).unwrap();
        assert_eq!(found, expected);
    }
}
