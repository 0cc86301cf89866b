//! The bindings of a kernel, by variant. The tests hold them against naga's reflection.

use super::parameters::{RowParameters, TotalsParameters};
use super::reduce::bindings::reduce_bindings;
use super::softmax_loss::bindings::softmax_loss_bindings;
use super::variant::{
    Access, Family, GradientKind, MergeVariant, Operation, RowVariant, StateKind, TargetKind,
    TotalsKernel, UpstreamKind, Variant,
};
use crate::element::Element;

/// What a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the operand of that name
pub enum Slot {
    Parameters,
    Logits,
    Gradient,
    Targets,
    /// Probabilities as targets.
    Probabilities,
    /// A teacher's logits.
    Teacher,
    /// An upstream gradient with a value for each logit.
    UpstreamMatrix,
    /// The words of each row.
    Rows,
    /// The same where that is its log-sum-exp alone.
    LogSumExp,
    /// The same where that is its loss alone.
    LossRows,
    State,
    Upstream,
    Totals,
    ClassWeights,
    RowWeights,
    /// Partial results of the tiles of a batch.
    Partials,
    /// States of the parts of each row.
    Parts,
    /// What is reduced, or the input of an element-wise loss.
    Values,
    Weights,
    Results,
    /// Results of the forward, which a backward reads.
    ForwardResults,
    WeightGradient,
    /// The target of an element-wise loss.
    Target,
    /// The weights of positives, or the variance.
    Third,
    PositiveWeights,
    Variance,
    VarianceGradient,
    /// True and false positives and negatives.
    PositiveCounts,
    /// Partial results that are yet to be merged.
    PartialResults,
    SegmentOffsets,
    SegmentIds,
    /// Ids of segments in their order.
    SortedKeys,
    /// Rows in the order of their segments.
    SortedRows,
    /// The same as an earlier step left them.
    PreviousRows,
    /// How often each digit occurs in each tile.
    Counts,
}

impl Slot {
    /// The operand's name in errors and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Logits => "logits",
            Self::Gradient => "gradient",
            Self::Targets => "targets",
            Self::Probabilities => "probabilities",
            Self::Teacher => "teacher",
            Self::UpstreamMatrix => "upstream gradient",
            Self::Rows => "rows",
            Self::LogSumExp => "log_sum_exp",
            Self::LossRows => "loss_rows",
            Self::State => "state",
            Self::Upstream => "upstream",
            Self::Totals => "totals",
            Self::ClassWeights => "class_weights",
            Self::RowWeights => "row_weights",
            Self::Partials => "partials",
            Self::Parts => "parts",
            Self::Values => "values",
            Self::Weights => "weights",
            Self::Results => "results",
            Self::ForwardResults => "results",
            Self::WeightGradient => "weight_gradient",
            Self::Target => "target",
            Self::Third => "third operand",
            Self::PositiveWeights => "positive_weights",
            Self::Variance => "variance",
            Self::VarianceGradient => "variance_gradient",
            Self::PositiveCounts => "counts",
            Self::PartialResults => "partial_results",
            Self::SegmentOffsets => "segment_offsets",
            Self::SegmentIds => "segment_ids",
            Self::SortedKeys => "sorted_keys",
            Self::SortedRows => "sorted_rows",
            Self::PreviousRows => "previous_rows",
            Self::Counts => "counts",
        }
    }
}

impl Slot {
    /// The operand's name in `shaders/`, where a file of `operand/` declares it.
    pub(super) const fn operand(self) -> Option<&'static str> {
        Some(match self {
            Self::Targets | Self::Target => "targets",
            Self::Probabilities | Self::Teacher | Self::UpstreamMatrix | Self::Values => "values",
            Self::Weights => "weights",
            Self::ClassWeights => "class_weights",
            Self::RowWeights => "row_weights",
            Self::Third => "third",
            Self::Gradient => "gradient",
            Self::WeightGradient => "weight_gradient",
            Self::VarianceGradient => "third_gradient",
            Self::Upstream => "upstream",
            Self::Totals => "totals",
            Self::Results => "results",
            Self::ForwardResults => "forward_results",
            Self::SegmentOffsets => "segment_offsets",
            Self::PreviousRows => "previous_rows",
            Self::SortedRows => "sorted_rows",
            _ => return None,
        })
    }
}

/// One binding of a kernel, all in group 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `@binding(index)`.
    pub index: u32,
    /// What it holds.
    pub slot: Slot,
    /// `None`: a uniform. `Some(written)`: storage.
    pub written: Option<bool>,
    /// Bytes of the uniform, or of one element of the storage array.
    pub bytes: u64,
}

