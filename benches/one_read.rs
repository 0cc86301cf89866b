//! What element-wise losses gain from one read of their operands: loss and gradient fused, beside a
//! forward and a backward of the same, which read everything twice. `cargo bench --bench one_read`.
//!
//! Throughput counts the least bytes that must move: each operand once, the gradient once.

#[path = "support/device.rs"]
mod device;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wgpu_loss::wgpu::Buffer;
use wgpu_loss::{
    Axis, Elementwise, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands, ElementwisePass,
    ElementwiseReduction, ElementwiseUpstream, ElementwiseUpstreamLayout, Gpu, GradientPlace,
    Logits, LossFunction, Shape, Step, UpstreamOperand, WeightLayout, Weights, cpu,
};

use device::{gpu, group, read, run, time, upload};

/// 16 MiB of each operand.
const SHAPE: Shape = Shape::new(4096, 1024);

const UPSTREAM: f32 = -2.5;
const PLACE: GradientPlace = GradientPlace::Separate;
const BY: ElementwiseUpstreamLayout = ElementwiseUpstreamLayout::Scalar;
const FUSED: [ElementwisePass; 1] = [ElementwisePass::Fused { gradient: PLACE, upstream: BY }];
const APART: [ElementwisePass; 2] =
    [ElementwisePass::Forward, ElementwisePass::Backward { gradient: PLACE, upstream: BY }];

criterion_group! {
    name = benches;
    config = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = reductions
}
criterion_main!(benches);

/// What is reduced, and how.
struct Case {
    name: &'static str,
    axis: Axis,
    reduction: ElementwiseReduction,
    weights: WeightLayout,
}

const CASES: [Case; 5] = [
    Case {
        name: "mean of everything",
        axis: Axis::All,
        reduction: ElementwiseReduction::Mean,
        weights: WeightLayout::None,
    },
    Case {
        name: "mean by weights of columns",
        axis: Axis::All,
        reduction: ElementwiseReduction::WeightedMean,
        weights: WeightLayout::PerColumn,
    },
    Case {
        name: "mean by weights of elements",
        axis: Axis::All,
        reduction: ElementwiseReduction::WeightedMean,
        weights: WeightLayout::PerElement(SHAPE),
    },
    Case {
        name: "mean of each column",
        axis: Axis::EachColumn,
        reduction: ElementwiseReduction::Mean,
        weights: WeightLayout::None,
    },
    Case {
        name: "mean of each column by weights of rows",
        axis: Axis::EachColumn,
        reduction: ElementwiseReduction::WeightedMean,
        weights: WeightLayout::PerRow,
    },
];

fn reductions(criterion: &mut Criterion) {
    let gpu = gpu();
    let host = Host::new();
    for function in [LossFunction::SquaredError, LossFunction::BinaryCrossEntropyWithLogits] {
        for case in &CASES {
            let mut group = group(criterion, &format!("{}, {}", function.name(), case.name));
            for (name, passes) in [("fused", &FUSED[..]), ("forward and backward", &APART)] {
                let mut ready = None;
                group.throughput(Throughput::Bytes(case.least_bytes()));
                group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                    let steps: &Vec<Step> =
                        ready.get_or_insert_with(|| host.steps(&gpu, case, function, passes));
                    time(bencher, &gpu, |encoder| steps.iter().for_each(|it| it.record(encoder)));
                });
            }
            group.finish();
        }
    }
}

impl Case {
    fn options(&self, function: LossFunction) -> ElementwiseLoss {
        let Self { axis, reduction, .. } = *self;
        ElementwiseLoss { axis, reduction, ..ElementwiseLoss::new(function) }
    }

    fn layout(&self) -> ElementwiseLayout {
        ElementwiseLayout { weights: self.weights, ..ElementwiseLayout::new(SHAPE, SHAPE) }
    }

    fn weights(&self) -> usize {
        match self.weights {
            WeightLayout::None => 0,
            WeightLayout::PerRow => SHAPE.rows,
            WeightLayout::PerColumn => SHAPE.classes,
            WeightLayout::PerElement(_) => SHAPE.rows * SHAPE.classes,
        }
    }

