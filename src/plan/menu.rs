//! The kernels that the planner can choose.
//!
//! Options multiply: all of their combinations are tens of millions of texts. So the list holds
//! every geometry with the plain options, and on top of that every pair of options somewhere.

use std::collections::HashSet;

use super::family::{Purpose, fit};
use super::reduce::reduce_variants;
use super::softmax_losses::softmax_loss_variants;
use super::{Capabilities, Choice, Entry, Tuning};
use crate::element::Element;
use crate::kernel::{
    Access, Comparison, Family, GradientKind, GradientVariant, MergeVariant, Operation, Record,
    Reduced, RowVariant, StateKind, TargetKind, Team, TotalsKernel, TotalsVariant, Transform,
    UpstreamKind, Variant, Word,
};

/// Kernels that plans on such a device can consist of, each once: every geometry, every option, and
/// every pair of options. Tests compile this list.
pub fn every_variant(capabilities: &Capabilities, tuning: &Tuning) -> Vec<Variant> {
    let mut variants = Vec::new();
    let mut draw = Draw(1);
    for (entries, accesses, purpose) in [
        (&tuning.entries, &PACKED[..], Purpose::Reduce),
        (&tuning.from_state, &PACKED, Purpose::FromState),
        (&tuning.from_state, &PACKED, Purpose::Gather { gradient: true }),
        (&tuning.strided, &[Access::Strided], Purpose::Reduce),
        (&tuning.strided, &[Access::Strided], Purpose::FromState),
        (&tuning.strided, &[Access::Strided], Purpose::Gather { gradient: true }),
    ] {
        for entry in entries {
            let tile = (entry.family == Family::Tile).then_some(&Access::Tile);
            for &access in accesses.iter().chain(tile) {
                let lanes = tuning.totals_lanes;
                push_geometry(
                    &mut variants,
                    &mut draw,
                    capabilities,
                    entry,
                    access,
                    purpose,
                    lanes,
                );
            }
        }
    }
    push_softmaxes(&mut variants, capabilities, tuning);
    push_gathers(&mut variants, &mut draw);
    push_totals(&mut variants, tuning.totals_lanes);
    push_merges(&mut variants, &mut draw, tuning.totals_lanes);
    variants.extend(reduce_variants(capabilities, tuning));
    variants.extend(softmax_loss_variants(capabilities, tuning));
    let mut seen = HashSet::new();
    variants.retain(|variant| seen.insert(*variant));
    variants
}

/// How rows are read whose classes are neighbours.
const PACKED: [Access; 3] = [Access::Vector, Access::Scalar, Access::Interleaved];

/// Where a gradient may go.
const PLACES: [GradientKind; 4] = [
    GradientKind::InPlace,
    GradientKind::Separate(Element::F32),
    GradientKind::Separate(Element::F16),
    GradientKind::Separate(Element::Bf16),
];

/// What a gradient may be divided by: `divides` and `divides_by_size`.
pub(super) const DIVISORS: [(bool, bool); 3] = [(false, false), (true, false), (false, true)];

/// Kernels of drawn options for each geometry.
const DRAWN: usize = 6;

fn push_geometry(
    variants: &mut Vec<Variant>,
    draw: &mut Draw,
    capabilities: &Capabilities,
    entry: &Entry,
    access: Access,
    purpose: Purpose,
    lanes: u32,
) {
    let Some(choice) = fit(capabilities, entry) else { return };
    let is_gather = matches!(purpose, Purpose::Gather { .. });
    if is_gather && (choice.split || access == Access::Tile) {
        return;
    }
    let choice = choice.for_purpose(purpose);
    if access == Access::Interleaved && choice.geometry.lanes == 1 {
        return;
    }
    let of_purpose = |variant: &RowVariant| variant.fits(purpose) && variant.is_accessible();
    let mut rows: Vec<_> = plain(choice, access).into_iter().filter(of_purpose).collect();
    let drawn = std::iter::repeat_with(|| draw.variant(choice, access));
    // Of these there are fewer geometries to draw for.
    let rare = matches!(access, Access::Strided | Access::Tile);
    rows.extend(drawn.filter(of_purpose).take(if rare { 3 * DRAWN } else { DRAWN }));
    for variant in rows {
        if variant.family == Family::Split {
            variants.push(Variant::Rows(variant.of_parts()));
            variants.push(Variant::Merge(variant.merge_of_parts(lanes)));
            variants.extend(variant.gradient_of_parts().map(Variant::Rows));
        } else {
            variants.push(Variant::Rows(variant));
        }
    }
}

/// Every softmax with every place of its result: a device with few geometries draws too few kernels
/// to meet them all.
fn push_softmaxes(variants: &mut Vec<Variant>, capabilities: &Capabilities, tuning: &Tuning) {
    let choices = tuning.entries.iter().filter_map(|entry| fit(capabilities, entry));
    let Some(choice) = choices.into_iter().find(|choice| !choice.split && !choice.tile) else {
        return;
    };
    let operations = [
        Operation::Softmax,
        Operation::LogSoftmax,
        Operation::SoftmaxGradient,
        Operation::LogSoftmaxGradient,
    ];
    let plain = plain(choice, Access::Vector);
    let Some(forward) = plain.first() else { return };
    for place in PLACES {
        let upstream = UpstreamKind::Scalar;
        let gradient =
            Some(GradientVariant { place, upstream, divides: false, divides_by_size: false });
        let of = |operation| RowVariant { operation, gradient, record: Record::NONE, ..*forward };
        variants.extend(operations.map(of).map(Variant::Rows));
    }
}

