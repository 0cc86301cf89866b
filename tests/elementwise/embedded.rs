//! Buffers of the caller's: offsets, strides, gradients in place, nothing outside touched; and
//! batches of many parts.

use wgpu_loss::wgpu;
use wgpu_loss::{
    Axis, Elementwise, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands, ElementwisePass,
    ElementwiseReduction, ElementwiseUpstream, ElementwiseUpstreamLayout, Engine, Gpu,
    GradientPlace, Logits, LossFunction, Shape, UpstreamOperand, WeightLayout, Weights, cpu,
};

use crate::agreement::Random;
use crate::{device, memory};

const CANARY: f32 = 12_345.678;

fn buffer(gpu: &Gpu, values: &[f32]) -> wgpu::Buffer {
    memory::buffer(gpu, bytemuck::cast_slice(values))
}

fn read(gpu: &Gpu, buffer: &wgpu::Buffer) -> Vec<f32> {
    bytemuck::cast_slice(&memory::read(gpu, buffer)).to_vec()
}

/// Rows with gaps that start behind some canaries.
fn padded(rows: &[f32], columns: usize, stride: usize, before: usize) -> Vec<f32> {
    let mut all = vec![CANARY; before];
    for row in rows.chunks(columns) {
        all.extend(row);
        all.extend(std::iter::repeat_n(CANARY, stride - columns));
    }
    all.extend([CANARY; 8]);
    all
}

#[test]
fn gaps_and_neighbours_keep_what_they_hold() {
    let gpu = device::new_gpu();
    let mut random = Random(5);
    for (rows, columns, stride, gradient_stride) in
        [(5, 7, 9, 8), (5, 8, 12, 16), (3, 301, 301, 310), (4, 4, 4, 4)]
    {
        let count = rows * columns;
        let x: Vec<f32> = (0..count).map(|_| 6.0 * random.unit() - 3.0).collect();
        let t: Vec<f32> = (0..count).map(|_| random.unit().round()).collect();
        for place in [GradientPlace::InPlace, GradientPlace::SeparateWithRowStride(gradient_stride)]
        {
            for before in [64, 65] {
                let shape = Shape::new(rows, columns).with_row_stride(stride);
                let layout = ElementwiseLayout::new(shape, Shape::new(rows, columns));
                let options = ElementwiseLoss {
                    threshold: Some(0.0),
                    ..ElementwiseLoss::new(LossFunction::BinaryCrossEntropyWithLogits)
                };
                let upstream = ElementwiseUpstreamLayout::Buffer(WeightLayout::None);
                let pass = ElementwisePass::Fused { gradient: place, upstream };
                let plan = options.plan(gpu.kernels(), &layout, pass).expect("a plan");
                assert!(plan.is_one_read());
                let input = buffer(&gpu, &padded(&x, columns, stride, before));
                let target = buffer(&gpu, &t);
                let results = buffer(&gpu, &[CANARY; 3]);
                let counts = buffer(&gpu, &[CANARY; 6]);
                let factor = buffer(&gpu, &[-2.5]);
                let gradient =
                    buffer(&gpu, &padded(&vec![CANARY; count], columns, gradient_stride, before));
                let separate = place != GradientPlace::InPlace;
                let start = 4 * before as u64;
                let operands = ElementwiseOperands {
                    target: Some(target.slice(..)),
                    results: Some(results.slice(4..8)),
                    counts: Some(counts.slice(4..20)),
                    gradient: separate.then(|| gradient.slice(start..)),
                    upstream: UpstreamOperand::Buffer(factor.slice(..)),
                    ..ElementwiseOperands::new(input.slice(start..))
                };
                let step = plan.bind(&operands).expect("a step");
                let mut encoder = gpu.device().create_command_encoder(&Default::default());
                step.record(&mut encoder);
                gpu.queue().submit([encoder.finish()]);

                let exact = cpu::Oracle
                    .elementwise_loss_with_gradient(
                        &Elementwise::new(
                            Logits::new(&x, rows, columns).expect("rows"),
                            Logits::new(&t, rows, columns).expect("rows"),
                        ),
                        ElementwiseUpstream::Scalar(-2.5),
                        &options,
                    )
                    .expect("oracle");
                let found = read(&gpu, &results);
                assert!((found[1] - exact.values[0]).abs() <= 2e-6 * exact.values[0]);
                assert_eq!((found[0], found[2]), (CANARY, CANARY));
                let found: Vec<u32> = read(&gpu, &counts).iter().map(|it| it.to_bits()).collect();
                let counted = exact.counts.expect("counts");
                let expected = [
                    counted.true_positives,
                    counted.false_positives,
                    counted.true_negatives,
                    counted.false_negatives,
                ];
                assert_eq!(found[1..5], expected.map(|count| count as u32));
                assert_eq!([found[0], found[5]], [CANARY.to_bits(); 2]);
                let expected = exact.gradient.expect("a gradient").into_f32();
                let (stride, written) = match separate {
                    true => (gradient_stride, &gradient),
                    false => (stride, &input),
                };
                let found = read(&gpu, written);
                let expected = padded(&expected, columns, stride, before);
                for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let error = (found - expected).abs();
                    assert!(error <= 2e-6 * expected.abs(), "{place:?} {at}: {found} {expected}");
                }
                if separate {
                    let found = read(&gpu, &input);
                    assert_eq!(found, padded(&x, columns, shape.row_stride, before));
                }
            }
        }
    }
}

/// Long runs are cut into parts, and many rows into dispatches.
#[test]
fn many_elements_make_one_mean() {
    let gpu = device::new_gpu();
    let mut random = Random(11);
    for (rows, columns) in [(1, 1_500_003), (70_001, 5), (300_000, 1), (3, 400_000)] {
        let count = rows * columns;
        let x: Vec<f32> = (0..count).map(|_| 8.0 * random.unit() - 4.0).collect();
        let t: Vec<f32> = (0..count).map(|_| random.unit().round()).collect();
        let weights: Vec<f32> = (0..columns).map(|_| random.unit()).collect();
        let operands = Elementwise::new(
            Logits::new(&x, rows, columns).expect("rows"),
            Logits::new(&t, rows, columns).expect("rows"),
        )
        .with_weights(Weights::PerColumn(&weights));
        for (reduction, axis) in [
            (ElementwiseReduction::Mean, Axis::All),
            (ElementwiseReduction::WeightedMean, Axis::EachColumn),
        ] {
            let options = ElementwiseLoss {
                reduction,
                axis,
                threshold: Some(0.5),
                ..ElementwiseLoss::new(LossFunction::BinaryCrossEntropyWithLogits)
            };
            let upstream = Some(ElementwiseUpstream::Scalar(1000.0));
            let exact =
                cpu::Oracle.elementwise_loss_f64(&operands, upstream, &options).expect("oracle");
            let found = gpu.evaluate_elementwise(&operands, upstream, &options).expect("a mean");
            assert_eq!(found.counts, exact.counts);
            for (found, exact) in found.values.iter().zip(&exact.values) {
                assert!((f64::from(*found) - exact).abs() <= 2e-6 * exact, "{found} {exact}");
            }
            let gradient = found.gradient.expect("a gradient").into_f32();
            for (found, exact) in gradient.iter().zip(exact.gradient.expect("a gradient")) {
                assert!((f64::from(*found) - exact).abs() <= 2e-6 * exact.abs(), "{found} {exact}");
            }
        }
    }
}
