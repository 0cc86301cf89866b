//! What `cpu::Fast` promises about bits: none depends on the number of threads.

use super::call::Call;
use crate::Noise;
use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, LossFunction, Shape, cpu};

/// All numbers of an output.
fn bits(call: &Call) -> Vec<u32> {
    let output = call.run(&cpu::Fast);
    let counts = output.counts.map(|counts| vec![counts.total() as f32, counts.accuracy() as f32]);
    let gradient = output.gradient.map(|gradient| gradient.into_f32());
    let all = [Some(output.values), output.denominator, counts, gradient];
    all.into_iter().flatten().flatten().map(f32::to_bits).collect()
}

#[test]
fn are_the_same_on_any_number_of_threads() {
    let mut noise = Noise(7);
    let forms = [
        Shape::new(1, 40_003),
        Shape::new(40_003, 1),
        Shape::new(5001, 10),
        Shape::new(20, 2500),
        Shape::with_class_axis(2, 70, 300),
    ];
    for form in forms {
        for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
            for reduction in [ElementwiseReduction::Sum, ElementwiseReduction::WeightedMean] {
                let function = LossFunction::BinaryCrossEntropyWithLogits;
                let threshold = Some(0.5);
                let options = ElementwiseLoss {
                    reduction,
                    axis,
                    threshold,
                    ..ElementwiseLoss::new(function)
                };
                let forms = [noise.below(4), noise.below(4), noise.below(4)];
                let elements = [Element::F32; 2];
                let call = Call::new(options, form, forms, (0, elements), &mut noise);
                let on = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    pool.unwrap().install(|| bits(&call))
                };
                let expected = on(1);
                assert!(!expected.is_empty());
                for threads in [2, 3] {
                    let layout = call.weight_layout();
                    assert!(on(threads) == expected, "{threads} threads, {layout:?}");
                }
            }
        }
    }
}
