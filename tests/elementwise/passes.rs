//! A fused pass reads its operands once, and gives the bits of a forward and a backward.

use wgpu_loss::wgpu;
use wgpu_loss::{
    Axis, BinaryCounts, Element, ElementwiseLoss, ElementwiseOperands, ElementwiseOutput,
    ElementwisePass, ElementwiseReduction, ElementwiseUpstream, ElementwiseUpstreamLayout, Gpu,
    GpuOptions, GradientPlace, LossFunction, Mode, OwnedValues, Shape, Streaming, UpstreamOperand,
    WeightLayout, Weights, cpu,
};

use crate::agreement::{Numbers, Problem, Random};
use crate::device;
use crate::memory::{self, read};

/// What lies before each operand, so that none starts where a vector does.
const BEFORE: usize = 4;
/// What memory holds that nobody writes.
const CANARY: u8 = 0xc5;

/// A buffer of the caller's, with canaries on both sides.
fn buffer(gpu: &Gpu, bytes: &[u8]) -> wgpu::Buffer {
    let mut contents = vec![CANARY; BEFORE];
    contents.extend(bytes);
    contents.resize(contents.len().next_multiple_of(4) + 8, CANARY);
    memory::buffer(gpu, &contents)
}

/// The operands of a problem on the device.
struct Resident<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    target: Option<wgpu::Buffer>,
    weights: Option<wgpu::Buffer>,
    positive_weights: Option<wgpu::Buffer>,
    variance: Option<wgpu::Buffer>,
    upstream: Option<wgpu::Buffer>,
}

/// All do, but columns whose gradients share words, and where the device cannot bind all of it.
fn reads_once(gpu: &Gpu, problem: &Problem, gradient: GradientPlace) -> bool {
    let Problem { shape, options, .. } = problem;
    let are_columns = match options.axis {
        Axis::EachColumn => shape.inner <= 1,
        Axis::EachRow => shape.inner > 1,
        Axis::All => false,
    };
    let element = options.gradient_element.unwrap_or(shape.element);
    let host = problem.operands();
    let is_there = |weights: Weights<'_>| !matches!(weights, Weights::None);
    let has_weights = is_there(host.weights);
    let bound = [
        true, // the input
        true, // results
        host.target.is_some(),
        has_weights,
        is_there(host.positive_weights) || is_there(host.variance),
        !matches!(problem.upstream(), Some(ElementwiseUpstream::Scalar(_))),
        has_weights && options.reduction == ElementwiseReduction::WeightedMean,
        gradient != GradientPlace::InPlace,
        matches!(host.variance, Weights::PerElement(_)),
        options.threshold.is_some(),
    ];
    let bound = bound.into_iter().filter(|&each| each).count() as u32;
    bound <= gpu.kernels().capabilities().max_storage_buffers
        && (!are_columns || element == Element::F32)
}

/// Everything that a pass writes, as the buffers are in the end.
struct Written {
    input: Vec<u8>,
    results: Vec<u8>,
    counts: Vec<u8>,
    gradient: Vec<u8>,
    variance_gradient: Vec<u8>,
}

