//! Pieces of which rows or elements have results of their own go through the kernels of the whole.

use wgpu::{Device, DeviceDescriptor};

use super::elementwise::WholeLoss;
use super::reduce::Wholes;
use crate::axis::Axis;
use crate::logits::Shape;
use crate::ops::elementwise::{
    ElementwiseLayout, ElementwiseLoss, ElementwisePass, ElementwiseReduction,
    ElementwiseUpstreamLayout, LossFunction,
};
use crate::ops::reduce::{Reduce, Statistic};
use crate::ops::{GradientPlace, Pass, UpstreamSource};
use crate::pipelines::Kernels;
use crate::plan::{AdapterClass, Capabilities, Tuning};
use crate::weights::WeightLayout;

/// A whole and a piece of it: blocks of vectors, and of which only all values together are vectors;
/// single values with gaps between.
fn shapes() -> [[Shape; 2]; 3] {
    let block = |classes, inner| Shape::with_class_axis(1, classes, inner);
    [
        [block(300, 700), block(300, 128)],
        [block(4, 702), block(4, 192)],
        [Shape::new(3000, 1).with_row_stride(3), Shape::new(1000, 1)],
    ]
}

/// Whether rows of a block are no vectors: where kernels know rows, only where its operands start
/// keeps a piece from being addressed by four.
fn needs_shift([whole, piece]: [Shape; 2]) -> bool {
    piece.inner > 1 && !whole.inner.is_multiple_of(4)
}

/// Compares what is compiled for a whole with what a piece needs beside it.
fn check(context: &str, plan_whole: impl Fn(&Kernels), plan_piece: impl Fn(&Kernels)) {
    let (device, _queue) = Device::noop(&DeviceDescriptor::default());
    let class = AdapterClass::Software;
    let capabilities = Capabilities::web_gpu(class);
    let kernels = Kernels::with(&device, capabilities, Tuning::built_in(class)).expect("enough");
    plan_whole(&kernels);
    let of_whole = kernels.compiled();
    plan_piece(&kernels);
    let mut others = kernels.compiled();
    others.retain(|variant| !of_whole.contains(variant));
    assert!(!of_whole.is_empty() && others.is_empty(), "{context}: {others:?}");
}

#[test]
fn losses_of_pieces_have_the_kernels_of_the_whole() {
    let (none, per_row) = (WeightLayout::None, WeightLayout::PerRow);
    for [whole, piece] in shapes() {
        for (reduction, weights) in [
            (ElementwiseReduction::None, per_row),
            (ElementwiseReduction::Sum, none),
            (ElementwiseReduction::WeightedMean, per_row),
        ] {
            if weights != none && needs_shift([whole, piece]) {
                continue;
            }
            let is_unreduced = reduction == ElementwiseReduction::None;
            let axis = if is_unreduced { Axis::All } else { Axis::EachRow };
            let usual = ElementwiseLoss::new(LossFunction::SquaredError);
            let options = ElementwiseLoss { reduction, axis, ..usual };
            let layout = |of| ElementwiseLayout { weights, ..ElementwiseLayout::new(of, of) };
            let upstream = ElementwiseUpstreamLayout::Scalar;
            let pass = ElementwisePass::Fused { gradient: GradientPlace::Separate, upstream };
            let of_whole = layout(whole);
            let of_piece = WholeLoss { layout: &of_whole, pass, is_merged: false };
            check(
                &format!("{whole:?} {reduction:?}"),
                |kernels| drop(options.plan(kernels, &of_whole, pass).expect("a plan")),
                |kernels| {
                    let plan = options.plan_piece(kernels, &layout(piece), pass, of_piece);
                    drop(plan.expect("a plan"));
                },
            );
        }
    }
}

#[test]
fn reductions_of_pieces_have_the_kernels_of_the_whole() {
    let per_row = WeightLayout::PerRow;
    for [whole, piece] in shapes().into_iter().filter(|pair| !needs_shift(*pair)) {
        let options =
            Reduce { weight_gradient: true, ..Reduce::new(Statistic::LogSumExp, Axis::EachRow) };
        let upstream = UpstreamSource::PerRow;
        let pass = Pass::Fused { gradient: GradientPlace::Separate, upstream };
        let of_rows = options.row_layout(whole, per_row);
        let wholes = Wholes { rows: Some(&of_rows), ..Wholes::default() };
        check(
            &format!("{whole:?}"),
            |kernels| drop(options.plan(kernels, whole, per_row, pass).expect("a plan")),
            |kernels| {
                let plan = options.plan_piece(kernels, piece, per_row, pass, wholes);
                drop(plan.expect("a plan"));
            },
        );
    }
}
