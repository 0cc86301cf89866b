//! Sums that leave single precision on their way, or that all but cancel, on the GPU: what comes of
//! them is what the oracle says.

#[path = "common/device.rs"]
mod device;

use std::sync::LazyLock;

use wgpu_loss::partial::{ClassRange, merge};
use wgpu_loss::{
    Axis, CrossEntropy, Elementwise, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream,
    Engine, Gpu, Logits, LossFunction, Reduce, ReduceOutput, Reduction, Segments, Statistic,
    Streaming, Targets, Upstream, Weights, cpu,
};

static GPU: LazyLock<Gpu> = LazyLock::new(device::new_gpu);

const VARIANCE: Statistic = Statistic::MeanAndVariance { correction: 0.0 };

/// A number that is as far from the expected one as its last digits, or the same special value.
#[track_caller]
fn assert_close(found: f32, expected: f64, size: f64, what: &str) {
    let rounded = expected as f32;
    let is_close = match rounded.is_finite() {
        true => (f64::from(found) - expected).abs() <= 5e-7 * size + 2e-38,
        false => found == rounded || (found.is_nan() && rounded.is_nan()),
    };
    assert!(is_close, "{what}: {found:e}, expected {expected:e}");
}

#[track_caller]
fn assert_all_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(0.0, |size: f64, it| size.max(it.abs()));
    for (&found, &expected) in found.iter().zip(expected) {
        assert_close(found, expected, size, what);
    }
}

#[track_caller]
fn assert_same(found: &ReduceOutput, expected: &ReduceOutput<f64, Vec<f64>>, what: &str) {
    assert_all_close(&found.values, &expected.values, what);
    for (name, found, expected) in [
        ("variance", &found.variance, &expected.variance),
        ("sign", &found.sign, &expected.sign),
        ("denominator", &found.denominator, &expected.denominator),
        ("weight gradient", &found.weight_gradient, &expected.weight_gradient),
    ] {
        assert_eq!(found.is_some(), expected.is_some(), "{what}: {name}");
        if let (Some(found), Some(expected)) = (found, expected) {
            assert_all_close(found, expected, &format!("{what}: {name}"));
        }
    }
    if let (Some(found), Some(expected)) = (&found.gradient, &expected.gradient) {
        assert_all_close(&found.clone().into_f32(), expected, &format!("{what}: gradient"));
    }
}

fn matrix(values: &[f32], rows: usize, columns: usize) -> Logits<'_> {
    Logits::new(&values[..rows * columns], rows, columns).expect("a matrix")
}

/// A reduction on every axis, of one row, a few and many, as far as they go into the values.
#[track_caller]
fn check(values: &[f32], weights: Option<&[f32]>, statistic: Statistic, what: &str) {
    let has_gradient = matches!(statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp);
    for rows in [1, 3, values.len()] {
        let columns = values.len() / rows;
        let logits = matrix(values, rows, columns);
        let weights =
            weights.map_or(Weights::None, |of| Weights::PerElement(matrix(of, rows, columns)));
        for axis in [Axis::All, Axis::EachRow, Axis::EachColumn] {
            let options = Reduce {
                weight_gradient: has_gradient && !matches!(weights, Weights::None),
                ..Reduce::new(statistic, axis)
            };
            let upstream = has_gradient.then_some(Upstream::Scalar(-2.5));
            let found = GPU.evaluate_reduce(logits, weights, upstream, &options);
            let expected = cpu::Oracle.reduce_f64(logits, weights, upstream, &options);
            let what = format!("{what}, {statistic:?}, {axis:?} of {rows} x {columns}");
            assert_same(&found.expect(&what), &expected.expect(&what), &what);
        }
    }
}

fn repeated(of: &[f32], count: usize) -> Vec<f32> {
    of.iter().copied().cycle().take(count).collect()
}

/// Short ones, and long ones of several parts.
const COUNTS: [usize; 2] = [9, 70_000];