impl<'a> Resident<'a> {
    fn new(gpu: &'a Gpu, problem: &'a Problem) -> Self {
        let numbers = |weights: Weights<'_>| match weights {
            Weights::None => None,
            Weights::PerRow(values) | Weights::PerColumn(values) => {
                Some(buffer(gpu, bytemuck::cast_slice(values)))
            }
            Weights::PerElement(matrix) => Some(buffer(gpu, matrix.values().bytes())),
        };
        let operands = problem.operands();
        let upstream = problem.upstream().expect("a gradient");
        Self {
            gpu,
            problem,
            target: operands.target.map(|target| buffer(gpu, target.values().bytes())),
            weights: numbers(operands.weights),
            positive_weights: numbers(operands.positive_weights),
            variance: numbers(operands.variance),
            upstream: match upstream {
                ElementwiseUpstream::Scalar(_) => None,
                ElementwiseUpstream::PerRow(values) | ElementwiseUpstream::PerColumn(values) => {
                    Some(buffer(gpu, bytemuck::cast_slice(values)))
                }
                ElementwiseUpstream::PerElement(matrix) => {
                    Some(buffer(gpu, matrix.values().bytes()))
                }
            },
        }
    }

    fn upstream_layout(&self) -> ElementwiseUpstreamLayout {
        match self.problem.upstream().expect("a gradient") {
            ElementwiseUpstream::Scalar(_) => ElementwiseUpstreamLayout::Scalar,
            ElementwiseUpstream::PerRow(_) => {
                ElementwiseUpstreamLayout::Buffer(WeightLayout::PerRow)
            }
            ElementwiseUpstream::PerColumn(_) => {
                ElementwiseUpstreamLayout::Buffer(WeightLayout::PerColumn)
            }
            ElementwiseUpstream::PerElement(matrix) => {
                ElementwiseUpstreamLayout::Buffer(WeightLayout::PerElement(matrix.shape()))
            }
        }
    }

    /// Runs a pass; a backward reads `results` of a forward, in a buffer of [`buffer`].
    fn run(&self, pass: ElementwisePass, results: Option<&[u8]>) -> Written {
        let Self { gpu, problem, .. } = *self;
        let host = problem.operands();
        let plan = problem.options.plan(gpu.kernels(), &host.layout(), pass).expect("a plan");
        if let ElementwisePass::Fused { gradient, .. } = pass {
            assert_eq!(plan.is_one_read(), reads_once(gpu, problem, gradient), "{pass:?}");
        }
        let shape = problem.shape;
        let (place, is_backward) = match pass {
            ElementwisePass::Forward => (None, false),
            ElementwisePass::Fused { gradient, .. } => (Some(gradient), false),
            ElementwisePass::Backward { gradient, .. } => (Some(gradient), true),
        };
        let element = problem.options.gradient_element.unwrap_or(shape.element);
        let stride = match place {
            Some(GradientPlace::SeparateWithRowStride(stride)) => stride,
            _ => shape.contiguous().row_stride,
        };
        let extent = Shape { row_stride: stride, ..shape }.extent().expect("small");
        let poison = |count: usize| vec![CANARY; count];
        let input = buffer(gpu, host.input.values().bytes());
        let words = plan.results() * plan.result_words() as usize;
        let contents = results.map_or(poison(4 * words), |words| words.to_vec());
        let results = buffer(gpu, &contents);
        let counts = buffer(gpu, &poison(16));
        let gradient = buffer(gpu, &poison(extent * element.bytes()));
        let elements = shape.elements().expect("small");
        let variance_gradient = buffer(gpu, &poison(elements * element.bytes()));
        let counts_are_wanted = problem.options.threshold.is_some() && !is_backward;
        let of_variance = matches!(host.variance, Weights::PerElement(_)) && place.is_some();
        let is_separate = place.is_some_and(|place| place != GradientPlace::InPlace);
        let divides = problem.options.reduction == ElementwiseReduction::WeightedMean
            && self.weights.is_some();
        let start = BEFORE as u64;
        let upstream = match (&self.upstream, problem.upstream()) {
            _ if place.is_none() => UpstreamOperand::default(),
            (Some(buffer), _) => UpstreamOperand::Buffer(buffer.slice(start..)),
            (None, Some(ElementwiseUpstream::Scalar(factor))) => UpstreamOperand::Scalar(factor),
            (None, _) => UpstreamOperand::default(),
        };
        let operands = ElementwiseOperands {
            target: self.target.as_ref().map(|buffer| buffer.slice(start..)),
            weights: self.weights.as_ref().map(|buffer| buffer.slice(start..)),
            positive_weights: self.positive_weights.as_ref().map(|buffer| buffer.slice(start..)),
            variance: self.variance.as_ref().map(|buffer| buffer.slice(start..)),
            results: (!is_backward || divides).then(|| results.slice(start..)),
            counts: counts_are_wanted.then(|| counts.slice(start..)),
            gradient: is_separate.then(|| gradient.slice(start..)),
            variance_gradient: of_variance.then(|| variance_gradient.slice(start..)),
            upstream,
            ..ElementwiseOperands::new(input.slice(start..))
        };
        let step = plan.bind(&operands).expect("a step");
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        step.record(&mut encoder);
        gpu.queue().submit([encoder.finish()]);
        Written {
            input: read(gpu, &input),
            results: read(gpu, &results),
            counts: read(gpu, &counts),
            gradient: read(gpu, &gradient),
            variance_gradient: read(gpu, &variance_gradient),
        }
    }

    /// Compares the passes. What nobody writes is the same in both, canaries too.
    fn check(&self, gradient: GradientPlace) -> Written {
        let upstream = self.upstream_layout();
        let forward = self.run(ElementwisePass::Forward, None);
        let [before, after] = [BEFORE, forward.results.len() - 8];
        let results = &forward.results[before..after];
        let backward = self.run(ElementwisePass::Backward { gradient, upstream }, Some(results));
        let fused = self.run(ElementwisePass::Fused { gradient, upstream }, None);
        assert_eq!(fused.results, forward.results, "results");
        assert_eq!(fused.counts, forward.counts, "counts");
        assert_eq!(fused.input, backward.input, "{gradient:?}");
        assert_eq!(fused.gradient, backward.gradient, "{gradient:?}");
        assert_eq!(fused.variance_gradient, backward.variance_gradient, "of the variance");
        let is_written = match gradient {
            GradientPlace::InPlace => backward.input != forward.input,
            _ => backward.gradient[BEFORE..][..4] != [CANARY; 4],
        };
        assert!(is_written, "a gradient was written");
        fused
    }

    /// Holds what a fused pass wrote against the oracle.
    fn compare(&self, written: &Written, gradient: GradientPlace) {
        let Problem { shape, options, .. } = *self.problem;
        let host = self.problem.operands();
        let exact = cpu::Oracle
            .elementwise_loss_f64(&host, self.problem.upstream(), &options)
            .expect("a valid call");
        let words = |bytes: &[u8]| bytemuck::pod_collect_to_vec::<u8, f32>(&bytes[BEFORE..]);
        let count = exact.values.len();
        let of_result = if exact.denominator.is_some() && self.weights.is_some() { 3 } else { 1 };
        let results = words(&written.results);
        let result = |at: usize, word: usize| results[at * of_result + word];
        let element = options.gradient_element.unwrap_or(shape.element);
        let (bytes, row_stride) = match gradient {
            GradientPlace::SeparateWithRowStride(stride) => (&written.gradient, stride),
            _ => (&written.input, shape.row_stride),
        };
        let stored = widened(&bytes[BEFORE..], element);
        let (placed, packed) = (Shape { row_stride, ..shape }, shape.contiguous());
        let mut of_input = vec![0.0; exact.gradient.as_ref().map_or(0, Vec::len)];
        for row in 0..shape.rows {
            for step in (0..shape.classes).map(|class| class * shape.inner.max(1)) {
                of_input[packed.start_of(row) + step] = stored[placed.start_of(row) + step];
            }
        }
        let of_variance = exact.variance_gradient.as_ref().map(|exact| {
            let all = widened(&written.variance_gradient[BEFORE..], element);
            OwnedValues::from_f32(all[..exact.len()].to_vec(), element)
        });
        let counts: Vec<u32> = bytemuck::pod_collect_to_vec(&written.counts[BEFORE..]);
        let found = ElementwiseOutput {
            values: (0..count).map(|at| result(at, 0)).collect(),
            denominator: exact.denominator.as_ref().map(|exact| match of_result {
                3 => (0..count).map(|at| result(at, 1)).collect(),
                _ => exact.iter().map(|&exact| exact as f32).collect(), // of elements, not written
            }),
            counts: exact.counts.map(|_| BinaryCounts {
                true_positives: counts[0].into(),
                false_positives: counts[1].into(),
                true_negatives: counts[2].into(),
                false_negatives: counts[3].into(),
            }),
            gradient: Some(OwnedValues::from_f32(of_input, element)),
            variance_gradient: of_variance,
        };
        if let Err(error) = self.problem.compare(&exact, &found) {
            panic!("{gradient:?} {options:?}: {error}");
        }
    }
}

