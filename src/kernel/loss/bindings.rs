//! The bindings of element-wise losses, beside those of input and weights.

use super::{LossTerm, LossesVariant};
use crate::element::Element;
use crate::kernel::bindings::{Binding, Slot, access_bytes, storage};
use crate::kernel::reduce::WeightsKind;
use crate::kernel::reduce::bindings::weights_binding;
use crate::kernel::{Access, GradientKind};

fn broadcast(index: u32, slot: Slot, kind: WeightsKind, access: Access) -> Option<Binding> {
    match kind {
        WeightsKind::None => None,
        WeightsKind::OfRun => Some(storage(index, slot, false, 4)),
        WeightsKind::Along(element) => {
            Some(storage(index, slot, false, access_bytes(access, element)))
        }
    }
}

/// Whether the input is overwritten.
pub(in crate::kernel) fn is_in_place(term: &LossTerm) -> bool {
    term.gradient.is_some_and(|gradient| gradient.place == GradientKind::InPlace)
}

/// The gradient's.
pub(in crate::kernel) fn gradient_binding(term: &LossTerm, access: Access) -> Option<Binding> {
    match term.gradient?.place {
        GradientKind::InPlace => None,
        GradientKind::Separate(element) => {
            Some(storage(3, Slot::Gradient, true, access_bytes(access, element)))
        }
    }
}

/// Everything from 5 on.
pub(in crate::kernel) fn term_bindings(term: &LossTerm, access: Access) -> Vec<Binding> {
    let matrix = |index, slot, written, element: Element| {
        storage(index, slot, written, access_bytes(access, element))
    };
    let mut list = Vec::new();
    list.extend(term.target.map(|element| matrix(5, Slot::Target, false, element)));
    list.extend(broadcast(6, Slot::Third, term.third, access));
    if let Some(gradient) = term.gradient {
        list.extend(broadcast(7, Slot::Upstream, gradient.upstream, access));
        if gradient.divides {
            list.push(storage(8, Slot::ForwardResults, false, 4));
        }
        list.extend(gradient.of_third.map(|of| matrix(9, Slot::VarianceGradient, true, of)));
    }
    if term.counts {
        list.push(storage(10, Slot::PositiveCounts, true, 4));
    }
    list
}

pub(in crate::kernel) fn losses_bindings(variant: &LossesVariant) -> Vec<Binding> {
    let LossesVariant { term, access, element, .. } = variant;
    let bytes = access_bytes(*access, *element);
    let mut list = vec![storage(1, Slot::Values, is_in_place(term), bytes)];
    list.extend(weights_binding(variant.weights, *access));
    list.extend(gradient_binding(term, *access));
    if variant.writes_losses {
        list.push(storage(4, Slot::Results, true, access_bytes(*access, Element::F32)));
    }
    list.extend(term_bindings(term, *access));
    list
}