#[test]
fn values_near_the_largest() {
    for count in COUNTS {
        let same = repeated(&[3e38], count);
        let both = repeated(&[3e38, 3e38, -3e38, -3e38, 1.0], count);
        for statistic in [Statistic::Sum, Statistic::Mean, VARIANCE] {
            check(&same, None, statistic, "the same");
            // Around a pivot, no more of a mean is known than 46 bits of its terms.
            if statistic != VARIANCE {
                check(&both, None, statistic, "of both signs");
            }
        }
        check(&repeated(&[f32::MAX], count), None, VARIANCE, "the largest");
        let weights = repeated(&[1.0, -1.0, 0.5], count);
        // What is left is no less than the digits that a sum keeps of its terms.
        let squared = repeated(&[3e19, 3e19, 1e17], count);
        check(&squared, Some(&weights), Statistic::SumOfSquares, "squares");
    }
}

#[test]
fn weights_near_the_largest_and_the_smallest() {
    for count in COUNTS {
        let values = repeated(&[1.0, 2.0, 3.0, 5.0], count);
        let small: Vec<f32> = values.iter().map(|x| x * 1e-19).collect();
        for weight in [1e38, 3e38, 1e-25] {
            let weights = repeated(&[weight, 0.5 * weight, weight], count);
            for statistic in [Statistic::Mean, VARIANCE] {
                check(&values, Some(&weights), statistic, "values");
            }
            if weight < 1.0 {
                check(&small, Some(&weights), VARIANCE, "small values");
            } else {
                let large: Vec<f32> = values.iter().map(|x| x * 3e37).collect();
                check(&large, Some(&weights), Statistic::Mean, "large values");
            }
        }
    }
}

/// What comes first weighs nothing, or is nowhere near the rest, so that distances from it cancel.
#[test]
fn variances_of_values_far_from_the_first() {
    let noise = |at: usize| (at as u32).wrapping_mul(0x9e37_79b9) as f32 / (1u64 << 32) as f32;
    for count in [5, 9, 300, 4097, 20_000] {
        let weights: Vec<_> = (0..count).map(|at| if at < 4 { 0.0 } else { noise(at) }).collect();
        let faint: Vec<_> = (0..count).map(|at| if at < 4 { 1e-6 } else { noise(at) }).collect();
        for offset in [0.0, 10.0, 1e4, -1e6] {
            let together: Vec<_> = (0..count).map(|at| offset + 8.0 * noise(7 * at)).collect();
            let apart: Vec<_> = (0..count)
                .map(|at| if at < 4 { 0.125 * noise(at) } else { together[at] })
                .collect();
            let what = format!("{count} values around {offset}");
            check(
                &together,
                Some(&weights),
                VARIANCE,
                &format!("{what}, the first without weight"),
            );
            check(&apart, Some(&weights), VARIANCE, &format!("{what}, the first elsewhere"));
            // Sums have 48 bits: so many digits are not left of distances 10 000 times the deviation.
            if offset.abs() <= 10.0 {
                let what = format!("{what}, the first faint and elsewhere");
                check(&apart, Some(&faint), VARIANCE, &what);
            }
            check(&apart, None, VARIANCE, &format!("{what}, the first elsewhere, no weights"));
        }
    }
    // One value that has a weight, among others that have none: there is nothing around its mean.
    let values = [37.230_904, 1.540_787, 2.0, -3.0, 5.0, 7.5];
    let weights = [0.0, 1.25, 0.0, 0.0, 0.0, 0.0];
    for values in [values, values.map(|value| value * 1e5)] {
        let options = Reduce::new(Statistic::MeanAndVariance { correction: 1.0 }, Axis::EachRow);
        let weights = Weights::PerElement(matrix(&weights, 1, 6));
        let found = GPU.reduce(matrix(&values, 1, 6), weights, &options).expect("a variance");
        assert_eq!(found.values, [values[1]]);
        assert_eq!(found.variance, Some(vec![0.0]), "{values:?}");
    }
}