fn widened(bytes: &[u8], element: Element) -> Vec<f32> {
    match element {
        Element::F32 => bytemuck::pod_collect_to_vec(bytes),
        Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(bytes)).into_f32(),
        Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(bytes)).into_f32(),
    }
}

/// A random problem made to be of such a kind.
struct Kind {
    function: LossFunction,
    shape: Shape,
    axis: Axis,
    reduction: ElementwiseReduction,
    /// 0: none, 1: per row, 2: per column, 3: per element.
    weights: usize,
    upstream: usize,
    gradient: Gradient,
}

/// Where a gradient goes, and as what.
#[derive(Clone, Copy)]
enum Gradient {
    InPlace,
    /// With gaps between its rows.
    Apart(Element),
}

const LOGITS: LossFunction = LossFunction::BinaryCrossEntropyWithLogits;
const GAUSSIAN: LossFunction = LossFunction::GaussianNll { full: true, epsilon: 1e-6 };
const HUBER: LossFunction = LossFunction::Huber { delta: 0.7 };

fn kinds() -> Vec<Kind> {
    use ElementwiseReduction::{Mean, Sum, WeightedMean};
    use Gradient::{Apart, InPlace};
    let (f32, f16, bf16) = (Element::F32, Element::F16, Element::Bf16);
    let kind = |function, shape, (axis, reduction), [weights, upstream]: [usize; 2], gradient| {
        Kind { function, shape, axis, reduction, weights, upstream, gradient }
    };
    let (rows, columns, all) = (Axis::EachRow, Axis::EachColumn, Axis::All);
    vec![
        // Down columns.
        kind(LOGITS, Shape::new(37, 11), (columns, WeightedMean), [1, 2], InPlace),
        kind(HUBER, Shape::new(37, 11).with_element(f16), (columns, Mean), [3, 0], Apart(f32)),
        kind(GAUSSIAN, Shape::new(70_001, 3), (columns, WeightedMean), [3, 2], Apart(f32)),
        kind(LOGITS, Shape::new(5, 70), (columns, WeightedMean), [2, 2], Apart(f16)),
        kind(
            LOGITS,
            Shape::with_class_axis(3, 5, 7).with_element(bf16),
            (rows, WeightedMean),
            [2, 1],
            InPlace,
        ),
        kind(HUBER, Shape::with_class_axis(2, 130, 65), (rows, Sum), [1, 1], Apart(f32)),
        // Along runs that wait for the sum of their weights.
        kind(LOGITS, Shape::new(9, 40).with_element(f16), (rows, WeightedMean), [3, 1], InPlace),
        kind(HUBER, Shape::new(300, 3), (all, WeightedMean), [2, 0], Apart(bf16)),
        kind(HUBER, Shape::new(5, 301).with_row_stride(304), (all, WeightedMean), [1, 0], InPlace),
        kind(LOGITS, Shape::new(1, 70_001), (all, WeightedMean), [3, 0], Apart(f32)),
        kind(GAUSSIAN, Shape::new(6, 8), (rows, WeightedMean), [2, 1], Apart(f16)),
        kind(HUBER, Shape::with_class_axis(3, 5, 64), (columns, WeightedMean), [1, 2], InPlace),
    ]
}

