//! Beyond what one dispatch or one binding can do, and with less than the adapter has.

use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{AdapterClass, Entry, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::wgpu::{BufferDescriptor, BufferUsages};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Element, Engine, Gpu, GpuOptions, GradientPlace, Pass,
    Reduction, RowOutputs, Shape, TargetLayout, UpstreamOperand, UpstreamSource,
};
use wgpu_loss_verify::{Case, Extent, Operation, cases};

use crate::buffers::Buffers;
use crate::calls::{check, cross_entropy};
use crate::close::{assert_gradient, assert_losses};
use crate::device::{self, gpu, run, shrunken};
use crate::engine::Embedded;
use crate::memory::Memory;
use crate::options::changes;
use crate::problem::{ALL_OF_PROBABILITIES, MEAN, Problem};
use crate::turns::everything_runs;
use crate::values::{check_cross_entropy, cross_entropy_step};

const MEAN_OF_PROBABILITIES: CrossEntropy = CrossEntropy { rows: ALL_OF_PROBABILITIES, ..MEAN };
const IN_PLACE: Pass =
    Pass::Fused { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };
const FUSED_APART: Pass =
    Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::OneInBuffer };
const BACKWARD: Pass =
    Pass::Backward { gradient: GradientPlace::Separate, upstream: UpstreamSource::OneInBuffer };

#[test]
fn more_rows_than_workgroups_of_a_dispatch() {
    let gpu = gpu();
    let entry = |family, vectors| Entry {
        up_to_classes: 4,
        family,
        team: Team::Lane,
        geometry: Geometry { lanes: 1, rows: 1, vectors },
    };
    let tuning = Tuning {
        entries: vec![entry(Family::Team, 1)],
        from_state: vec![entry(Family::FromState, 1)],
        strided: Vec::new(),
        part_classes: 4,
        chunk_bytes: u64::MAX,
        totals_lanes: 16,
        reduce: gpu.kernels().tuning().reduce.clone(),
    };
    let capabilities = *gpu.kernels().capabilities();
    let rows = capabilities.max_workgroups as usize + 5_001;
    let kernels = gpu.kernels().with_tuning(tuning).expect("a simple tuning");
    let problem = Problem::contiguous(rows.min(80_000), 3);
    let buffers = Buffers::new(&gpu, &problem);
    let step = cross_entropy_step(&kernels, &buffers, &problem, &MEAN, IN_PLACE);
    if rows <= 80_000 {
        // Counting and summing take two each.
        assert_eq!(step.dispatches(), 2 + 2 + 2, "the rows take two dispatches");
    }
    for pass in [IN_PLACE, BACKWARD] {
        check_cross_entropy(&kernels, &problem, &MEAN, pass, 0);
    }
}

#[test]
fn more_bytes_than_a_binding() {
    let gpu = gpu();
    let kernels = shrunken(|capabilities| capabilities.max_binding_bytes = 1 << 16);
    for (rows, classes, stride) in [
        (40_000, 3, 3),
        (500, 1000, 1000),
        (500, 1000, 1004),
        (40, 4097, 4100),
        (7, 16_000, 16_000),
    ] {
        let problem = Problem::contiguous(rows, classes).with_row_stride(stride);
        let buffers = Buffers::new(&gpu, &problem);
        let step = cross_entropy_step(&kernels, &buffers, &problem, &MEAN, IN_PLACE);
        let least = (4 * rows * stride).div_ceil(1 << 16);
        assert!(step.dispatches() >= least, "{} dispatches", step.dispatches());
        let offset = 100;
        for pass in [IN_PLACE, BACKWARD] {
            check_cross_entropy(&kernels, &problem, &MEAN, pass, offset);
        }
    }
}

