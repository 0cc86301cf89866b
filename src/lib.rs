#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
// docs.rs says of each item which feature it is there with.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Unit tests share files with the tests outside.
#[cfg(test)]
extern crate self as wgpu_loss;

mod axis;
#[cfg(feature = "cpu")]
pub mod cpu;
mod element;
#[cfg(any(feature = "cpu", feature = "runtime"))]
mod engine;
mod error;
pub mod kernel;
mod logits;
mod memory;
pub mod ops;
pub mod partial;
pub(crate) mod pipelines;
pub mod plan;
#[cfg(feature = "runtime")]
pub mod runtime;
mod segments;
mod targets;
mod upstream;
mod weights;

pub use axis::Axis;
pub use element::{Element, Float, OwnedValues, Values};
#[cfg(any(feature = "cpu", feature = "runtime"))]
pub use engine::Engine;
pub use error::{Error, Result};
pub use half;
pub use kernel::parameters::Totals;
pub use logits::{Logits, Shape};
pub use ops::cross_entropy::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyOutput, CrossEntropyPlan, Input, MergeOperands,
    MergePlan, Mode, Reduction, RowOutputs,
};
pub use ops::elementwise::{
    BinaryCounts, CustomLoss, Elementwise, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands,
    ElementwiseOutput, ElementwisePass, ElementwisePlan, ElementwiseReduction, ElementwiseUpstream,
    ElementwiseUpstreamLayout, LossFunction,
};
pub use ops::log_sum_exp::{LogSumExp, LogSumExpOperands, LogSumExpOutput, LogSumExpPlan};
pub use ops::reduce::{
    Denominator, Reduce, ReduceOperands, ReduceOutput, ReducePlan, ReduceSegmentsOperands,
    ReduceSegmentsPlan, SegmentLayout, Statistic,
};
pub use ops::softmax::{Softmax, SoftmaxOperands, SoftmaxPass, SoftmaxPlan};
pub use ops::softmax_loss::{
    SoftmaxAgainst, SoftmaxAgainstLayout, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOperands,
    SoftmaxLossOutput, SoftmaxLossPass, SoftmaxLossPlan,
};
pub use ops::{
    DebugView, GradientPlace, Pass, PipelineView, Step, UpstreamOperand, UpstreamSource,
};
pub use pipelines::Kernels;
#[cfg(feature = "runtime")]
pub use runtime::{CustomLossReport, FurthestResult, Gpu, GpuOptions, Progress, Streaming};
pub use segments::Segments;
pub use targets::{ClassIndices, TargetLayout, TargetValues, Targets};
pub use upstream::Upstream;
pub use weights::{WeightLayout, Weights};
pub use wgpu;
