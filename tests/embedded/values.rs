//! Values against the oracle, for every pass, reduction, upstream gradient and layout.

use wgpu_loss::kernel::Word;
use wgpu_loss::wgpu::ComputePassDescriptor;
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, GradientPlace, Kernels, LogSumExp, Pass, Reduction,
    RowOutputs, Shape, Step, UpstreamSource,
};

use crate::buffers::{Buffers, all_words, column, gradient};
use crate::close::{assert_close, assert_gradient, assert_log_sum_exps, assert_losses};
use crate::device::{self, gpu, run, shrunken};
use crate::memory::{Memory, POISON};
use crate::problem::{ALL, MEAN, Problem};

const CLASSES: [usize; 10] = [1, 3, 4, 7, 10, 64, 100, 1000, 4096, 4097];
const SCALAR: UpstreamSource = UpstreamSource::Scalar;
const FUSED: Pass = Pass::Fused { gradient: GradientPlace::InPlace, upstream: SCALAR };
const SEPARATE: Pass = Pass::Fused { gradient: GradientPlace::Separate, upstream: SCALAR };
const BACKWARD: Pass = Pass::Backward { gradient: GradientPlace::InPlace, upstream: SCALAR };
const FORWARD: Pass = Pass::Forward { save_state: true };

/// Whether it is a NaN that a kernel wrote, not the one that was there before.
fn is_computed_nan(x: f32) -> bool {
    x.is_nan() && x.to_bits() != POISON
}

/// More than a workgroup of rows, and not a whole number of workgroups.
fn rows(classes: usize) -> usize {
    if classes < 1000 { 71 } else { 9 }
}

pub fn cross_entropy_step(
    kernels: &Kernels,
    buffers: &Buffers,
    problem: &Problem,
    options: &CrossEntropy,
    pass: Pass,
) -> Step {
    let plan = options.plan(kernels, problem.shape, &problem.layout, pass).expect("a plan");
    if options.rows == ALL && !matches!(pass, Pass::Backward { .. }) {
        assert_eq!(plan.record(), all_words());
    }
    plan.bind(&buffers.cross_entropy(options, pass)).expect("a step")
}

fn log_sum_exp_step(kernels: &Kernels, buffers: &Buffers, problem: &Problem, pass: Pass) -> Step {
    let plan = LogSumExp::default().plan(kernels, problem.shape, pass).expect("a plan");
    plan.bind(&buffers.log_sum_exp(pass)).expect("a step")
}

/// The steps that end with `pass`: a backward needs its forward.
fn steps(pass: Pass, step: impl Fn(Pass) -> Step) -> Vec<Step> {
    match pass {
        Pass::Backward { .. } => vec![step(FORWARD), step(pass)],
        _ => vec![step(pass)],
    }
}

/// The upstream of a pass; of a forward, one that nothing is multiplied by.
fn source(pass: Pass) -> UpstreamSource {
    gradient(pass).map_or(SCALAR, |(_, source)| source)
}

fn gradient_stride(pass: Pass, shape: Shape) -> usize {
    match gradient(pass) {
        Some((GradientPlace::SeparateWithRowStride(stride), _)) => stride,
        _ => shape.classes,
    }
}

