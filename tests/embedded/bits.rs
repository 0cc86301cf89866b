//! The same bits: on every run, in every batch, at every address, on every thread.

use wgpu_loss::plan::{AdapterClass, Tuning};
use wgpu_loss::{
    CrossEntropy, CrossEntropyPlan, Gpu, GradientPlace, Kernels, LogSumExpPlan, Pass, Reduction,
    Step, UpstreamSource,
};

use crate::buffers::{Bits, Buffers};
use crate::device::{gpu, run, shrunken};
use crate::problem::{MEAN, Problem};
use crate::values::cross_entropy_step;

const SEPARATE: Pass =
    Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::PerRow };
const ROWS: CrossEntropy = CrossEntropy { reduction: Reduction::None, ..MEAN };
const MEAN_PASS: Pass =
    Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::Scalar };

/// Everything there is to compute, on buffers at this byte offset.
fn compute(
    gpu: &Gpu,
    kernels: &Kernels,
    problem: &Problem,
    (options, pass): (&CrossEntropy, Pass),
    offset: u64,
) -> Bits {
    let buffers = Buffers::at(gpu, problem, offset, problem.shape.classes);
    run(gpu, &[&cross_entropy_step(kernels, &buffers, problem, options, pass)]);
    let bits = buffers.read_bits(pass);
    bits.assert_written();
    bits
}

#[test]
fn ten_runs() {
    let gpu = gpu();
    for (rows, classes) in [(5000, 10), (300, 1000), (40, 4097)] {
        let problem = Problem::contiguous(rows, classes);
        let compute = || compute(&gpu, gpu.kernels(), &problem, (&MEAN, MEAN_PASS), 0);
        let first = compute();
        assert!((1..10).all(|_| compute() == first), "{rows} x {classes}");
    }
}

#[test]
fn a_row_in_every_batch() {
    let gpu = gpu();
    let per_row = (&ROWS, SEPARATE);
    let small = shrunken(|capabilities| capabilities.max_binding_bytes = 1 << 16);
    // A number of different rows that has nothing to do with the size of any workgroup.
    for (distinct, rows, classes) in [(101, 100_000, 3), (101, 100_000, 4), (53, 2000, 1000)] {
        let problem = Problem::contiguous(distinct, classes);
        let batch = problem.select((0..rows).map(|row| (row * 3 + 1) % distinct));
        let alone: Vec<_> = (0..distinct)
            .map(|row| compute(&gpu, gpu.kernels(), &problem.select([row]), per_row, 0).row(0))
            .collect();
        let different = alone.iter().filter(|bits| **bits != alone[0]).count();
        assert_eq!(different, distinct - 1, "equal rows would prove nothing");
        for kernels in [gpu.kernels(), &small] {
            let found = compute(&gpu, kernels, &batch, per_row, 0);
            for row in 0..rows {
                assert!(found.row(row) == alone[(row * 3 + 1) % distinct], "{row} of {rows}");
            }
        }
    }
}

#[test]
fn a_row_at_every_address() {
    let gpu = gpu();
    let per_row = (&ROWS, SEPARATE);
    // A software adapter's rows have one lane each: those of other GPUs have more to get wrong.
    let many_lanes = gpu.with_tuning(Tuning::built_in(AdapterClass::Discrete)).expect("a tuning");
    for kernels in [gpu.kernels(), many_lanes.kernels()] {
        for classes in [4, 64, 100, 101, 1000, 1002, 4096, 4099] {
            let problem = Problem::contiguous(13, classes);
            let mut expected = compute(&gpu, kernels, &problem, per_row, 0);
            expected.totals.clear();
            // Four at a time where all are multiples of four, else one at a time.
            for stride in [classes, classes + 1, classes + 4] {
                for offset in [0, 4, 16, 1000] {
                    let apart = problem.with_row_stride(stride);
                    let mut found = compute(&gpu, kernels, &apart, per_row, offset);
                    found.totals.clear();
                    assert!(found == expected, "{classes} classes, {stride} apart, from {offset}");
                }
            }
        }
    }
}

#[test]
fn four_threads() {
    let gpu = gpu();
    let problem = Problem::contiguous(500, 100);
    let compute = |gpu: &Gpu| compute(gpu, gpu.kernels(), &problem, (&MEAN, MEAN_PASS), 0);
    let expected = compute(&gpu);
    // Kernels of their own, which the threads compile together.
    let kernels = Kernels::new(gpu.device()).expect("the device is large enough");
    let shared = gpu.with_kernels(kernels);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let gpu = shared.clone();
                scope.spawn(move || (0..5).map(|_| compute(&gpu)).collect::<Vec<_>>())
            })
            .collect();
        for thread in threads {
            let found = thread.join().expect("no thread panics");
            assert!(found.iter().all(|bits| *bits == expected));
        }
    });
}

#[test]
fn pipelines_are_compiled_once() {
    let gpu = gpu();
    let kernels = Kernels::new(gpu.device()).expect("the device is large enough");
    assert_eq!(kernels.compiled().len(), 0);
    let problem = Problem::contiguous(20, 10);
    let compute = |problem: &Problem| {
        compute(&gpu, &kernels, problem, (&MEAN, MEAN_PASS), 0);
        kernels.compiled().len()
    };
    let first = compute(&problem);
    assert!(first >= 3, "{first} pipelines for counting, rows and summing");
    assert_eq!(compute(&problem), first);
    assert_eq!(compute(&Problem::contiguous(3000, 10)), first, "the number of rows is a parameter");
    assert_eq!(compute(&Problem::contiguous(20, 9)), first, "so is the number of classes");
    assert_eq!(kernels.clone().compiled().len(), first, "clones share them");
    assert!(compute(&Problem::contiguous(20, 1000)) > first, "another geometry");
}

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Gpu>();
    crosses_threads::<Kernels>();
    crosses_threads::<CrossEntropyPlan>();
    crosses_threads::<LogSumExpPlan>();
    crosses_threads::<Step>();
};
