//! The kernels of element-wise losses that the planner can choose: every loss over runs, over
//! columns and written element by element, the other choices by turns.

use super::geometry::RunEntry;
use super::menu::{Turns, WEIGHTS};
use crate::element::Element;
use crate::kernel::loss::{CustomModule, LossGradient, LossKind, LossTerm, LossesVariant};
use crate::kernel::reduce::{
    ReduceVariant, ReducedTerm, ReducedValues, RowsOf, StatisticKind, WeightsKind,
};
use crate::kernel::{Access, Geometry, GradientKind};

/// What puts losses together.
const STATISTICS: [StatisticKind; 4] = [
    StatisticKind::Sum,
    StatisticKind::DividedSum,
    StatisticKind::CountedMean,
    StatisticKind::WeightedMean,
];

const PLACES: [GradientKind; 4] = [
    GradientKind::InPlace,
    GradientKind::Separate(Element::F32),
    GradientKind::Separate(Element::F16),
    GradientKind::Separate(Element::Bf16),
];

impl Turns {
    fn loss_gradient(&mut self, kind: LossKind, element: Element, divides: bool) -> LossGradient {
        let place = self.next(&PLACES);
        let stored = match place {
            GradientKind::InPlace => element,
            GradientKind::Separate(element) => element,
        };
        let of_third = kind == LossKind::GaussianNll && self.next(&[false, true]);
        LossGradient {
            place,
            upstream: self.next(&WEIGHTS),
            divides,
            of_third: of_third.then_some(stored),
        }
    }

    fn loss_term(&mut self, kind: LossKind, gradient: Option<LossGradient>) -> LossTerm {
        let is_binary = matches!(
            kind,
            LossKind::BinaryCrossEntropyWithLogits
                | LossKind::BinaryCrossEntropy
                | LossKind::SigmoidFocal
        );
        LossTerm {
            kind,
            smoothed: is_binary && self.next(&[false, true]),
            target: kind.has_target().then(|| self.next(&Element::ALL)),
            third: match kind {
                LossKind::BinaryCrossEntropyWithLogits => self.next(&WEIGHTS),
                LossKind::GaussianNll if gradient.is_some_and(|of| of.of_third.is_some()) => {
                    WeightsKind::Along(self.next(&Element::ALL))
                }
                LossKind::GaussianNll => self.next(&WEIGHTS[1..]),
                _ => WeightsKind::None,
            },
            counts: is_binary && self.next(&[false, true]),
            gradient,
        }
    }

    /// The sum of weights that gradients are divided by.
    fn weights_alone(&mut self) -> ReducedValues {
        ReducedValues {
            statistic: StatisticKind::SumOfWeights,
            element: Element::F32,
            weights: self.next(&WEIGHTS[1..]),
            masked: false,
            term: Some(ReducedTerm::Weight),
        }
    }

    fn loss_values(&mut self, mut term: LossTerm, element: Element) -> ReducedValues {
        let statistic = self.next(&STATISTICS);
        let has_third = term.third != WeightsKind::None;
        if let Some(gradient) = &mut term.gradient {
            gradient.divides = statistic == StatisticKind::WeightedMean;
            // Not every device can bind all of that.
            if gradient.divides && has_third {
                gradient.upstream = WeightsKind::None;
            }
        }
        let weights = match statistic {
            StatisticKind::WeightedMean => self.next(&WEIGHTS[1..]),
            StatisticKind::CountedMean => WeightsKind::None,
            _ => self.next(&WEIGHTS),
        };
        ReducedValues {
            statistic,
            element,
            weights,
            masked: self.next(&[false, true]),
            term: Some(ReducedTerm::Loss(term)),
        }
    }
}

