//! Operands of element-wise losses, beside input and weights, as the dispatches see them.

use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::plan::reduce::{BoxedOperand, ReduceLayout, Strides};

use super::reduction::Source;

/// One of them: where its elements are.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Other {
    pub(in crate::ops) slot: Slot,
    pub(in crate::ops) strides: Strides,
    pub(in crate::ops) bytes: u64,
    /// Read or written four elements at a time, where everything is aligned to that.
    pub(in crate::ops) by_four: bool,
}

impl Other {
    /// Whether four neighbours of a run never lie in two vectors.
    pub(in crate::ops) fn is_whole(&self, layout: &ReduceLayout, offset: u64) -> bool {
        let apart = |count: u64, stride: u64| count <= 1 || stride.is_multiple_of(4);
        !self.by_four
            || (offset.is_multiple_of(4 * self.bytes)
                && apart(layout.outer, self.strides.outer)
                && apart(layout.inner, self.strides.inner))
    }

    /// Along the nest of a dispatch.
    pub(in crate::ops) fn boxed(&self, source: &Source) -> BoxedOperand {
        let Strides { outer, inner, step } = self.strides;
        // The second word of a denominator lies behind the first.
        let words = if self.slot == Slot::ForwardResults { 2 } else { 1 };
        BoxedOperand {
            offset: source.offset,
            strides: [outer, inner, step].map(|stride| stride * self.bytes),
            per_unit: [false; 3],
            bytes: words * self.bytes,
        }
    }

    /// Tells a kernel where its elements are, so many bytes from where its binding starts.
    pub(in crate::ops) fn tell(&self, parameters: &mut ReduceParameters, slack: u64) {
        let offset = (slack / self.bytes) as u32;
        let words = (slack / 4) as u32;
        let outer = self.strides.outer as u32;
        let inner = self.strides.inner as u32;
        match self.slot {
            Slot::Target => {
                parameters.targets_offset = offset;
                (parameters.targets_outer, parameters.targets_inner) = (outer, inner);
            }
            Slot::Third => {
                parameters.third_offset = offset;
                (parameters.third_outer, parameters.third_inner) = (outer, inner);
                parameters.third_step = self.strides.step as u32;
            }
            Slot::Upstream => {
                parameters.upstream_offset = offset;
                (parameters.upstream_outer, parameters.upstream_inner) = (outer, inner);
                parameters.upstream_step = self.strides.step as u32;
            }
            Slot::Gradient => {
                parameters.gradient_offset = offset;
                (parameters.gradient_outer, parameters.gradient_inner) = (outer, inner);
            }
            Slot::VarianceGradient => {
                parameters.third_gradient_offset = offset;
                (parameters.third_gradient_outer, parameters.third_gradient_inner) = (outer, inner);
            }
            Slot::Results => {
                parameters.losses_offset = offset;
                (parameters.losses_outer, parameters.losses_inner) = (outer, inner);
            }
            Slot::ForwardResults => parameters.result_offset = words,
            Slot::PositiveCounts => parameters.counts_offset = words,
            _ => {}
        }
    }
}