fn push_gathers(variants: &mut Vec<Variant>, draw: &mut Draw) {
    let purpose = Purpose::Gather { gradient: false };
    let geometry = crate::kernel::Geometry { lanes: 1, rows: 64, vectors: 1 };
    let choice =
        Choice { family: Family::Gathered, team: Team::Lane, geometry, split: false, tile: false };
    for access in [Access::Vector, Access::Scalar, Access::Strided] {
        let drawn = std::iter::repeat_with(|| draw.variant(choice, access));
        let fitting = drawn.filter(|variant| variant.fits(purpose));
        variants.extend(fitting.take(DRAWN).map(Variant::Rows));
    }
}

/// The kernels of default options: forward, with a saved state, and with each kind of gradient.
fn plain(choice: Choice, access: Access) -> Vec<RowVariant> {
    let forward = RowVariant {
        operation: Operation::LogSumExp,
        family: choice.family,
        team: choice.team,
        geometry: choice.geometry,
        access,
        element: Element::F32,
        upstream_element: Element::F32,
        transform: Transform::None,
        comparison: Comparison::PLAIN,
        gradient: None,
        record: Record::NONE.with(Word::LogSumExp, choice.family != Family::FromState),
        state: match choice.family {
            Family::FromState => StateKind::Pair,
            _ => StateKind::None,
        },
        split: choice.split,
    };
    let mut variants = Vec::new();
    for operation in [Operation::LogSumExp, Operation::CrossEntropy] {
        let word = match operation {
            Operation::CrossEntropy => Word::Loss,
            _ => Word::LogSumExp,
        };
        let record = Record::NONE.with(word, choice.family != Family::FromState);
        let forward = RowVariant { operation, record, ..forward };
        variants.push(forward);
        if choice.family != Family::FromState {
            variants.push(RowVariant { state: StateKind::Pair, ..forward });
        }
        for place in [GradientKind::InPlace, GradientKind::Separate(Element::F32)] {
            for (divides, divides_by_size) in DIVISORS {
                let upstream = UpstreamKind::Scalar;
                let gradient = Some(GradientVariant { place, upstream, divides, divides_by_size });
                variants.push(RowVariant { gradient, ..forward });
            }
        }
    }
    variants
}

impl RowVariant {
    /// Whether the planner chooses this access for such operands.
    const fn is_accessible(&self) -> bool {
        match self.access {
            Access::Tile => self.values_element().is_none(),
            Access::Interleaved => matches!(self.element, Element::F32),
            Access::Vector | Access::Scalar | Access::Strided => true,
        }
    }

    /// Whether the planner makes such a kernel, and for this purpose.
    fn fits(&self, purpose: Purpose) -> bool {
        let is_cross_entropy = self.operation == Operation::CrossEntropy;
        let is_log_sum_exp = self.operation == Operation::LogSumExp;
        let is_probability = matches!(self.comparison.target, TargetKind::Probability(_));
        let only_of_cross_entropy = self.comparison != Comparison::PLAIN
            || self.transform != Transform::None
            || !matches!(self.state, StateKind::None | StateKind::Pair)
            || Word::ALL.into_iter().any(|word| word != Word::LogSumExp && self.record.has(word))
            || self.gradient.is_some_and(|each| each.divides || each.divides_by_size);
        if !is_cross_entropy && only_of_cross_entropy {
            return false;
        }
        if is_probability
            && Word::ALL.into_iter().any(|word| word.is_of_target() && self.record.has(word))
        {
            return false;
        }
        let no_words = self.record.words() == 0;
        let saves = self.state != StateKind::None;
        match purpose {
            Purpose::Reduce | Purpose::ReduceWhole => {
                let has_result = !no_words || self.gradient.is_some() || saves;
                let is_gradient_alone = !is_cross_entropy && !is_log_sum_exp;
                let alone = no_words && !saves && self.gradient.is_some();
                has_result
                    && (self.family != Family::Split || self.operation.splits())
                    && !(saves && self.gradient.is_some())
                    && (!is_gradient_alone || alone)
                    && (self.state != StateKind::Pair || !self.has_terms())
                    && (self.state != StateKind::Sums || self.has_terms())
                    && (self.state != StateKind::Partial || no_words)
            }
            Purpose::FromState => {
                let splits = self.split && self.operation.splits();
                (is_cross_entropy || is_log_sum_exp || splits)
                    && no_words
                    && self.gradient.is_some()
                    && match self.state {
                        StateKind::None => false,
                        StateKind::Pair => !self.has_terms(),
                        StateKind::Sums => self.has_terms(),
                        StateKind::Partial => true,
                        StateKind::Part { .. } => false, // of no whole row
                    }
            }
            Purpose::Gather { gradient } => {
                let words = [Word::Loss, Word::TargetLogProbability];
                let others = Word::ALL.into_iter().filter(|word| !words.contains(word));
                is_cross_entropy
                    && self.comparison.target == TargetKind::Class
                    && !self.comparison.z_loss
                    && self.transform == Transform::None
                    && self.gradient.is_some() == gradient
                    && !saves
                    && (gradient || !no_words)
                    && !others.into_iter().any(|word| self.record.has(word))
            }
        }
    }
}