impl Kind {
    fn problem(&self, random: &mut Random) -> Problem {
        let options = ElementwiseLoss {
            axis: self.axis,
            reduction: self.reduction,
            gradient_element: match self.gradient {
                Gradient::InPlace => None,
                Gradient::Apart(element) => Some(element),
            },
            threshold: (self.function == LOGITS).then_some(0.25),
            mode: random.of(&[Mode::Strict, Mode::Masked]),
            ..ElementwiseLoss::new(self.function)
        };
        let weight = |random: &mut Random| random.of(&[0.0, 0.5, 1.0, 2.0, 1.5, 0.25, 3e-6]);
        let factor = |random: &mut Random| 4.0 * random.unit() - 2.0;
        let weights = Numbers::new(self.weights, self.shape, random, weight);
        let upstream = Some((-2.5, Numbers::new(self.upstream, self.shape, random, factor)));
        let mut problem = Problem::of_options(self.shape, options, random);
        (problem.weights, problem.upstream) = (weights, upstream);
        problem
    }

    fn place(&self) -> GradientPlace {
        let stride = self.shape.contiguous().row_stride + 3;
        match self.gradient {
            Gradient::InPlace => GradientPlace::InPlace,
            Gradient::Apart(_) => GradientPlace::SeparateWithRowStride(stride),
        }
    }
}

