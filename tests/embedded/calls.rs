//! Calls with everything they are called with, for [`Embedded`] to be compared with the oracle on.

use std::sync::OnceLock;

use wgpu_loss::{CrossEntropy, Engine, Gpu, GradientPlace, Shape};
use wgpu_loss_verify::{
    Case, Content, Extent, Factor, Ignored, Integer, Operation, Targets, cases,
};

use crate::engine::Embedded;
use crate::turns::everything_runs;

/// A cross-entropy with its gradient: the default options, a third of the rows ignored.
pub fn cross_entropy(shape: Shape) -> Case {
    // Cases are made by lists alone, but every field can be set.
    static ANY: OnceLock<Case> = OnceLock::new();
    let mut case = ANY.get_or_init(|| cases(Extent::Quick).swap_remove(0)).clone();
    case.operation = Operation::CrossEntropy(CrossEntropy::default());
    case.shape = shape;
    case.content = Content::Normal;
    case.targets = Targets::Classes { ignored: Ignored::Some, integer: Integer::I32 };
    case.class_weights = None;
    case.row_weights = None;
    case.upstream = Factor::Scalar(-0.37);
    case.fault = None;
    case.seed = shape.rows as u64 ^ (shape.classes as u64) << 20;
    case
}

/// The case's options of cross-entropy.
pub fn options(case: &mut Case) -> &mut CrossEntropy {
    match &mut case.operation {
        Operation::CrossEntropy(options) => options,
        other => panic!("{other} has no such options"),
    }
}

/// Fused and in two steps, in place and to buffers of their own, aligned and between vectors.
pub fn engines(gpu: &Gpu) -> Vec<Embedded> {
    let new = || Embedded::new(gpu);
    vec![
        new(),
        new().with_place(GradientPlace::Separate).with_offsets([1, 3, 5]),
        new().in_two_steps().with_offsets([4, 0, 1]),
        new()
            .in_two_steps()
            .with_place(GradientPlace::SeparateWithRowStride(5))
            .with_offsets([3, 5, 2]),
    ]
}

/// Those of [`engines`] whose turn it is, from their first again behind their last: each has kernels of
/// its own to compile.
pub fn engines_in_turn<const N: usize>(gpu: &Gpu, turns: [usize; N]) -> Vec<Embedded> {
    let all = engines(gpu);
    match everything_runs() {
        true => all,
        false => turns.map(|turn| all[turn % all.len()].clone()).to_vec(),
    }
}

/// Fails unless the engine's results are the oracle's.
#[track_caller]
pub fn check(case: &Case, engine: &dyn Engine) {
    let result = case.check(engine);
    assert!(result.passed(), "{}: {case}: {:?}", engine.name(), result.failure);
}