#[test]
fn exponentials_that_cancel() {
    for count in COUNTS {
        let orders: [&[f32]; 3] = [&[1.0, -1.0, 1e-7], &[1.0, 1e-7, -1.0], &[1e-7, 0.75, -0.75]];
        for order in orders {
            // Whole periods, so that none is left of the others.
            let weights = repeated(order, count / 9 * 9);
            check(&repeated(&[0.0], weights.len()), Some(&weights), Statistic::LogSumExp, "0");
            check(&repeated(&[-7.3], weights.len()), Some(&weights), Statistic::LogSumExp, "-7.3");
        }
        let large = repeated(&[3e38, 1e38, 2e38], count / 3 * 3);
        let values = repeated(&[0.1234567, -3.0, 1.5], large.len());
        check(&values, Some(&large), Statistic::LogSumExp, "large weights");
    }
}

#[test]
fn segments_near_the_largest() {
    let rows = 9000;
    let values = repeated(&[3e38, 3e38, -3e38, -3e38, 2e38], rows);
    let weights = repeated(&[2e38, 3e38, 1e38], rows);
    let logits = Logits::new(&values, rows, 1).expect("a column");
    let offsets = [0, 4, 4, 9, 4000, 8999, 9000];
    for statistic in [Statistic::Sum, Statistic::Mean, VARIANCE] {
        for weights in [Weights::None, Weights::PerRow(&weights)] {
            let options = Reduce::new(statistic, Axis::EachColumn);
            let segments = Segments::Offsets(&offsets);
            let found = GPU.reduce_segments(logits, segments, weights, &options);
            let expected = cpu::Oracle.reduce_segments_f64(logits, segments, weights, &options);
            let what = format!("{statistic:?}, {weights:?}").chars().take(60).collect::<String>();
            assert_same(&found.expect(&what), &expected.expect(&what), &what);
        }
    }
}

/// Partial results that are put together on the host's way have what they need of their size.
#[test]
fn pieces_have_the_bits_of_the_whole() {
    let values = repeated(&[3e38, 3e38, -3e38, -2.5e38, 1.0], 300_000);
    let weights = repeated(&[2e38, 3e38, 1e38], 300_000);
    let streaming = Streaming { device_bytes: 1 << 19, submission_bytes: 1 << 16 };
    let piecewise = GPU.with_streaming(streaming);
    for statistic in [Statistic::Sum, Statistic::Mean, VARIANCE, Statistic::LogSumExp] {
        for columns in [1, 3] {
            let logits = Logits::new(&values, values.len() / columns, columns).expect("a matrix");
            let of_elements = Logits::new(&weights, weights.len() / columns, columns);
            let of_elements = of_elements.expect("a matrix");
            for weights in [Weights::None, Weights::PerElement(of_elements)] {
                let options = Reduce::new(statistic, Axis::All);
                let call = |gpu: &Gpu| gpu.reduce(logits, weights, &options).expect("a reduction");
                let (whole, pieces) = (call(&GPU), call(&piecewise));
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let what = format!("{statistic:?} of {columns} columns");
                assert_eq!(bits(&whole.values), bits(&pieces.values), "{what}");
                assert_eq!(whole.denominator, pieces.denominator, "{what}");
                let exact = cpu::Oracle.reduce_f64(logits, weights, None, &options);
                assert_all_close(&whole.values, &exact.expect("a reduction").values, &what);
            }
        }
    }
}

#[test]
fn cross_entropy_by_weights_near_the_largest() {
    let logits = [0.5, -1.0, 0.25, 0.0, 0.75, 0.5, 1.5, 1.0, 1.25, -0.5, 0.0, 0.125];
    let logits = Logits::new(&logits, 4, 3).expect("a matrix");
    let targets = [0, 2, 1, 2];
    for weight in [1.0, 1e38, 2e38] {
        let class_weights = [weight, 0.5 * weight, 0.75 * weight];
        let row_weights = [weight, weight, 0.5 * weight, weight];
        let plain = Targets::classes(&targets);
        for (targets, is_large) in [
            (plain.with_class_weights(&class_weights), true),
            (plain.with_row_weights(&row_weights), true),
            (plain, false),
        ] {
            for (label_smoothing, z_loss) in [(0.0, 0.0), (0.25, 0.0), (0.0, 1e-2)] {
                let options = CrossEntropy { label_smoothing, z_loss, ..CrossEntropy::default() };
                let upstream = Upstream::Scalar(-2.5);
                let found = GPU.cross_entropy_with_gradient(logits, targets, upstream, &options);
                let found = found.expect("a loss");
                let exact =
                    cpu::Oracle.cross_entropy_f64(logits, targets, Some(upstream), &options);
                let exact = exact.expect("a loss");
                let what = format!("{weight:e} {is_large} {label_smoothing} {z_loss}");
                assert_close(found.loss, exact.loss, exact.loss, &what);
                assert_close(found.z_loss, exact.z_loss, exact.z_loss, &what);
                assert_close(found.denominator, exact.denominator, exact.denominator, &what);
                let gradient = found.gradient.expect("asked for").into_f32();
                assert_all_close(&gradient, &exact.gradient.expect("asked for"), &what);
            }
        }
    }
}

