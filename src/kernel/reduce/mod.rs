//! The kernels of weighted reductions: over runs of values, over columns, merging partial results,
//! writing gradients, and sorting rows by segment.

pub(super) mod bindings;
pub(super) mod link;
mod variant;

pub use variant::{
    Along, ColumnsVariant, GradientOf, GradientsVariant, MergeRange, MergedVariant,
    ReduceOutputKind, ReduceVariant, ReducedTerm, ReducedValues, RowsOf, RunsVariant, SortKernel,
    StatisticKind, WeightGradientTerm, WeightsKind,
};
