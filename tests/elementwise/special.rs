//! Infinities, NaN and zeros in every operand: the oracle's results, bit for bit.

use wgpu_loss::{
    Axis, Elementwise, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream, Engine, Gpu,
    Logits, LossFunction, Mode, Weights, cpu,
};

use crate::agreement::FUNCTIONS;
use crate::device;

const NUMBERS: [f32; 11] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 30.0, -30.0];

/// Whether two results are the same infinity, both NaN, or both ordinary.
fn is_same_kind(exact: f64, found: f32) -> bool {
    let single = exact as f32;
    match () {
        () if single.is_nan() => found.is_nan(),
        () if single.is_infinite() => found == single,
        () => found.is_finite() && (f64::from(found) - exact).abs() <= 4e-6 * exact.abs().max(1.0),
    }
}

fn check(gpu: &Gpu, function: LossFunction, mode: Mode, faults: &mut Vec<String>) {
    let (mut x, mut t, mut third, mut weights) = (vec![], vec![], vec![], vec![]);
    for &of_x in &NUMBERS {
        for &of_t in &NUMBERS {
            for (of_third, weight) in
                [(1.0, 1.0), (0.5, 0.0), (f32::INFINITY, 2.0), (f32::NAN, 1.0)]
            {
                x.push(of_x);
                t.push(of_t);
                third.push(of_third);
                weights.push(weight);
            }
        }
    }
    let rows = x.len();
    let column = |values| Logits::new(values, rows, 1).expect("a column");
    let operands = Elementwise {
        target: function.has_target().then(|| column(&t)),
        weights: Weights::PerElement(column(&weights)),
        positive_weights: match function {
            LossFunction::BinaryCrossEntropyWithLogits => Weights::PerElement(column(&third)),
            _ => Weights::None,
        },
        variance: match function {
            LossFunction::GaussianNll { .. } => Weights::PerElement(column(&third)),
            _ => Weights::None,
        },
        ..Elementwise::of_input(column(&x))
    };
    let options = ElementwiseLoss { mode, ..ElementwiseLoss::unreduced(function) };
    let upstream = Some(ElementwiseUpstream::Scalar(-1.5));
    let exact = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &options).expect("oracle");
    let found = gpu.evaluate_elementwise(&operands, upstream, &options).expect("losses");
    let lists = [
        ("value", Some(exact.values), Some(found.values)),
        ("gradient", exact.gradient, found.gradient.map(|it| it.into_f32())),
        (
            "variance gradient",
            exact.variance_gradient,
            found.variance_gradient.map(|it| it.into_f32()),
        ),
    ];
    for (what, exact, found) in lists {
        let (Some(exact), Some(found)) = (&exact, &found) else {
            assert_eq!(exact.is_some(), found.is_some(), "{function:?} {what}");
            continue;
        };
        let wrong: Vec<String> = (0..rows)
            .filter(|&at| !is_same_kind(exact[at], found[at]))
            .map(|at| {
                let operands = [x[at], t[at], third[at], weights[at]];
                format!("{operands:?}: {} for {}", found[at], exact[at])
            })
            .collect();
        faults.extend(wrong.first().map(|first| {
            format!("{function:?} {mode:?} {what}: {} wrong, first {first}", wrong.len())
        }));
    }
}

#[test]
fn special_values_are_the_oracles() {
    let gpu = device::new_gpu();
    let mut faults = Vec::new();
    for function in FUNCTIONS {
        // A rate of 1 and a little more is 1 in single precision.
        let function = match function {
            LossFunction::PoissonNll { log_input, full, .. } => {
                LossFunction::PoissonNll { log_input, full, epsilon: 0.5 }
            }
            function => function,
        };
        check(&gpu, function, Mode::Strict, &mut faults);
        check(&gpu, function, Mode::Masked, &mut faults);
    }
    assert!(faults.is_empty(), "[x, t, third, weight]:\n{}", faults.join("\n"));
}

/// Infinite and NaN elements are told apart in sums, too.
#[test]
fn sums_keep_infinities() {
    let gpu = device::new_gpu();
    let zeros = [0.0f32; 5];
    for (x, expected) in [
        ([1.0, f32::INFINITY, 2.0, 3.0, 4.0], f32::INFINITY),
        ([1.0, f32::NAN, f32::INFINITY, 3.0, 4.0], f32::NAN),
        ([1.0, 2.0, 3.0, 3e38, 3.0], f32::INFINITY),
    ] {
        let operands = Elementwise::new(
            Logits::new(&x, 1, 5).expect("a row"),
            Logits::new(&zeros, 1, 5).expect("a row"),
        );
        let options = ElementwiseLoss::new(LossFunction::SquaredError);
        let found = gpu.elementwise_loss(&operands, &options).expect("a mean").values[0];
        assert!(found == expected || (found.is_nan() && expected.is_nan()), "{found} {expected}");
    }
}