/// 160 MB of logits, where WebGPU promises bindings of 128 MiB.
#[test]
fn a_real_batch_beyond_the_binding_limit() {
    let gpu = gpu();
    let (rows, classes, distinct) = (40_000, 1000, 97);
    // A prime number of different rows: a row taken for another is seen.
    let sample = Problem::contiguous(distinct, classes);
    let logits = gpu.device().create_buffer(&BufferDescriptor {
        label: Some("logits"),
        size: 4 * (rows * classes) as u64,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let block: &[u8] = bytemuck::cast_slice(&sample.logits);
    let total = 4 * rows * classes;
    for start in (0..total).step_by(block.len()) {
        let bytes = block.len().min(total - start);
        gpu.queue().write_buffer(&logits, start as u64, &block[..bytes]);
    }
    let targets: Vec<i32> =
        (0..rows).map(|row| ((row * 7 + row / distinct) % classes) as i32).collect();
    let targets_buffer = Memory::of(&gpu, 0, &targets);
    let losses = Memory::poisoned(&gpu, 0, rows);
    let options = CrossEntropy {
        reduction: Reduction::Sum,
        rows: RowOutputs { loss: true, ..Default::default() },
        ..MEAN
    };
    let shape = Shape::new(rows, classes);
    let plan = options.plan(gpu.kernels(), shape, &Default::default(), IN_PLACE).expect("a plan");
    assert_eq!(plan.record().words(), 1, "the loss alone");
    let step = plan
        .bind(&CrossEntropyOperands {
            rows: Some(losses.slice()),
            upstream: UpstreamOperand::Scalar(0.75),
            ..CrossEntropyOperands::new(logits.slice(..), targets_buffer.slice())
        })
        .expect("a step");
    let bindings = (total as u64).div_ceil(gpu.kernels().capabilities().max_binding_bytes);
    assert!(step.dispatches() as u64 >= bindings, "{} dispatches", step.dispatches());
    run(&gpu, &[&step]);

    let losses: Vec<f32> = losses.read(&gpu);
    // The first and last rows, and those around what 128 MiB hold.
    let sampled = [0, 1, 20_011, 33_552, 33_553, 33_554, 33_555, 33_556, 39_998, 39_999];
    let mut expected = sample.select(sampled.map(|row| row % distinct));
    expected.targets = sampled.map(|row| targets[row]).to_vec();
    expected.factors = vec![0.75];
    let oracle = expected.cross_entropy(&options, UpstreamSource::Scalar);
    assert_losses(&sampled.map(|row| losses[row]), &oracle.loss_rows.expect("asked for"));
    let row_bytes = 4 * classes as u64;
    let gradient: Vec<f32> = sampled
        .iter()
        .flat_map(|&row| device::read(&gpu, &logits, row as u64 * row_bytes, row_bytes))
        .collect();
    assert_gradient(&gradient, &oracle.gradient.expect("asked for"), &[0.75; 10]);
    // And of the rows between none was left out.
    assert!(losses.iter().all(|loss| loss.is_finite() && *loss > 0.0));
}

/// Some of the cases of `verify`, each a few kernels to compile: all contents and options, and rows not
/// too long for seconds; or all of them.
fn some_cases(first: usize, every: usize) -> Vec<Case> {
    let broad = cases(Extent::Broad);
    let short = broad.into_iter().filter(|each| each.shape.rows * each.shape.classes < 100_000);
    let chosen: Vec<_> = match everything_runs() {
        true => short.collect(),
        false => short.skip(first).step_by(every).collect(),
    };
    assert!(chosen.len() >= 30, "only {} cases", chosen.len());
    chosen
}

fn check_cases(engine: &dyn Engine, cases: &[Case]) {
    cases.iter().for_each(|case| check(case, engine));
}

/// What every WebGPU device has, and nothing else.
fn minimal_gpu() -> Gpu {
    let options = GpuOptions { minimal: true, ..Default::default() };
    let gpu = Gpu::with_options(&options).expect("every adapter has the default limits");
    let capabilities = gpu.kernels().capabilities();
    assert!(capabilities.subgroups.is_none(), "no features were asked for");
    assert_eq!(capabilities.max_storage_buffers, 8);
    gpu
}

#[test]
fn a_minimal_device() {
    check_cases(&minimal_gpu(), &some_cases(0, 22));
}

/// Every combination of options, with as many buffers of the caller's as it can have.
#[test]
fn a_minimal_device_with_every_operand() {
    let gpu = minimal_gpu();
    let apart = Embedded::new(&gpu)
        .with_place(GradientPlace::SeparateWithRowStride(1))
        .with_offsets([1, 2, 3]);
    let two_steps = apart.clone().in_two_steps();
    let fused = Embedded { upstream_in_buffer: true, ..apart };
    for (turn, (what, change)) in changes().into_iter().enumerate() {
        // Fused and in two steps by turns: each is a kernel to compile.
        let shapes = [Shape::new(23, 34), Shape::with_class_axis(3, 7, 5)];
        for (at, shape) in shapes.into_iter().enumerate() {
            let mut case = cross_entropy(shape.with_element(Element::F16));
            change(&mut case);
            println!("{what}"); // shown where it fails
            check(&case, [&fused, &two_steps][(turn + at) % 2]);
        }
    }
    // Mistakes in host data are not for this interface; element-wise losses have tests/elementwise,
    // focal loss and divergences of logits tests/softmax_losses.
    let mut cases = some_cases(1, 18);
    let has_own =
        |of: &Operation| matches!(of, Operation::Elementwise(_) | Operation::SoftmaxLoss(_));
    cases.retain(|case| case.fault.is_none() && !has_own(&case.operation));
    check_cases(&fused, &cases);
    check_cases(&two_steps, &cases);
    // As many as there are.
    let targets = TargetLayout {
        probabilities: Some(Shape::new(23, 34)),
        class_weights: true,
        row_weights: true,
    };
    for pass in [FUSED_APART, BACKWARD] {
        let plan = MEAN_OF_PROBABILITIES.plan(gpu.kernels(), Shape::new(23, 34), &targets, pass);
        let view = plan.expect("a plan").debug_view();
        let most = view.pipelines.iter().map(|each| each.operands.len()).max();
        assert_eq!(most, Some(8), "{view}");
    }
}

#[test]
fn kernels_without_subgroups() {
    let gpu = gpu().with_kernels(shrunken(|capabilities| capabilities.subgroups = None));
    check_cases(&gpu, &some_cases(2, 28));
    check_cases(&TwoStep(&gpu), &some_cases(16, 28));
}

#[test]
fn the_tuning_of_every_adapter_class() {
    let classes = [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete];
    for (turn, class) in classes.into_iter().enumerate() {
        let tuned = gpu().with_tuning(Tuning::built_in(class)).expect("a built-in tuning");
        check_cases(&tuned, &some_cases(3 + 8 * turn, 26));
        for classes in [10, 1000, 4097] {
            let problem = Problem::contiguous(9, classes);
            for pass in [IN_PLACE, BACKWARD] {
                check_cross_entropy(tuned.kernels(), &problem, &MEAN, pass, 0);
            }
        }
    }
}