/// Computes a cross-entropy on buffers at this byte offset, and compares everything it writes.
pub fn check_cross_entropy(
    kernels: &Kernels,
    problem: &Problem,
    options: &CrossEntropy,
    pass: Pass,
    offset: u64,
) {
    let gpu = gpu();
    let buffers = Buffers::at(&gpu, problem, offset, gradient_stride(pass, problem.shape));
    let steps = steps(pass, |pass| cross_entropy_step(kernels, &buffers, problem, options, pass));
    run(&gpu, &steps.iter().collect::<Vec<_>>());

    let expected = problem.cross_entropy(options, source(pass));
    let totals = buffers.read_totals();
    assert_eq!(totals.counted as usize, expected.counted);
    assert_eq!(f64::from(totals.denominator), expected.denominator);
    assert_eq!(totals.first_invalid_row, u32::MAX);
    if options.reduction == Reduction::None {
        assert!(is_computed_nan(totals.loss), "nothing is reduced");
    } else {
        assert_close("reduced loss", &[totals.loss], &[expected.loss], |_| expected.loss);
    }
    assert_losses(&buffers.read_values(Word::Loss), &expected.loss_rows.expect("asked for"));
    let log_sum_exp = expected.log_sum_exp.expect("asked for");
    assert_log_sum_exps(&buffers.read_values(Word::LogSumExp), &log_sum_exp, problem);
    for (word, expected) in [
        (Word::TargetLogProbability, expected.target_log_probability.expect("asked for")),
        (Word::Entropy, expected.entropy.expect("asked for")),
    ] {
        let found = buffers.read_values(word);
        assert_close(&format!("{word:?}"), &found, &expected, |row| expected[row]);
    }
    assert_eq!(buffers.read_words(Word::Argmax), expected.argmax.expect("asked for"));
    assert_eq!(buffers.read_words(Word::TargetRank), expected.target_rank.expect("asked for"));
    assert!(buffers.read_words(Word::ZLoss).iter().all(|&bits| bits == 0), "there is no z-loss");
    if gradient(pass).is_some() {
        let factors = problem.row_factors(options, source(pass));
        let found = buffers.read_gradient(pass);
        assert_gradient(&found, &expected.gradient.expect("asked for"), &factors);
    }
}

/// The same for log-sum-exp.
fn check_log_sum_exp(kernels: &Kernels, problem: &Problem, pass: Pass, offset: u64) {
    let gpu = gpu();
    let buffers = Buffers::at(&gpu, problem, offset, gradient_stride(pass, problem.shape));
    let steps = steps(pass, |pass| log_sum_exp_step(kernels, &buffers, problem, pass));
    run(&gpu, &steps.iter().collect::<Vec<_>>());

    let expected = problem.log_sum_exp(source(pass));
    assert_log_sum_exps(&buffers.read_log_sum_exp(), &expected.log_sum_exp, problem);
    if gradient(pass).is_some() {
        // Log-sum-exp knows no targets and divides by nothing.
        let factors =
            problem.row_factors(&CrossEntropy { reduction: Reduction::Sum, ..MEAN }, source(pass));
        let found = buffers.read_gradient(pass);
        assert_gradient(&found, &expected.gradient.expect("asked for"), &factors);
    }
}

/// Every pass with this upstream gradient.
fn passes(classes: usize, upstream: UpstreamSource) -> Vec<Pass> {
    let apart = GradientPlace::SeparateWithRowStride(classes + 5);
    let mut passes = vec![FORWARD, Pass::Forward { save_state: false }];
    for gradient in [GradientPlace::InPlace, GradientPlace::Separate, apart] {
        passes.push(Pass::Fused { gradient, upstream });
        passes.push(Pass::Backward { gradient, upstream });
    }
    passes
}

/// Contiguous rows, and rows further apart: by whole vectors where they were whole vectors.
fn layouts(classes: usize) -> [Problem; 2] {
    let problem = Problem::contiguous(rows(classes), classes);
    let apart = problem.with_row_stride(classes + if classes % 8 == 4 { 1 } else { 8 });
    [problem, apart]
}

fn cross_entropy_with(reduction: Reduction, sources: &[UpstreamSource]) {
    let options = CrossEntropy { reduction, ..MEAN };
    for classes in CLASSES {
        for problem in layouts(classes) {
            for &source in sources {
                for pass in passes(classes, source) {
                    check_cross_entropy(gpu().kernels(), &problem, &options, pass, 0);
                }
            }
        }
    }
}

#[test]
fn cross_entropy_of_every_row() {
    let sources = [SCALAR, UpstreamSource::OneInBuffer, UpstreamSource::PerRow];
    cross_entropy_with(Reduction::None, &sources);
}

#[test]
fn cross_entropy_summed() {
    cross_entropy_with(Reduction::Sum, &[SCALAR, UpstreamSource::OneInBuffer]);
}

#[test]
fn cross_entropy_averaged() {
    cross_entropy_with(Reduction::Mean, &[SCALAR, UpstreamSource::OneInBuffer]);
}