/// Every binding of a kernel, by ascending index.
pub fn bindings(variant: &Variant) -> Vec<Binding> {
    match variant {
        Variant::Rows(rows) => row_bindings(rows),
        Variant::Totals(totals) => totals_bindings(totals.kernel),
        Variant::Merge(merge) => merge_bindings(merge),
        Variant::Reduce(reduce) => reduce_bindings(reduce),
        Variant::SoftmaxLoss(loss) => softmax_loss_bindings(loss),
    }
}

pub(super) fn uniform<T>() -> Binding {
    Binding { index: 0, slot: Slot::Parameters, written: None, bytes: size_of::<T>() as u64 }
}

pub(super) fn storage(index: u32, slot: Slot, written: bool, bytes: u64) -> Binding {
    Binding { index, slot, written: Some(written), bytes }
}

/// Bytes that are read or written at once.
pub(super) fn access_bytes(access: Access, element: Element) -> u64 {
    match access {
        Access::Vector => 4 * element.bytes() as u64,
        _ => 4,
    }
}

fn row_bindings(variant: &RowVariant) -> Vec<Binding> {
    let place = variant.gradient.map(|gradient| gradient.place);
    let matrix = |index, slot, written, element| {
        storage(index, slot, written, access_bytes(variant.access, element))
    };
    let mut list = vec![
        uniform::<RowParameters>(),
        matrix(1, Slot::Logits, place == Some(GradientKind::InPlace), variant.element),
    ];
    if let Some(GradientKind::Separate(element)) = place {
        list.push(matrix(2, Slot::Gradient, true, element));
    }
    let is_cross_entropy = variant.operation == Operation::CrossEntropy;
    match (variant.values_element(), variant.comparison.target) {
        (Some(element), TargetKind::Probability(_)) if is_cross_entropy => {
            list.push(matrix(3, Slot::Probabilities, false, element));
        }
        (Some(element), _) => list.push(matrix(3, Slot::UpstreamMatrix, false, element)),
        (None, _) if is_cross_entropy => list.push(storage(3, Slot::Targets, false, 4)),
        (None, _) => {}
    }
    if variant.record.words() > 0 {
        let slot = if is_cross_entropy { Slot::Rows } else { Slot::LogSumExp };
        list.push(storage(4, slot, true, 4));
    }
    if variant.state != StateKind::None {
        let is_written = variant.family != Family::FromState;
        list.push(storage(7, Slot::State, is_written, variant.state.bytes()));
    }
    if let Some(gradient) = variant.gradient {
        if gradient.upstream == UpstreamKind::Buffer {
            list.push(storage(8, Slot::Upstream, false, 4));
        }
        if gradient.divides {
            list.push(storage(9, Slot::Totals, false, 4));
        }
    }
    if is_cross_entropy && variant.comparison.class_weights {
        list.push(storage(10, Slot::ClassWeights, false, 4));
    }
    if is_cross_entropy && variant.comparison.row_weights {
        list.push(storage(11, Slot::RowWeights, false, 4));
    }
    list
}

fn merge_bindings(variant: &MergeVariant) -> Vec<Binding> {
    let part_bytes = if variant.log_sum_exp { 8 } else { 32 };
    let mut list = vec![uniform::<RowParameters>(), storage(1, Slot::Parts, false, part_bytes)];
    if variant.classes {
        list.push(storage(3, Slot::Targets, false, 4));
    }
    if variant.record.words() > 0 {
        let slot = if variant.log_sum_exp { Slot::LogSumExp } else { Slot::Rows };
        list.push(storage(4, slot, true, 4));
    }
    if variant.state != StateKind::None {
        list.push(storage(7, Slot::State, true, variant.state.bytes()));
    }
    if variant.row_weights {
        list.push(storage(11, Slot::RowWeights, false, 4));
    }
    list
}

fn totals_bindings(kernel: TotalsKernel) -> Vec<Binding> {
    let mut list = vec![uniform::<TotalsParameters>()];
    match kernel {
        TotalsKernel::CountTiles { classes, class_weights, row_weights } => {
            if classes {
                list.push(storage(1, Slot::Targets, false, 4));
            }
            list.push(storage(2, Slot::Partials, true, 24));
            if classes && class_weights {
                list.push(storage(10, Slot::ClassWeights, false, 4));
            }
            if row_weights {
                list.push(storage(11, Slot::RowWeights, false, 4));
            }
        }
        TotalsKernel::SumTiles { .. } => {
            list.extend([storage(1, Slot::Rows, false, 4), storage(2, Slot::Partials, true, 16)])
        }
        TotalsKernel::CountFinish { .. } => {
            list.extend([storage(1, Slot::Partials, false, 24), storage(2, Slot::Totals, true, 4)])
        }
        TotalsKernel::SumFinish { .. } => {
            list.extend([storage(1, Slot::Partials, false, 16), storage(2, Slot::Totals, true, 4)])
        }
    }
    list
}
