//! The list of every kernel that the planner can choose.

use std::collections::HashSet;

use super::family::fit;
use super::{Capabilities, Entry, Tuning};
use crate::kernel::{
    Access, Family, GradientKind, Operation, RowVariant, TotalsKernel, TotalsVariant, UpstreamKind,
    Variant,
};

/// Every kernel that plans on such a device can consist of, each once. Tests compile this list.
pub fn every_variant(capabilities: &Capabilities, tuning: &Tuning) -> Vec<Variant> {
    let mut variants = Vec::new();
    for entry in tuning.entries.iter().chain(&tuning.from_state) {
        for operation in [Operation::LogSumExp, Operation::CrossEntropy] {
            for access in [Access::Vector, Access::Scalar] {
                push_rows(&mut variants, capabilities, entry, operation, access);
            }
        }
    }
    let totals = [
        TotalsKernel::CountTiles,
        TotalsKernel::CountFinish,
        TotalsKernel::SumTiles,
        TotalsKernel::SumFinish,
        TotalsKernel::MeanFinish,
    ];
    variants.extend(
        totals.map(|kernel| Variant::Totals(TotalsVariant { kernel, lanes: tuning.totals_lanes })),
    );
    let mut seen = HashSet::new();
    variants.retain(|variant| seen.insert(*variant));
    variants
}

fn push_rows(
    variants: &mut Vec<Variant>,
    capabilities: &Capabilities,
    entry: &Entry,
    operation: Operation,
    access: Access,
) {
    let Some(choice) = fit(capabilities, entry) else { return };
    let forward = RowVariant {
        operation,
        family: choice.family,
        team: choice.team,
        geometry: choice.geometry,
        access,
        gradient: None,
        divides: false,
        writes_log_sum_exp: false,
        writes_argmax: false,
        saves_state: false,
    };
    let is_cross_entropy = operation == Operation::CrossEntropy;
    let either = if is_cross_entropy { &[false, true][..] } else { &[false][..] };
    let lses = if is_cross_entropy { &[false, true][..] } else { &[true][..] };
    let mut gradients = Vec::new();
    for place in [GradientKind::InPlace, GradientKind::Separate] {
        for upstream in [UpstreamKind::Scalar, UpstreamKind::Buffer] {
            for &divides in either {
                gradients.push((Some((place, upstream)), divides));
            }
        }
    }
    if choice.family == Family::FromState {
        variants.extend(
            gradients.into_iter().map(|(gradient, divides)| {
                Variant::Rows(RowVariant { gradient, divides, ..forward })
            }),
        );
        return;
    }
    for &writes_log_sum_exp in lses {
        for &writes_argmax in either {
            let forward = RowVariant { writes_log_sum_exp, writes_argmax, ..forward };
            for saves_state in [false, true] {
                variants.push(Variant::Rows(RowVariant { saves_state, ..forward }));
            }
            variants.extend(gradients.iter().map(|&(gradient, divides)| {
                Variant::Rows(RowVariant { gradient, divides, ..forward })
            }));
        }
    }
}
