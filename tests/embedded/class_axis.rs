//! Logits with the class axis in the middle, `(outer, classes, inner)`, in one dispatch and in many.

use wgpu_loss::plan::{RowOperand, row_chunks};
use wgpu_loss::{CrossEntropy, Element, GradientPlace, Kernels, LogSumExp, Pass, Reduction, Shape};
use wgpu_loss_verify::{Case, Factor, Operation, Probabilities, Targets, Weights};

use crate::calls::{check, cross_entropy, engines_in_turn, options};
use crate::device::{gpu, shrunken};
use crate::engine::Embedded;
use crate::problem::ALL;

/// Calls of each operation and target on logits of this shape.
fn calls(shape: Shape) -> Vec<Case> {
    let usual = cross_entropy(shape);
    let mut all = usual.clone();
    options(&mut all).rows = ALL;
    options(&mut all).correct = true;
    options(&mut all).label_smoothing = 0.1;
    all.class_weights = Some(Weights::Positive);
    all.row_weights = Some(Weights::Positive);
    let mut per_row = usual.clone();
    options(&mut per_row).reduction = Reduction::None;
    per_row.upstream = Factor::PerRow;
    let mut probabilities = usual.clone();
    probabilities.targets =
        Targets::Probabilities { kind: Probabilities::Normal, element: Element::F16, gap: 1 };
    let mut log_sum_exp = usual.clone();
    log_sum_exp.operation = Operation::LogSumExp(LogSumExp::default());
    vec![usual, all, per_row, probabilities, log_sum_exp]
}

#[test]
fn values_and_gradients() {
    let gpu = gpu();
    for (number, element) in Element::ALL.into_iter().enumerate() {
        for (outer, classes, inner) in
            [(1, 3, 70), (5, 3, 7), (71, 10, 2), (3, 33, 65), (2, 600, 5), (1, 4100, 3)]
        {
            let shape = Shape::with_class_axis(outer, classes, inner).with_element(element);
            for gap in [0, 1, 4] {
                let shape = shape.with_row_stride(classes * inner + gap);
                for (turn, case) in calls(shape).into_iter().enumerate() {
                    for engine in engines_in_turn(&gpu, [number + turn + gap]) {
                        check(&case, &engine);
                    }
                }
            }
        }
    }
}

/// Whether a dispatch over these logits starts between two rows of a block.
fn starts_inside_a_block(kernels: &Kernels, shape: Shape) -> bool {
    let pass = Pass::Forward { save_state: false };
    let plan = CrossEntropy::default().plan(kernels, shape, &Default::default(), pass);
    let at_once = plan.expect("a plan").variant().geometry.rows;
    let bytes = shape.element.bytes();
    let logits = RowOperand {
        offset: 0,
        inner: shape.inner as u64,
        stride: (shape.row_stride * bytes) as u64,
        bytes: (shape.classes * shape.inner * bytes) as u64,
    };
    let limits = kernels.capabilities();
    let chunks = row_chunks("test", limits, shape.rows as u64, at_once.into(), &[logits]);
    let chunks = chunks.expect("a block fits in a binding");
    assert!(chunks.len() > 1, "{shape:?} takes one dispatch");
    chunks.iter().any(|chunk| chunk.first_row % logits.inner != 0)
}

#[test]
fn many_dispatches() {
    let gpu = gpu();
    let mut inside = 0;
    for kernels in [
        shrunken(|limits| limits.max_binding_bytes = 1 << 16),
        shrunken(|limits| limits.max_workgroups = 256),
    ] {
        for (shape, element) in [
            (Shape::with_class_axis(40, 5, 500), Element::F32),
            (Shape::with_class_axis(70, 3, 301), Element::F16),
            (Shape::with_class_axis(2, 3, 10_001), Element::Bf16),
            (Shape::with_class_axis(9000, 2, 3), Element::F32),
        ] {
            let shape = shape.with_element(element);
            let is_cut = shape.extent().expect("small") * element.bytes() > 1 << 16;
            assert!(is_cut || shape.rows > 256 * 64);
            for shape in [shape, shape.with_row_stride(shape.row_stride + 3)] {
                if kernels.capabilities().max_binding_bytes == 1 << 16 {
                    inside += usize::from(starts_inside_a_block(&kernels, shape));
                }
                for (turn, case) in calls(shape).into_iter().enumerate() {
                    let engine = Embedded::new(&gpu).with_kernels(kernels.clone());
                    let apart = engine
                        .clone()
                        .with_place(GradientPlace::SeparateWithRowStride(1))
                        .with_offsets([3, 1, 7])
                        .in_two_steps();
                    check(&case, if turn % 2 == 0 { &apart } else { &engine });
                }
            }
        }
    }
    assert!(inside >= 4, "{inside} shapes are cut inside a block");
}
