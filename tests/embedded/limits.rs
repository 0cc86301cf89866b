//! Beyond what one dispatch or one binding can do, and with less than the adapter has.

use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{AdapterClass, Capabilities, Entry, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::verify::{Case, Extent, cases};
use wgpu_loss::wgpu::{BufferDescriptor, BufferUsages};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Engine, Gpu, GpuOptions, GradientPlace, Kernels, Pass,
    Reduction, RowOutputs, Shape, UpstreamOperand, UpstreamSource,
};

use crate::device::{self, Memory, gpu, run};
use crate::problem::{ALL, Buffers, Problem, assert_gradient, assert_losses};
use crate::values::{check_cross_entropy, cross_entropy_step};

const MEAN: CrossEntropy =
    CrossEntropy { reduction: Reduction::Mean, ignore_index: Some(-100), rows: ALL };
const IN_PLACE: Pass =
    Pass::Fused { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };
const BACKWARD: Pass =
    Pass::Backward { gradient: GradientPlace::Separate, upstream: UpstreamSource::OneInBuffer };

/// The shared device's kernels with other capabilities.
fn shrunken(shrink: impl FnOnce(&mut Capabilities)) -> Kernels {
    let gpu = gpu();
    let mut capabilities = *gpu.kernels().capabilities();
    shrink(&mut capabilities);
    let tuning = gpu.kernels().tuning().clone();
    Kernels::with(gpu.device(), capabilities, tuning).expect("enough for the kernels")
}

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
        totals_lanes: 16,
    };
    let capabilities = *gpu.kernels().capabilities();
    let rows = capabilities.max_workgroups as usize + 5_001;
    let kernels = Kernels::with(gpu.device(), capabilities, tuning).expect("a simple tuning");
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
    let loss = Memory::poisoned(&gpu, 0, rows);
    let options = CrossEntropy {
        reduction: Reduction::Sum,
        rows: RowOutputs { loss: true, ..Default::default() },
        ..MEAN
    };
    let plan = options.plan(gpu.kernels(), Shape::new(rows, classes), IN_PLACE).expect("a plan");
    let step = plan
        .bind(&CrossEntropyOperands {
            loss: Some(loss.slice()),
            upstream: UpstreamOperand::Scalar(0.75),
            ..CrossEntropyOperands::new(logits.slice(..), targets_buffer.slice())
        })
        .expect("a step");
    let bindings = (total as u64).div_ceil(gpu.kernels().capabilities().max_binding_bytes);
    assert!(step.dispatches() as u64 >= bindings, "{} dispatches", step.dispatches());
    run(&gpu, &[&step]);

    let losses: Vec<f32> = loss.read(&gpu);
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

/// Some of the cases of `verify`: all contents and options, and rows not too long for seconds.
fn some_cases(every: usize) -> Vec<Case> {
    let quick = cases(Extent::Quick);
    let short = quick.into_iter().filter(|each| each.shape.rows * each.shape.classes < 100_000);
    let chosen: Vec<_> = short.step_by(every).collect();
    assert!(chosen.len() >= 30, "only {} cases", chosen.len());
    chosen
}

fn check_cases(engine: &dyn Engine, cases: &[Case]) {
    for case in cases {
        let result = case.check(engine);
        assert!(result.passed(), "{case}: {:?}", result.failure);
    }
}

#[test]
fn a_minimal_device() {
    let options = GpuOptions { minimal: true, ..Default::default() };
    let gpu = Gpu::with_options(&options).expect("every adapter has the default limits");
    assert!(gpu.kernels().capabilities().subgroups.is_none(), "no features were asked for");
    check_cases(&gpu, &some_cases(4));
}

#[test]
fn kernels_without_subgroups() {
    let gpu = gpu().with_kernels(shrunken(|capabilities| capabilities.subgroups = None));
    let cases = some_cases(5);
    check_cases(&gpu, &cases);
    check_cases(&TwoStep(&gpu), &cases);
}

#[test]
fn the_tuning_of_every_adapter_class() {
    for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
        let tuned = gpu().with_tuning(Tuning::built_in(class)).expect("a built-in tuning");
        check_cases(&tuned, &some_cases(6));
        for classes in [10, 1000, 4097] {
            let problem = Problem::contiguous(9, classes);
            for pass in [IN_PLACE, BACKWARD] {
                check_cross_entropy(tuned.kernels(), &problem, &MEAN, pass, 0);
            }
        }
    }
}
