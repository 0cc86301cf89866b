//! The bindings of a kernel, by variant. The tests hold them against naga's reflection.

use super::parameters::{RowParameters, TotalsParameters};
use super::variant::{
    Access, Family, GradientKind, Operation, RowVariant, TotalsKernel, UpstreamKind, Variant,
};

/// What a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the operand of that name
pub enum Slot {
    Parameters,
    Logits,
    Gradient,
    Targets,
    Loss,
    LogSumExp,
    Argmax,
    State,
    Upstream,
    Totals,
    /// Partial results of the tiles of a batch.
    Partials,
}

impl Slot {
    /// The operand's name in errors and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Logits => "logits",
            Self::Gradient => "gradient",
            Self::Targets => "targets",
            Self::Loss => "loss",
            Self::LogSumExp => "log_sum_exp",
            Self::Argmax => "argmax",
            Self::State => "state",
            Self::Upstream => "upstream",
            Self::Totals => "totals",
            Self::Partials => "partials",
        }
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
    }
}

fn uniform<T>() -> Binding {
    Binding { index: 0, slot: Slot::Parameters, written: None, bytes: size_of::<T>() as u64 }
}

fn row_bindings(variant: &RowVariant) -> Vec<Binding> {
    let storage =
        |index, slot, written, bytes| Binding { index, slot, written: Some(written), bytes };
    let place = variant.gradient.map(|(place, _)| place);
    let upstream = variant.gradient.map(|(_, upstream)| upstream);
    let element = match variant.access {
        Access::Vector => 16,
        Access::Scalar => 4,
    };
    let mut list = vec![
        uniform::<RowParameters>(),
        storage(1, Slot::Logits, place == Some(GradientKind::InPlace), element),
    ];
    if place == Some(GradientKind::Separate) {
        list.push(storage(2, Slot::Gradient, true, element));
    }
    let forward = variant.family != Family::FromState;
    if variant.operation == Operation::CrossEntropy {
        list.push(storage(3, Slot::Targets, false, 4));
        if forward {
            list.push(storage(4, Slot::Loss, true, 4));
        }
    }
    if variant.writes_log_sum_exp {
        list.push(storage(5, Slot::LogSumExp, true, 4));
    }
    if variant.writes_argmax {
        list.push(storage(6, Slot::Argmax, true, 4));
    }
    if !forward || variant.saves_state {
        list.push(storage(7, Slot::State, forward, 8));
    }
    if upstream == Some(UpstreamKind::Buffer) {
        list.push(storage(8, Slot::Upstream, false, 4));
    }
    if variant.divides {
        list.push(storage(9, Slot::Totals, false, 4));
    }
    list
}

fn totals_bindings(kernel: TotalsKernel) -> Vec<Binding> {
    let storage =
        |index, slot, written, bytes| Binding { index, slot, written: Some(written), bytes };
    let mut list = vec![uniform::<TotalsParameters>()];
    list.extend(match kernel {
        TotalsKernel::CountTiles => {
            [storage(1, Slot::Targets, false, 4), storage(2, Slot::Partials, true, 8)]
        }
        TotalsKernel::CountFinish => {
            [storage(1, Slot::Partials, false, 8), storage(2, Slot::Totals, true, 4)]
        }
        TotalsKernel::SumTiles => {
            [storage(1, Slot::Loss, false, 4), storage(2, Slot::Partials, true, 4)]
        }
        TotalsKernel::SumFinish | TotalsKernel::MeanFinish => {
            [storage(1, Slot::Partials, false, 4), storage(2, Slot::Totals, true, 4)]
        }
    });
    list
}