fn push_merges(variants: &mut Vec<Variant>, draw: &mut Draw, lanes: u32) {
    for flags in 0..32u32 {
        let flag = |bit: u32| flags >> bit & 1 == 1;
        let classes = flag(0);
        let mut record = Record::NONE;
        for word in Word::ALL {
            record = record.with(word, draw.is() && (classes || !word.is_of_target()));
        }
        variants.push(Variant::Merge(MergeVariant {
            log_sum_exp: false,
            classes,
            row_weights: flag(1),
            masked: flag(2),
            z_loss: flag(3),
            record,
            state: if flag(4) { StateKind::Partial } else { StateKind::None },
            lanes,
        }));
    }
}

fn push_totals(variants: &mut Vec<Variant>, lanes: u32) {
    let either = [false, true];
    let mut kernels = Vec::new();
    for a in either {
        for b in either {
            kernels.push(TotalsKernel::CountFinish { weighted: a, z_loss: b, by_size: false });
            kernels.push(TotalsKernel::CountTiles {
                classes: true,
                class_weights: a,
                row_weights: b,
            });
            for record in [
                Record::NONE.with(Word::Loss, true).with(Word::MainLoss, b),
                Record::NONE
                    .with(Word::Loss, true)
                    .with(Word::Correct, true)
                    .with(Word::MainLoss, b),
            ] {
                let record = record.with(Word::ZLoss, b);
                kernels.push(TotalsKernel::SumTiles { record, reduced: a, z_loss: b });
            }
            for correct in either {
                for reduced in [Reduced::Nothing, Reduced::Sum, Reduced::Mean] {
                    kernels.push(TotalsKernel::SumFinish {
                        reduced,
                        z_loss: a,
                        correct,
                        masked: b,
                    });
                }
            }
        }
        let class_weights = false;
        kernels.push(TotalsKernel::CountTiles { classes: false, class_weights, row_weights: a });
        kernels.push(TotalsKernel::CountFinish { weighted: false, z_loss: a, by_size: true });
    }
    let of_lanes = |kernel| Variant::Totals(TotalsVariant { kernel, lanes });
    variants.extend(kernels.into_iter().map(of_lanes));
}

/// Draws options, the same on every call.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn is(&mut self) -> bool {
        self.below(2) == 1
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn variant(&mut self, choice: Choice, access: Access) -> RowVariant {
        let operation = self.of(&[
            Operation::LogSumExp,
            Operation::CrossEntropy,
            Operation::CrossEntropy,
            Operation::CrossEntropy,
            Operation::Softmax,
            Operation::LogSoftmax,
            Operation::SoftmaxGradient,
            Operation::LogSoftmaxGradient,
        ]);
        let is_cross_entropy = operation == Operation::CrossEntropy;
        let probabilities = TargetKind::Probability(self.of(&Element::ALL));
        let comparison = Comparison {
            target: self.of(&[TargetKind::Class, TargetKind::SmoothedClass, probabilities]),
            class_weights: self.is(),
            row_weights: self.is(),
            masked: self.is(),
            z_loss: self.is(),
        };
        let mut record = Record::NONE;
        if self.below(4) > 0 {
            let is_probability = matches!(comparison.target, TargetKind::Probability(_));
            for word in Word::ALL {
                record = record.with(word, self.is() && !(is_probability && word.is_of_target()));
            }
        }
        let place = self.of(&PLACES);
        let upstream = self.of(&[UpstreamKind::Scalar, UpstreamKind::Buffer]);
        let (divides, divides_by_size) = match is_cross_entropy {
            true => self.of(&DIVISORS),
            false => DIVISORS[0],
        };
        let gradient = GradientVariant { place, upstream, divides, divides_by_size };
        let transform = self.of(&[Transform::None, Transform::Scale, Transform::Softcap]);
        let state =
            self.of(&[StateKind::None, StateKind::Pair, StateKind::Sums, StateKind::Partial]);
        let only_log_sum_exp = Record::NONE.with(Word::LogSumExp, record.has(Word::LogSumExp));
        RowVariant {
            operation,
            family: choice.family,
            team: choice.team,
            geometry: choice.geometry,
            access,
            element: self.of(&Element::ALL),
            upstream_element: self.of(&Element::ALL),
            transform: if is_cross_entropy { transform } else { Transform::None },
            comparison: if is_cross_entropy { comparison } else { Comparison::PLAIN },
            gradient: self.is().then_some(gradient),
            record: if is_cross_entropy { record } else { only_log_sum_exp },
            state,
            split: choice.split,
        }
    }
}