#[test]
fn fused_passes_read_once_and_are_forward_and_backward() {
    let gpu = device::new_gpu();
    let mut random = Random(77);
    for kind in kinds() {
        let problem = kind.problem(&mut random);
        let resident = Resident::new(&gpu, &problem);
        resident.compare(&resident.check(kind.place()), kind.place());
    }
}

/// Weights that are not finite, and those that cancel, divide the same everywhere.
#[test]
fn special_sums_of_weights_divide_the_same() {
    let gpu = device::new_gpu();
    let special: [fn(&mut Random) -> f32; 4] = [
        |random| random.of(&[f32::NAN, 1.0, 2.0]),
        |random| random.of(&[f32::INFINITY, 1.0, 0.0]),
        |random| random.of(&[f32::INFINITY, f32::NEG_INFINITY, 3e38]),
        |random| random.of(&[0.0, -0.0]),
    ];
    for (axis, mode) in [(Axis::EachRow, Mode::Strict), (Axis::EachColumn, Mode::Masked)] {
        let kind = Kind {
            function: HUBER,
            shape: Shape::new(6, 5),
            axis,
            reduction: ElementwiseReduction::WeightedMean,
            weights: 3,
            upstream: 0,
            gradient: Gradient::Apart(Element::F32),
        };
        for weight in special {
            // The same kernels for all of them.
            let mut problem = kind.problem(&mut Random(5));
            problem.weights = Numbers::new(3, kind.shape, &mut Random(6), weight);
            problem.options.mode = mode;
            Resident::new(&gpu, &problem).check(kind.place());
        }
    }
}

/// Nine buffers where eight can be bound: the gradient comes from a read of its own, piece by piece
/// too.
#[test]
fn a_device_that_binds_few_buffers_reads_twice() {
    let options = GpuOptions { minimal: true, ..Default::default() };
    let gpu = Gpu::with_options(&options).expect("`cargo xtask test` installs an adapter");
    let mut random = Random(3);
    for axis in [Axis::All, Axis::EachColumn] {
        let of_columns = axis == Axis::EachColumn;
        let kind = Kind {
            function: LOGITS,
            shape: Shape::new(3000, 33),
            axis,
            reduction: ElementwiseReduction::WeightedMean,
            weights: 3,
            upstream: if of_columns { 2 } else { 0 },
            gradient: Gradient::Apart(Element::F32),
        };
        let mut problem = kind.problem(&mut random);
        let positive = |random: &mut Random| 0.25 + 3.0 * random.unit();
        problem.positive_weights = Numbers::new(3, kind.shape, &mut random, positive);
        assert_eq!(reads_once(&gpu, &problem, kind.place()), !of_columns);
        let resident = Resident::new(&gpu, &problem);
        resident.compare(&resident.check(kind.place()), kind.place());
        let streaming = Streaming { device_bytes: 1 << 18, submission_bytes: 1 << 14 };
        problem.check(&gpu.with_streaming(streaming)).expect("as the oracle");
    }
}