/// The kernels; `runs` and `grouped` are the entries that the device can run, as are `writing`.
pub(super) fn loss_variants(
    turns: &mut Turns,
    [runs, grouped, writing]: [&[RunEntry]; 3],
    column_lanes: u32,
) -> Vec<ReduceVariant> {
    let mut list = vec![ReduceVariant::ClearCounts];
    let callers = [LossKind::Custom(CALLERS), LossKind::Custom(CALLERS_OF_ALL)];
    for kind in LossKind::ALL.into_iter().chain(callers) {
        let is_grouped = turns.next(&[false, true]);
        let entries = if is_grouped { grouped } else { runs };
        if !entries.is_empty() {
            let entry = turns.next(entries);
            let element = turns.next(&Element::ALL);
            let has_gradient = turns.next(&[false, true]);
            let gradient = has_gradient.then(|| turns.loss_gradient(kind, element, false));
            let term = turns.loss_term(kind, gradient);
            let values = turns.loss_values(term, element);
            list.push(turns.runs(values, &entry, is_grouped));
            let of_weights = turns.weights_alone();
            list.push(turns.runs(of_weights, &entry, is_grouped));
        }
        let of_weights = turns.weights_alone();
        list.push(turns.columns(of_weights, RowsOf::Parts, column_lanes));
        for has_gradient in [false, true] {
            let element = turns.next(&Element::ALL);
            let gradient = has_gradient.then(|| turns.loss_gradient(kind, element, false));
            let gradient = gradient.map(|of| of_columns(kind, of, element));
            let term = turns.loss_term(kind, gradient);
            let term = LossTerm { third: along(term.third), ..term };
            let values = turns.loss_values(term, element);
            list.push(turns.columns(values, RowsOf::Parts, column_lanes));
        }
        if !writing.is_empty() {
            let Geometry { lanes, rows, .. } = turns.next(writing).geometry;
            let element = turns.next(&Element::ALL);
            let writes_losses = turns.next(&[false, true]);
            let has_gradient = !writes_losses || turns.next(&[false, true]);
            let divides = !writes_losses && turns.next(&[false, true]);
            let gradient = has_gradient.then(|| turns.loss_gradient(kind, element, divides));
            list.push(ReduceVariant::Losses(LossesVariant {
                term: turns.loss_term(kind, gradient),
                element,
                weights: turns.next(&WEIGHTS),
                masked: turns.next(&[false, true]),
                access: turns.next(&[Access::Vector, Access::Scalar]),
                geometry: Geometry { lanes, rows, vectors: 1 },
                writes_losses,
            }));
        }
    }
    list
}

/// Stands for any loss of a caller's.
const CALLERS: CustomModule = CustomModule {
    name: "a loss of the caller's",
    wgsl: "fn loss_of(x: f32, t: f32, third: f32) -> Loss {\n    return Loss(x - t, 1.0, 0.0);\n}\n",
};

/// Stands for one that takes operands which are not finite.
const CALLERS_OF_ALL: CustomModule = CustomModule {
    name: "a loss of the caller's of all operands",
    wgsl: "fn loss_of(x: f32, t: f32, third: f32) -> Loss {\n    return Loss(tanh_of(x - t), 1.0, 0.0);\n}\n\
           fn special_loss_of(x: f32, t: f32, third: f32) -> Loss {\n    return loss_of(x, t, third);\n}\n",
};

/// Gradients of columns are in single precision.
fn of_columns(kind: LossKind, gradient: LossGradient, element: Element) -> LossGradient {
    let place = match gradient.place {
        GradientKind::InPlace if element == Element::F32 => GradientKind::InPlace,
        _ => GradientKind::Separate(Element::F32),
    };
    let of_third = (kind == LossKind::GaussianNll).then_some(Element::F32);
    LossGradient { place, upstream: along(gradient.upstream), of_third, ..gradient }
}

/// Columns have no runs that could share a number.
fn along(kind: WeightsKind) -> WeightsKind {
    match kind {
        WeightsKind::OfRun => WeightsKind::Along(Element::F32),
        kind => kind,
    }
}