#[test]
fn cross_entropy_averaged_over_all_rows() {
    cross_entropy_with(Reduction::BatchMean, &[UpstreamSource::OneInBuffer]);
}

#[test]
fn log_sum_exp() {
    for classes in CLASSES {
        for problem in layouts(classes) {
            for source in [SCALAR, UpstreamSource::OneInBuffer, UpstreamSource::PerRow] {
                for pass in passes(classes, source) {
                    check_log_sum_exp(gpu().kernels(), &problem, pass, 0);
                }
            }
        }
    }
}

#[test]
fn ranges_of_larger_buffers() {
    let gpu = gpu();
    let options = CrossEntropy { reduction: Reduction::None, ..MEAN };
    for offset in [4, 16, 100, 256, 1000] {
        for classes in [7, 64] {
            for problem in layouts(classes) {
                for pass in passes(classes, UpstreamSource::PerRow) {
                    check_cross_entropy(gpu.kernels(), &problem, &options, pass, offset);
                    check_log_sum_exp(gpu.kernels(), &problem, pass, offset);
                }
                for pass in [FUSED, BACKWARD] {
                    check_cross_entropy(gpu.kernels(), &problem, &MEAN, pass, offset);
                }
            }
        }
    }
}

/// Each operand ends where its buffer does: nothing behind it can be bound.
#[test]
fn buffers_without_a_spare_byte() {
    let gpu = gpu();
    for rows in [1, 2, 3] {
        for classes in [1, 3, 4] {
            let problem = Problem::contiguous(rows, classes);
            let pass = Pass::Fused {
                gradient: GradientPlace::Separate,
                upstream: UpstreamSource::OneInBuffer,
            };
            let [logits, gradient] = [rows * classes; 2].map(|count| Memory::exact(&gpu, count));
            let [targets, records] = [rows, 2 * rows].map(|count| Memory::exact(&gpu, count));
            let (totals, upstream) = (Memory::exact(&gpu, 8), Memory::exact(&gpu, 1));
            logits.write(&gpu, &problem.logits);
            targets.write(&gpu, &problem.targets);
            upstream.write(&gpu, &problem.factors[..1]);
            let wanted = RowOutputs { loss: true, log_sum_exp: true, ..Default::default() };
            let options = CrossEntropy { rows: wanted, ..MEAN };
            let plan =
                options.plan(gpu.kernels(), problem.shape, &problem.layout, pass).expect("a plan");
            assert_eq!(plan.record().words(), 2);
            let step = plan
                .bind(&CrossEntropyOperands {
                    gradient: Some(gradient.slice()),
                    rows: Some(records.slice()),
                    totals: Some(totals.slice()),
                    upstream: wgpu_loss::UpstreamOperand::Buffer(upstream.slice()),
                    ..CrossEntropyOperands::new(logits.slice(), targets.slice())
                })
                .unwrap_or_else(|error| panic!("{rows} x {classes}: {error}"));
            run(&gpu, &[&step]);
            let expected = problem.cross_entropy(&options, SCALAR);
            let records: Vec<u32> = records.read(&gpu);
            let values = |word| {
                let column = column(&records, plan.record(), word).expect("asked for");
                column.into_iter().map(f32::from_bits).collect::<Vec<_>>()
            };
            assert_losses(&values(Word::Loss), &expected.loss_rows.expect("asked for"));
            let log_sum_exp = expected.log_sum_exp.expect("asked for");
            assert_log_sum_exps(&values(Word::LogSumExp), &log_sum_exp, &problem);
            let factors = problem.row_factors(&options, SCALAR);
            let found: Vec<f32> = gradient.read(&gpu);
            assert_gradient(&found, &expected.gradient.expect("asked for"), &factors);
        }
    }
}

#[test]
fn in_place_and_separate_give_the_same_bits() {
    let gpu = gpu();
    for classes in [3, 64, 1000, 4097] {
        let problem = Problem::contiguous(rows(classes), classes);
        let [in_place, separate] = [FUSED, SEPARATE].map(|pass| {
            let buffers = Buffers::new(&gpu, &problem);
            run(&gpu, &[&cross_entropy_step(gpu.kernels(), &buffers, &problem, &MEAN, pass)]);
            buffers.read_bits(pass)
        });
        in_place.assert_written();
        assert_eq!(in_place, separate, "{classes} classes");
    }
}

