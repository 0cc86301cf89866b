//! The bindings of a reduction kernel.

use super::variant::{
    ColumnsVariant, GradientsVariant, MergeRange, MergedVariant, ReduceOutputKind, ReduceVariant,
    ReducedTerm, ReducedValues, RowsOf, RunsVariant, SortKernel, StatisticKind, WeightsKind,
};
use crate::element::Element;
use crate::kernel::bindings::{Binding, Slot, access_bytes, storage, uniform};
use crate::kernel::loss::bindings as loss;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::{Access, GradientKind, UpstreamKind};

pub(in crate::kernel) fn reduce_bindings(variant: &ReduceVariant) -> Vec<Binding> {
    let mut list = vec![uniform::<ReduceParameters>()];
    list.extend(match variant {
        ReduceVariant::Runs(runs) => runs_bindings(runs),
        ReduceVariant::Columns(columns) => columns_bindings(columns),
        ReduceVariant::Merge(merge) => merge_bindings(merge),
        ReduceVariant::Gradients(gradients) => gradients_bindings(gradients),
        ReduceVariant::Losses(losses) => loss::losses_bindings(losses),
        ReduceVariant::ClearCounts => vec![storage(10, Slot::PositiveCounts, true, 4)],
        ReduceVariant::Sort { kernel, .. } => sort_bindings(*kernel),
    });
    list
}

pub(in crate::kernel) fn weights_binding(weights: WeightsKind, access: Access) -> Option<Binding> {
    match weights {
        WeightsKind::None => None,
        WeightsKind::OfRun => Some(storage(2, Slot::Weights, false, 4)),
        WeightsKind::Along(element) => {
            Some(storage(2, Slot::Weights, false, access_bytes(access, element)))
        }
    }
}

fn output_binding(output: ReduceOutputKind) -> Binding {
    match output {
        ReduceOutputKind::Partial => storage(4, Slot::PartialResults, true, 16),
        ReduceOutputKind::Result => storage(4, Slot::Results, true, 4),
    }
}

fn values_bindings(values: &ReducedValues, access: Access) -> Vec<Binding> {
    let loss = values.loss();
    let in_place = loss.is_some_and(|loss| loss::is_in_place(&loss));
    let mut list = Vec::new();
    if values.reads_values() {
        list.push(storage(1, Slot::Values, in_place, access_bytes(access, values.element)));
    }
    list.extend(weights_binding(values.weights, access));
    list.extend(loss.and_then(|loss| loss::gradient_binding(&loss, access)));
    list
}

fn term_bindings(values: &ReducedValues, access: Access) -> Vec<Binding> {
    let term = match values.term {
        None | Some(ReducedTerm::Weight) => return Vec::new(),
        Some(ReducedTerm::Loss(term)) => return loss::term_bindings(&term, access),
        Some(ReducedTerm::WeightGradient(term)) => term,
    };
    let mut list = Vec::new();
    if term.of.forward() != StatisticKind::Sum {
        list.push(storage(5, Slot::ForwardResults, false, 4));
    }
    if term.upstream == UpstreamKind::Buffer {
        list.push(storage(6, Slot::Upstream, false, 4));
    }
    list
}

fn runs_bindings(variant: &RunsVariant) -> Vec<Binding> {
    let mut list = values_bindings(&variant.values, variant.access);
    list.push(output_binding(variant.output));
    list.extend(term_bindings(&variant.values, variant.access));
    list
}

fn columns_bindings(variant: &ColumnsVariant) -> Vec<Binding> {
    let mut list = values_bindings(&variant.values, Access::Strided);
    list.push(output_binding(variant.output));
    list.extend(term_bindings(&variant.values, Access::Strided));
    if variant.rows != RowsOf::Parts {
        list.push(storage(7, Slot::SegmentOffsets, false, 4));
    }
    if variant.rows == RowsOf::SortedSegments {
        list.push(storage(8, Slot::SortedRows, false, 4));
    }
    list
}

fn merge_bindings(variant: &MergedVariant) -> Vec<Binding> {
    let mut list = vec![storage(1, Slot::Partials, false, 16), output_binding(variant.output)];
    if variant.range == MergeRange::Pieces {
        list.push(storage(7, Slot::SegmentOffsets, false, 4));
    }
    list
}

fn gradients_bindings(variant: &GradientsVariant) -> Vec<Binding> {
    let GradientsVariant { access, .. } = *variant;
    let matrix = |index, slot, written, element: Element| {
        storage(index, slot, written, access_bytes(access, element))
    };
    let mut list = Vec::new();
    if variant.reads_values() {
        let in_place = variant.place == GradientKind::InPlace;
        list.push(matrix(1, Slot::Values, in_place, variant.element));
    }
    list.extend(weights_binding(variant.weights, access));
    if let GradientKind::Separate(element) = variant.place {
        list.push(matrix(3, Slot::Gradient, true, element));
    }
    if variant.weight_gradient {
        list.push(storage(4, Slot::WeightGradient, true, 4));
    }
    if variant.reads_results() {
        list.push(storage(5, Slot::ForwardResults, false, 4));
    }
    if variant.upstream == UpstreamKind::Buffer {
        list.push(storage(6, Slot::Upstream, false, 4));
    }
    list
}

fn sort_bindings(kernel: SortKernel) -> Vec<Binding> {
    let keys = storage(1, Slot::SegmentIds, false, 4);
    match kernel {
        SortKernel::Count => vec![keys, storage(4, Slot::Counts, true, 4)],
        SortKernel::Scan => vec![storage(4, Slot::Counts, true, 4)],
        SortKernel::Scatter { sorted } => {
            let mut list = vec![keys, storage(2, Slot::Counts, false, 4)];
            if sorted {
                list.push(storage(3, Slot::PreviousRows, false, 4));
            }
            list.push(storage(4, Slot::SortedKeys, true, 4));
            list.push(storage(5, Slot::SortedRows, true, 4));
            list
        }
        SortKernel::Bounds => vec![keys, storage(4, Slot::SegmentOffsets, true, 4)],
    }
}
