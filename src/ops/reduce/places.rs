//! What dispatches over runs are told of where their values are.

use crate::kernel::parameters::ReduceParameters;
use crate::plan::reduce::{Boxed, Nest, Strides};

/// A box of runs, the strides of values and weights, and which results they belong to.
pub(in crate::ops) fn of_runs(
    (each, nest): (&Boxed, &Nest),
    [values, weights, result]: [Strides; 3],
    fixed: ReduceParameters,
) -> ReduceParameters {
    ReduceParameters {
        runs: each.places(1) as u32,
        units: each.units(nest, 1) as u32,
        parts: each.units(nest, 2) as u32,
        length: each.places(2) as u32,
        part_length: nest.unit[2] as u32,
        values_outer: values.outer as u32,
        values_inner: values.inner as u32,
        weights_outer: weights.outer as u32,
        weights_inner: weights.inner as u32,
        weights_step: weights.step as u32,
        result_outer: result.outer as u32,
        result_inner: result.inner as u32,
        result_step: result.step as u32,
        ..fixed
    }
}