#[test]
fn a_step_recorded_again_gives_the_same_again() {
    let gpu = gpu();
    let problem = Problem::contiguous(71, 100);
    let buffers = Buffers::new(&gpu, &problem);
    let step = cross_entropy_step(gpu.kernels(), &buffers, &problem, &MEAN, SEPARATE);
    run(&gpu, &[&step]);
    let once = buffers.read_bits(SEPARATE);
    once.assert_written();
    // Twice in one encoder, and again in another: no result is added to what was there.
    run(&gpu, &[&step, &step]);
    assert_eq!(buffers.read_bits(SEPARATE), once);
    // And it computes again, rather than leave what is there.
    let other = Problem { logits: problem.logits.iter().map(|x| -x).collect(), ..problem.clone() };
    buffers.logits.write(&gpu, &other.logits);
    run(&gpu, &[&step]);
    let expected = other.cross_entropy(&MEAN, SCALAR);
    assert_losses(&buffers.read_values(Word::Loss), &expected.loss_rows.expect("asked for"));
}

#[test]
fn a_step_in_the_callers_compute_pass() {
    let gpu = gpu();
    let problem = Problem::contiguous(71, 100);
    let [own, callers] = [false, true].map(|in_callers| {
        let buffers = Buffers::new(&gpu, &problem);
        let steps = steps(BACKWARD, |pass| {
            cross_entropy_step(gpu.kernels(), &buffers, &problem, &MEAN, pass)
        });
        if in_callers {
            device::submit(&gpu, |encoder| {
                let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
                steps.iter().for_each(|step| step.record_in(&mut pass));
            });
        } else {
            run(&gpu, &steps.iter().collect::<Vec<_>>());
        }
        buffers.read_bits(BACKWARD)
    });
    callers.assert_written();
    assert_eq!(own, callers);
}

/// The gradient of the first step is the logits of the second, in one encoder.
#[test]
fn steps_of_one_encoder_see_each_others_results() {
    let gpu = gpu();
    let problem = Problem::contiguous(20, 10);
    let buffers = Buffers::new(&gpu, &problem);
    let first = cross_entropy_step(gpu.kernels(), &buffers, &problem, &MEAN, FUSED);
    let second = log_sum_exp_step(gpu.kernels(), &buffers, &problem, FORWARD);
    run(&gpu, &[&first, &second]);
    let gradient = buffers.read_gradient(FUSED);
    let expected = Problem { logits: gradient, ..problem }.log_sum_exp(SCALAR).log_sum_exp;
    assert_close("log-sum-exp", &buffers.read_log_sum_exp(), &expected, |row| expected[row]);
}

#[test]
fn totals_without_losses_of_rows() {
    let gpu = gpu();
    let problem = Problem::contiguous(3000, 10);
    for reduction in [Reduction::Sum, Reduction::Mean, Reduction::BatchMean, Reduction::ElementMean]
    {
        let options = CrossEntropy { reduction, rows: RowOutputs::default(), ..MEAN };
        for pass in [FORWARD, FUSED] {
            let buffers = Buffers::new(&gpu, &problem);
            run(&gpu, &[&cross_entropy_step(gpu.kernels(), &buffers, &problem, &options, pass)]);
            let expected = problem.cross_entropy(&options, SCALAR).loss;
            let found = buffers.read_totals().loss;
            assert_close("reduced loss", &[found], &[expected], |_| expected);
            assert!(buffers.rows.is_unchanged(&gpu));
        }
    }
}

#[test]
fn the_gradient_of_a_mean_without_totals() {
    let gpu = gpu();
    let problem = Problem::contiguous(300, 10);
    let options = CrossEntropy { rows: RowOutputs::default(), ..MEAN };
    let buffers = Buffers::new(&gpu, &problem);
    let plan =
        options.plan(gpu.kernels(), problem.shape, &problem.layout, SEPARATE).expect("a plan");
    let operands =
        CrossEntropyOperands { totals: None, ..buffers.cross_entropy(&options, SEPARATE) };
    run(&gpu, &[&plan.bind(&operands).expect("totals are not needed")]);
    let expected = problem.cross_entropy(&options, SCALAR).gradient.expect("asked for");
    let factors = problem.row_factors(&options, SCALAR);
    assert_gradient(&buffers.read_gradient(SEPARATE), &expected, &factors);
    assert!(buffers.totals.is_unchanged(&gpu));
}