/// Of no elements there are results of reductions all the same.
#[test]
fn nothing_has_sums_and_means() {
    let gpu = device::new_gpu();
    for (rows, columns) in [(0, 5), (5, 0), (0, 0)] {
        for reduction in [
            ElementwiseReduction::None,
            ElementwiseReduction::Sum,
            ElementwiseReduction::Mean,
            ElementwiseReduction::WeightedMean,
            ElementwiseReduction::BatchMean,
        ] {
            for axis in [Axis::All, Axis::EachRow, Axis::EachColumn] {
                if reduction == ElementwiseReduction::BatchMean && axis != Axis::All {
                    continue;
                }
                for mode in [Mode::Strict, Mode::Masked] {
                    let empty: &[f32] = &[];
                    let nothing = Logits::new(empty, rows, columns).expect("no elements");
                    let per_column = vec![2.0; columns];
                    let weights = Weights::PerColumn(&per_column);
                    let operands = Elementwise::new(nothing, nothing).with_weights(weights);
                    let options = ElementwiseLoss {
                        reduction,
                        axis,
                        mode,
                        threshold: Some(0.5),
                        ..ElementwiseLoss::new(LossFunction::BinaryCrossEntropyWithLogits)
                    };
                    let upstream = Some(ElementwiseUpstream::Scalar(2.0));
                    let exact = cpu::Oracle.evaluate_elementwise(&operands, upstream, &options);
                    let exact = exact.expect("oracle");
                    let engines: [&dyn Engine; 2] = [&gpu, &cpu::Fast];
                    for engine in engines {
                        let found = engine.evaluate_elementwise(&operands, upstream, &options);
                        let found = found.expect("results");
                        let texts = [&exact, &found].map(|out| format!("{out:?}"));
                        assert_eq!(texts[0], texts[1], "{options:?} {rows} x {columns}");
                    }
                }
            }
        }
    }
}

/// PyTorch's `(1 - t) x + (1 + (a - 1) t) softplus(-x)` where a logit or a target is infinite: infinite
/// where both are of one sign, also of targets outside of 0 to 1.
#[test]
fn binary_cross_entropy_of_infinite_operands() {
    const INFINITY: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    // Logit, target, weight of positives; the loss, and its derivative.
    let known = [
        (-INFINITY, 2.0, 1.0, INFINITY, -2.0),
        (-INFINITY, 1.5, 3.0, INFINITY, -4.5),
        (-INFINITY, -1.0, 3.0, -INFINITY, 3.0),
        (-INFINITY, -1.0, 1.0, NAN, 1.0),
        (-INFINITY, 3.0, 0.25, NAN, -0.75),
        (-INFINITY, 0.5, 1.0, NAN, -0.5),
        (-INFINITY, 0.0, 1.0, NAN, 0.0),
        (-INFINITY, 1.0, 1.0, NAN, -1.0),
        (INFINITY, 2.0, 1.0, -INFINITY, -1.0),
        (INFINITY, -1.0, 1.0, INFINITY, 2.0),
        (INFINITY, -1.0, 3.0, INFINITY, 2.0),
        (INFINITY, 0.5, 1.0, INFINITY, 0.5),
        (INFINITY, 1.0, 1.0, NAN, 0.0),
        (1.0, INFINITY, 1.0, -INFINITY, -INFINITY),
        (-1.0, INFINITY, 1.0, INFINITY, -INFINITY),
        (1.0, -INFINITY, 1.0, INFINITY, INFINITY),
        (0.0, INFINITY, 1.0, NAN, -INFINITY),
        (-1.0, INFINITY, 2.0, INFINITY, -INFINITY),
        (1.0, INFINITY, 2.0, NAN, -INFINITY),
        (INFINITY, INFINITY, 1.0, -INFINITY, -INFINITY),
    ];
    let each = |of: fn(&(f32, f32, f32, f32, f32)) -> f32| known.iter().map(of).collect();
    let (x, t, weights): (Vec<f32>, Vec<f32>, Vec<f32>) =
        (each(|it| it.0), each(|it| it.1), each(|it| it.2));
    let gpu = device::new_gpu();
    let engines: [&dyn Engine; 3] = [&cpu::Oracle, &cpu::Fast, &gpu];
    for label_smoothing in [0.0, 0.1] {
        let options = ElementwiseLoss {
            label_smoothing,
            ..ElementwiseLoss::unreduced(LossFunction::BinaryCrossEntropyWithLogits)
        };
        let operands = Elementwise {
            positive_weights: Weights::PerElement(column(&weights)),
            ..Elementwise::new(column(&x), column(&t))
        };
        for engine in engines {
            let upstream = Some(ElementwiseUpstream::Scalar(1.0));
            let out = engine.evaluate_elementwise(&operands, upstream, &options).expect("losses");
            let gradient = out.gradient.expect("a gradient").into_f32();
            for (at, &(x, t, weight, value, derivative)) in known.iter().enumerate() {
                // A smoothed target of 1 is none any more.
                let value = match (label_smoothing > 0.0, t == 1.0, x == INFINITY) {
                    (true, true, true) => INFINITY,
                    _ => value,
                };
                let found = out.values[at];
                let what = format!("{} {x} {t} {weight} {label_smoothing}", engine.name());
                assert!(found == value || (found.is_nan() && value.is_nan()), "{found}: {what}");
                if label_smoothing == 0.0 {
                    assert_eq!(gradient[at], derivative, "{what}");
                } else {
                    assert!(!gradient[at].is_nan(), "{what}");
                }
            }
        }
    }
}