#[test]
fn element_wise_losses_by_weights_near_the_largest() {
    let count = 3 * 20_000;
    let input = repeated(&[0.5, -1.0, 0.25, 2.0, 3.0], count);
    let target = repeated(&[0.25, 1.0], count);
    for rows in [1, 3, 20_000] {
        for (values, weight) in [(&input, 1e38), (&input, 3e38)] {
            let weights = repeated(&[weight, 0.5 * weight, 0.75 * weight], count);
            let [values, target, weights] = [values, &target, &weights]
                .map(|of| Logits::new(of, rows, count / rows).expect("a matrix"));
            let operands =
                Elementwise::new(values, target).with_weights(Weights::PerElement(weights));
            for axis in [Axis::All, Axis::EachRow, Axis::EachColumn] {
                let loss = ElementwiseLoss {
                    reduction: ElementwiseReduction::WeightedMean,
                    axis,
                    ..ElementwiseLoss::new(LossFunction::SquaredError)
                };
                let upstream = Some(ElementwiseUpstream::Scalar(-2.5));
                let found = GPU.evaluate_elementwise(&operands, upstream, &loss).expect("a loss");
                let exact = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &loss);
                let exact = exact.expect("a loss");
                let what = format!("{weight:e} {axis:?} of {rows}");
                assert_all_close(&found.values, &exact.values, &what);
                let denominators = found.denominator.zip(exact.denominator).expect("a mean's");
                assert_all_close(&denominators.0, &denominators.1, &what);
                let gradient = found.gradient.expect("asked for").into_f32();
                assert_all_close(&gradient, &exact.gradient.expect("asked for"), &what);
            }
        }
    }
}

/// Its probability is 1: there is nothing to learn, whatever rounding does to its coefficients.
#[test]
fn the_only_class_has_no_gradient() {
    let values = [0.3f32, -2.0, 7.5];
    let logits = Logits::new(&values, 3, 1).expect("a matrix");
    let (weights, rows) = ([0.7], [0.3, 1.7, 0.9]);
    let probabilities = [0.3f32, 0.9, 1.1];
    let probabilities = Logits::new(&probabilities, 3, 1).expect("a matrix");
    for targets in [Targets::classes(&[0, 0, 0]), Targets::probabilities(probabilities)] {
        let targets = targets.with_class_weights(&weights).with_row_weights(&rows);
        for label_smoothing in [0.0, 0.1, 0.3, 0.7, 1.0] {
            let options = CrossEntropy {
                label_smoothing,
                reduction: Reduction::Sum,
                ..CrossEntropy::default()
            };
            let upstream = Upstream::Scalar(-2.5);
            let whole = GPU.cross_entropy_with_gradient(logits, targets, upstream, &options);
            let whole = whole.expect("a loss");
            let classes = ClassRange { first: 0, total: 1 };
            let states = GPU.partial_states(logits, classes, targets, &options).expect("states");
            let states = merge(&[&states]).expect("as many rows");
            let part = GPU.partial_gradient(logits, classes, &states, targets, upstream, &options);
            for gradient in [whole.gradient.expect("asked for"), part.expect("a gradient")] {
                assert_eq!(gradient.into_f32(), [0.0; 3], "{label_smoothing} {targets:?}");
            }
            assert_eq!(whole.loss, 0.0);
        }
    }
}