/// The size of the batch is known without counting: no more is dispatched than for a sum, and a backward
/// has no totals to read.
#[test]
fn the_gradient_of_a_mean_over_all_rows_is_one_dispatch() {
    let gpu = gpu();
    let problem = Problem::contiguous(300, 10);
    for reduction in [Reduction::BatchMean, Reduction::ElementMean] {
        let options = CrossEntropy { reduction, rows: RowOutputs::default(), ..MEAN };
        let sum = CrossEntropy { reduction: Reduction::Sum, ..options };
        for pass in [SEPARATE, BACKWARD] {
            let buffers = Buffers::new(&gpu, &problem);
            let bind = |options: &CrossEntropy| {
                let plan = options.plan(gpu.kernels(), problem.shape, &problem.layout, pass);
                let operands =
                    CrossEntropyOperands { totals: None, ..buffers.cross_entropy(options, pass) };
                plan.expect("a plan").bind(&operands).expect("totals are not needed")
            };
            if pass == BACKWARD {
                let forward = Pass::Forward { save_state: true };
                let step = cross_entropy_step(gpu.kernels(), &buffers, &problem, &options, forward);
                run(&gpu, &[&step]);
            }
            let step = bind(&options);
            assert_eq!((step.dispatches(), bind(&sum).dispatches()), (1, 1));
            run(&gpu, &[&step]);
            let expected = problem.cross_entropy(&options, SCALAR).gradient.expect("asked for");
            let factors = problem.row_factors(&options, SCALAR);
            assert_gradient(&buffers.read_gradient(pass), &expected, &factors);
        }
    }
}

/// Two rows with targets that are no class, in different tiles and, with the smallest bindings, in
/// different dispatches: the first is named, both are NaN, and no other row suffers.
#[test]
fn the_first_invalid_target_is_named() {
    let gpu = gpu();
    let small = shrunken(|capabilities| capabilities.max_binding_bytes = 1 << 16);
    let options = CrossEntropy { reduction: Reduction::Sum, ..MEAN };
    let valid = Problem::contiguous(40_000, 3);
    for (kernels, first, second) in [
        (&small, 20_001, 39_999),
        (&small, 0, 16_384),
        (gpu.kernels(), 7_777, 7_778),
        (&small, 39_998, 39_999),
    ] {
        for value in [3, -1, i32::MAX, i32::MIN] {
            let mut problem = valid.clone();
            problem.targets[first] = value;
            problem.targets[second] = value;
            let buffers = Buffers::new(&gpu, &problem);
            run(&gpu, &[&cross_entropy_step(kernels, &buffers, &problem, &options, SEPARATE)]);

            let totals = buffers.read_totals();
            assert_eq!(totals.first_invalid_row as usize, first, "target {value}");
            assert!(is_computed_nan(totals.loss), "a sum with an invalid row is {}", totals.loss);
            let mut loss = buffers.read_values(Word::Loss);
            let mut gradient = buffers.read_gradient(SEPARATE);
            let mut expected = valid.cross_entropy(&options, SCALAR);
            let losses = expected.loss_rows.as_mut().expect("asked for");
            let gradients = expected.gradient.as_mut().expect("asked for");
            for row in [first, second] {
                // Once seen to be NaN, they are taken out of the comparison.
                let range = 3 * row..3 * row + 3;
                assert!(is_computed_nan(loss[row]), "loss of row {row}");
                assert!(gradient[range.clone()].iter().all(|&x| is_computed_nan(x)), "row {row}");
                (loss[row], losses[row]) = (0.0, 0.0);
                gradient[range.clone()].fill(0.0);
                gradients[range].fill(0.0);
            }
            assert_losses(&loss, losses);
            let factors = valid.row_factors(&options, SCALAR);
            assert_gradient(&gradient, gradients, &factors);
        }
    }
}
