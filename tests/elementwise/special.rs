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