fn column(values: &[f32]) -> Logits<'_> {
    Logits::new(values, values.len(), 1).expect("a column")
}

/// Focal loss of every gamma: where a power is too small for a number, so are loss and gradient.
#[test]
fn focal_losses_of_great_gammas() {
    // Logit, target and gamma; the loss and its derivative, computed with 80 digits.
    let known = [
        (20.0, 0.0, 1e8, 16.274_783_926_901_01, 4.168_222_172_203_525),
        (-95.0, 1.0, f32::MAX, 94.821_688_502_589_9, -1.1762670874296205),
        (3.0, 0.0, 256.0, 1.2083330703532674e-5, 1.5047960958151825e-4),
        (3.0, 1.0, 256.0, 0.0, 0.0),
        (80.0, 0.0, 1e34, 66.789_207_270_060_67, 12.889324181437412),
        (0.5, 0.25, 100.0, 6.966_408_997_748_868e-26, 1.4890814227258852e-24),
    ];
    let gpu = device::new_gpu();
    let engines: [&dyn Engine; 2] = [&cpu::Fast, &gpu];
    let upstream = Some(ElementwiseUpstream::Scalar(1.0));
    let of_gamma =
        |gamma| ElementwiseLoss::unreduced(LossFunction::SigmoidFocal { alpha: None, gamma });
    // The error of a power grows with its logarithm; one that is no normal number may be 0, times what
    // it is multiplied by.
    let allowed = |size: f64| 4e-6 * size * (-size.max(1e-300).ln()).max(1.0) + 1e-32;
    for (x, t, gamma, loss, derivative) in known {
        let (x, t) = ([x], [t]);
        let operands = Elementwise::new(column(&x), column(&t));
        let out = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &of_gamma(gamma)).unwrap();
        for (found, expected) in [(out.values[0], loss), (out.gradient.unwrap()[0], derivative)] {
            let error = (found - expected).abs();
            assert!(error <= 1e-12 * expected.abs(), "{found:e} for {expected:e}: {x:?} {gamma}");
        }
    }
    let (mut x, mut t) = (vec![], vec![]);
    for logit in [-200.0, -95.0, -80.0, -20.0, -1.0, 0.0, 1e-10] {
        for target in [0.0, 1.0, 0.3] {
            x.extend([logit, -logit]);
            t.extend([target, target]);
        }
    }
    let operands = Elementwise::new(column(&x), column(&t));
    for gamma in [0.0, 1e-38, 0.3, 2.0, 64.0, 64.5, 100.0, 256.0, 1e3, 1e6, 1e20, 1e34, f32::MAX] {
        let options = of_gamma(gamma);
        let exact = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &options).unwrap();
        for engine in engines {
            let out = engine.evaluate_elementwise(&operands, upstream, &options).unwrap();
            let gradient = out.gradient.unwrap().into_f32();
            let expected = exact.gradient.as_ref().unwrap();
            for at in 0..x.len() {
                for (found, exact) in
                    [(out.values[at], exact.values[at]), (gradient[at], expected[at])]
                {
                    let error = (f64::from(found) - exact).abs();
                    let what = format!("{} {} {} {gamma}", engine.name(), x[at], t[at]);
                    assert!(error <= allowed(exact.abs()), "{found:e} for {exact:e}: {what}");
                }
            }
        }
    }
}
