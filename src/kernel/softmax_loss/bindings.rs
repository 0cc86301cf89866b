//! The bindings of these kernels.

use super::variant::{AgainstKind, SoftmaxLossVariant};
use crate::kernel::bindings::{Binding, Slot, access_bytes, storage, uniform};
use crate::kernel::parameters::RowParameters;
use crate::kernel::{GradientKind, UpstreamKind};

pub(in crate::kernel) fn softmax_loss_bindings(variant: &SoftmaxLossVariant) -> Vec<Binding> {
    let place = variant.gradient.map(|gradient| gradient.place);
    let matrix = |index, slot, written, element| {
        storage(index, slot, written, access_bytes(variant.access, element))
    };
    let in_place = place == Some(GradientKind::InPlace);
    let mut list =
        vec![uniform::<RowParameters>(), matrix(1, Slot::Logits, in_place, variant.element)];
    if let Some(GradientKind::Separate(element)) = place {
        list.push(matrix(2, Slot::Gradient, true, element));
    }
    list.push(match variant.against {
        AgainstKind::Class | AgainstKind::SmoothedClass => storage(3, Slot::Targets, false, 4),
        AgainstKind::Probability(element) => matrix(3, Slot::Probabilities, false, element),
        AgainstKind::Teacher(element) => matrix(3, Slot::Teacher, false, element),
    });
    list.push(storage(4, Slot::LossRows, true, 4));
    if let Some(gradient) = variant.gradient {
        if gradient.upstream == UpstreamKind::Buffer {
            list.push(storage(8, Slot::Upstream, false, 4));
        }
        if gradient.divides {
            list.push(storage(9, Slot::Totals, false, 4));
        }
    }
    if variant.class_weights {
        list.push(storage(10, Slot::ClassWeights, false, 4));
    }
    if variant.row_weights {
        list.push(storage(11, Slot::RowWeights, false, 4));
    }
    list
}
