//! Where the kernels find each operand.

use super::{ElementwiseLayout, ElementwisePass, ElementwiseUpstreamLayout};
use crate::axis::Axis;
use crate::element::Element;
use crate::kernel::GradientKind;
use crate::kernel::bindings::Slot;
use crate::kernel::loss::LossTerm;
use crate::kernel::reduce::WeightsKind;
use crate::logits::Shape;
use crate::ops::operand::Rows;
use crate::ops::pass::GradientPlace;
use crate::ops::reduce::others::Other;
use crate::plan::reduce::{LOSS_OPERANDS, ReduceLayout, Strides, Walk, loss_layout};
use crate::weights::WeightLayout;

/// Where a kernel finds the numbers of a form; `step`: from one element of a run to the next.
pub(super) fn kind_of(layout: WeightLayout, step: u64) -> WeightsKind {
    match layout {
        WeightLayout::None => WeightsKind::None,
        WeightLayout::PerElement(shape) => WeightsKind::Along(shape.element),
        WeightLayout::PerRow | WeightLayout::PerColumn if step == 0 => WeightsKind::OfRun,
        WeightLayout::PerRow | WeightLayout::PerColumn => WeightsKind::Along(Element::F32),
    }
}

/// Where a kernel of this walk finds them: down a column nothing is shared.
pub(super) fn kind_along(walk: Walk, layout: WeightLayout, step: u64) -> WeightsKind {
    match walk {
        Walk::Columns => kind_of(layout, 1),
        Walk::Runs => kind_of(layout, step),
    }
}

/// Words of what gradients are divided by: a sum of weights and its 2^-64th part.
pub(super) const DENOMINATOR_WORDS: u64 = 2;

/// What gradients are divided by, these numbers of words apart.
pub(super) fn denominators_at(strides: Strides) -> Other {
    Other { slot: Slot::ForwardResults, strides, bytes: 4, by_four: false }
}

pub(super) fn gradient_kind(place: GradientPlace, element: Element) -> GradientKind {
    match place {
        GradientPlace::InPlace => GradientKind::InPlace,
        _ => GradientKind::Separate(element),
    }
}

/// A buffer of numbers of a form; of [`WeightLayout::None`], of one for all.
pub(super) fn broadcast_rows(input: Shape, layout: WeightLayout) -> Rows {
    match layout {
        WeightLayout::None => Rows::of_one(1, 4),
        WeightLayout::PerRow => Rows::of_one(input.rows, 4),
        WeightLayout::PerColumn => Rows::of_one(input.classes, 4),
        WeightLayout::PerElement(shape) => Rows::of_shape(&shape),
    }
}

fn bytes_of(kind: WeightsKind) -> u64 {
    match kind {
        WeightsKind::Along(element) => element.bytes() as u64,
        WeightsKind::None | WeightsKind::OfRun => 4,
    }
}

/// What a piece is a part of.
#[derive(Clone, Copy)]
pub(crate) struct WholeLoss<'a> {
    /// The forms of everything.
    pub(crate) layout: &'a ElementwiseLayout,
    /// The pass over everything.
    pub(crate) pass: ElementwisePass,
    /// A piece has partial results; else its rows or elements have results of their own.
    pub(crate) is_merged: bool,
}

/// The forms of everything that a plan reads and writes.
pub(super) struct Forms<'a> {
    pub(super) layout: &'a ElementwiseLayout,
    pub(super) gradient: Shape,
    pub(super) pass: ElementwisePass,
    /// Of a piece, what it is a part of.
    pub(super) whole: Option<WholeLoss<'a>>,
}

impl Forms<'_> {
    /// The walk along an axis, with the strides of target, third operand, upstream gradient,
    /// gradient, that with respect to the third operand, and unreduced losses.
    pub(super) fn along(
        &self,
        axis: Axis,
        result: Axis,
        is_unreduced: bool,
    ) -> (ReduceLayout, [Strides; LOSS_OPERANDS]) {
        let input = self.layout.input;
        let contiguous = WeightLayout::PerElement(input.contiguous());
        let of_gradient = self.pass.gradient();
        let upstream = match of_gradient {
            Some((_, ElementwiseUpstreamLayout::Buffer(factors))) => factors,
            _ => WeightLayout::None,
        };
        let optional = |is_there: bool, layout| if is_there { layout } else { WeightLayout::None };
        let others = [
            self.layout.target.map_or(WeightLayout::None, WeightLayout::PerElement),
            self.layout.third(),
            upstream,
            optional(of_gradient.is_some(), WeightLayout::PerElement(self.gradient)),
            optional(of_gradient.is_some(), contiguous),
            optional(is_unreduced, contiguous),
        ];
        let whole = self.whole_along(axis, result, is_unreduced);
        loss_layout(input, axis, result, self.layout.weights, others, whole.as_ref())
    }

    /// Of a piece, the walk through everything.
    pub(super) fn whole_along(
        &self,
        axis: Axis,
        result: Axis,
        is_unreduced: bool,
    ) -> Option<ReduceLayout> {
        let WholeLoss { layout, pass, .. } = self.whole?;
        let gradient = layout.input.contiguous().with_element(self.gradient.element);
        let of_whole = Forms { layout, gradient, pass, whole: None };
        Some(of_whole.along(axis, result, is_unreduced).0)
    }

    /// Input and weights.
    pub(super) fn first(&self, layout: &ReduceLayout, weights: WeightsKind) -> Vec<Other> {
        let input = Other {
            slot: Slot::Values,
            strides: layout.values,
            bytes: self.layout.input.element.bytes() as u64,
            by_four: true,
        };
        let weights = (weights != WeightsKind::None).then_some(Other {
            slot: Slot::Weights,
            strides: layout.weights,
            bytes: bytes_of(weights),
            by_four: matches!(weights, WeightsKind::Along(_)),
        });
        std::iter::once(input).chain(weights).collect()
    }

    /// Everything else of a term, as far as it has it.
    pub(super) fn others(
        &self,
        term: &LossTerm,
        strides: &[Strides; LOSS_OPERANDS],
        writes_losses: bool,
    ) -> Vec<Other> {
        let [target, third, upstream, gradient, third_gradient, losses] = *strides;
        let matrix = |slot, strides, element: Element| Other {
            slot,
            strides,
            bytes: element.bytes() as u64,
            by_four: true,
        };
        let broadcast = |slot, strides, kind: WeightsKind| {
            (kind != WeightsKind::None).then_some(Other {
                slot,
                strides,
                bytes: bytes_of(kind),
                by_four: matches!(kind, WeightsKind::Along(_)),
            })
        };
        let mut list = Vec::new();
        list.extend(term.target.map(|element| matrix(Slot::Target, target, element)));
        list.extend(broadcast(Slot::Third, third, term.third));
        if let Some(of) = term.gradient {
            list.extend(broadcast(Slot::Upstream, upstream, of.upstream));
            if let GradientKind::Separate(element) = of.place {
                list.push(matrix(Slot::Gradient, gradient, element));
            }
            let of_third = |element| matrix(Slot::VarianceGradient, third_gradient, element);
            list.extend(of.of_third.map(of_third));
        }
        if writes_losses {
            list.push(matrix(Slot::Results, losses, Element::F32));
        }
        if term.counts {
            let strides = Strides::default();
            list.push(Other { slot: Slot::PositiveCounts, strides, bytes: 16, by_four: false });
        }
        list
    }
}