    fn least_bytes(&self) -> u64 {
        4 * (3 * SHAPE.rows * SHAPE.classes + self.weights()) as u64
    }
}

/// Operands in host memory.
struct Host {
    input: Vec<f32>,
    target: Vec<f32>,
    weights: Vec<f32>,
}

impl Host {
    fn new() -> Self {
        let values = |factor: usize, from: f32, to: f32| -> Vec<f32> {
            let unit = |at: usize| (at * factor % (1 << 24)) as f32 / (1 << 24) as f32;
            (0..SHAPE.rows * SHAPE.classes).map(|at| from + (to - from) * unit(at)).collect()
        };
        Self {
            input: values(2_654_435_761, -6.0, 6.0),
            target: values(2_246_822_519, 0.0, 1.0),
            weights: values(3_266_489_917, 0.1, 2.0),
        }
    }

    /// The steps of these passes, whose answers are held against the oracle.
    fn steps(
        &self,
        gpu: &Gpu,
        case: &Case,
        function: LossFunction,
        passes: &[ElementwisePass],
    ) -> Vec<Step> {
        let options = case.options(function);
        let buffer = |values: &[f32]| upload(gpu, bytemuck::cast_slice(values));
        let [input, target] = [&self.input, &self.target].map(|values| buffer(values));
        let weights: Option<Buffer> =
            (case.weights() > 0).then(|| buffer(&self.weights[..case.weights()]));
        let gradient = buffer(&vec![f32::NAN; self.input.len()]);
        let results = buffer(&vec![f32::NAN; 2 * SHAPE.classes]);
        let steps: Vec<Step> = passes
            .iter()
            .map(|&pass| {
                let plan = options.plan(gpu.kernels(), &case.layout(), pass).unwrap();
                let words = (plan.results() as u64) * u64::from(plan.result_words());
                let has_gradient = pass != ElementwisePass::Forward;
                let has_results = pass != APART[1] || plan.result_words() > 1;
                let operands = ElementwiseOperands {
                    target: Some(target.slice(..)),
                    weights: weights.as_ref().map(|weights| weights.slice(..)),
                    results: has_results.then(|| results.slice(..4 * words)),
                    gradient: has_gradient.then(|| gradient.slice(..)),
                    upstream: UpstreamOperand::Scalar(if has_gradient { UPSTREAM } else { 1.0 }),
                    ..ElementwiseOperands::new(input.slice(..))
                };
                plan.bind(&operands).unwrap()
            })
            .collect();
        run(gpu, |encoder| steps.iter().for_each(|step| step.record(encoder)));

        let logits = |values| Logits::new(values, SHAPE.rows, SHAPE.classes).unwrap();
        let of_weights = &self.weights[..case.weights()];
        let operands = Elementwise::new(logits(&self.input), logits(&self.target)).with_weights(
            match case.weights {
                WeightLayout::None => Weights::None,
                WeightLayout::PerRow => Weights::PerRow(of_weights),
                WeightLayout::PerColumn => Weights::PerColumn(of_weights),
                WeightLayout::PerElement(_) => Weights::PerElement(logits(of_weights)),
            },
        );
        let upstream = Some(ElementwiseUpstream::Scalar(UPSTREAM));
        let exact = cpu::Oracle.elementwise_loss_f64(&operands, upstream, &options).unwrap();
        let words = if options.reduction == ElementwiseReduction::WeightedMean { 2 } else { 1 };
        let found = read(gpu, &results, words * exact.values.len());
        let values: Vec<f32> = found.chunks(words).map(|result| result[0]).collect();
        check(&values, &exact.values);
        check(&read(gpu, &gradient, self.input.len()), &exact.gradient.unwrap());
        steps
    }
}

/// Panics unless all are within some roundings of the oracle's.
fn check(found: &[f32], exact: &[f64]) {
    assert_eq!(found.len(), exact.len());
    let scale = exact.iter().fold(0.0, |most: f64, exact| most.max(exact.abs()));
    for (&found, &exact) in found.iter().zip(exact) {
        let error = (f64::from(found) - exact).abs();
        assert!(error <= 2e-6 * exact.abs() + 2e-7 * scale, "{found} for {exact}");
    }
}
