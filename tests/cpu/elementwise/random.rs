//! Any call at all.

use proptest::prelude::*;
use wgpu_loss::{Axis, Element, ElementwiseLoss, ElementwiseReduction, Mode, Shape};

use super::call::{Call, Matrix};
use super::every_function;
use crate::Noise;

fn form() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (0usize..60, 0usize..90).prop_map(|(rows, columns)| Shape::new(rows, columns)),
        (1usize..4, 1usize..20, 1usize..40)
            .prop_map(|(outer, columns, inner)| Shape::with_class_axis(outer, columns, inner)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn fast_is_close_to_the_oracle(
        form in form(),
        which in 0usize..22,
        forms in [0usize..4, 0usize..4, 0usize..4],
        gap in 0usize..5,
        elements in [0usize..3, 0usize..3, 0usize..4],
        reduction in 0usize..5,
        axis in 0usize..3,
        masked in any::<bool>(),
        smoothing in prop_oneof![Just(0.0f32), 0.0f32..=1.0],
        seed in any::<u64>(),
        special in prop_oneof![3 => Just(None), 1 => (0usize..4).prop_map(Some)],
    ) {
        use ElementwiseReduction::{BatchMean, Mean, None, Sum, WeightedMean};
        let function = every_function()[which];
        let reduction = [None, Sum, Mean, WeightedMean, BatchMean][reduction];
        let axis = match reduction {
            BatchMean => Axis::All,
            _ => [Axis::EachRow, Axis::EachColumn, Axis::All][axis],
        };
        let mut noise = Noise(seed);
        let options = ElementwiseLoss {
            function,
            reduction,
            axis,
            label_smoothing: if function.is_binary() { smoothing } else { 0.0 },
            mode: if masked { Mode::Masked } else { Mode::Strict },
            threshold: Some(0.25).filter(|_| function.is_binary()),
            gradient_element: Element::ALL.get(elements[2]).copied(),
        };
        let of_operands = [Element::ALL[elements[0]], Element::ALL[elements[1]]];
        let mut call = Call::new(options, form, forms, (gap, of_operands), &mut noise);
        let count = form.rows * form.classes;
        if let (Some(special), true) = (special, count > 0) {
            let mut values = call.input.values.clone();
            let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 0.0][special];
            values[noise.below(count)] = special;
            call.input = Matrix::new(values, form, gap, of_operands[0]);
        }
        call.check();
    }
}
