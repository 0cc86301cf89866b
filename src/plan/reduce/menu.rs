//! The reduction kernels that the planner can choose: every geometry with every statistic, the other
//! choices by turns.

use super::geometry::{RunEntry, fits, merge_geometry};
use super::losses::loss_variants;
use crate::element::Element;
use crate::kernel::reduce::{
    Along, ColumnsVariant, GradientOf, GradientsVariant, MergeRange, MergedVariant,
    ReduceOutputKind, ReduceVariant, ReducedTerm, ReducedValues, RowsOf, RunsVariant, SortKernel,
    StatisticKind, WeightGradientTerm, WeightsKind,
};
use crate::kernel::{Access, Geometry, GradientKind, UpstreamKind, Variant};
use crate::plan::{Capabilities, Tuning};

const GRADIENTS: [GradientOf; 4] = [
    GradientOf::Sum,
    GradientOf::Mean { counted: false },
    GradientOf::Mean { counted: true },
    GradientOf::LogSumExp,
];
pub(super) const WEIGHTS: [WeightsKind; 5] = [
    WeightsKind::None,
    WeightsKind::OfRun,
    WeightsKind::Along(Element::F32),
    WeightsKind::Along(Element::F16),
    WeightsKind::Along(Element::Bf16),
];

/// Takes turns among choices.
pub(super) struct Turns(u64);

impl Turns {
    pub(super) fn next<T: Copy>(&mut self, choices: &[T]) -> T {
        // A step that has no factor in common with any number of choices.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[((self.0 >> 33) % choices.len() as u64) as usize]
    }

    fn values(&mut self, statistic: StatisticKind) -> ReducedValues {
        let weights = match statistic {
            StatisticKind::WeightedMean => self.next(&WEIGHTS[1..]),
            _ => self.next(&WEIGHTS),
        };
        let masked = self.next(&[false, true]);
        ReducedValues { statistic, element: self.next(&Element::ALL), weights, masked, term: None }
    }

    fn term(&mut self, of: GradientOf) -> ReducedValues {
        let upstream = self.next(&[UpstreamKind::Scalar, UpstreamKind::Buffer]);
        let values = self.values(StatisticKind::Sum);
        let weights = self.next(&WEIGHTS[1..]);
        ReducedValues {
            weights,
            term: Some(ReducedTerm::WeightGradient(WeightGradientTerm { of, upstream })),
            ..values
        }
    }

    pub(super) fn runs(
        &mut self,
        values: ReducedValues,
        entry: &RunEntry,
        is_grouped: bool,
    ) -> ReduceVariant {
        ReduceVariant::Runs(RunsVariant {
            values,
            access: self.next(&[Access::Vector, Access::Scalar]),
            team: entry.team,
            geometry: entry.for_values(&values).geometry,
            is_grouped,
            along: self.next(&[Along::Parts, Along::Units, Along::Both]),
            output: self.next(&[ReduceOutputKind::Partial, ReduceOutputKind::Result]),
        })
    }

    pub(super) fn columns(
        &mut self,
        values: ReducedValues,
        rows: RowsOf,
        lanes: u32,
    ) -> ReduceVariant {
        let weights = match values.weights {
            WeightsKind::OfRun => WeightsKind::Along(Element::F32),
            weights => weights,
        };
        ReduceVariant::Columns(ColumnsVariant {
            values: ReducedValues { weights, ..values },
            rows,
            lanes,
            vectors: 2,
            is_shallow: self.next(&[false, true]),
            output: self.next(&[ReduceOutputKind::Partial, ReduceOutputKind::Result]),
        })
    }
}

/// Kernels of reductions on such a device.
pub(crate) fn reduce_variants(capabilities: &Capabilities, tuning: &Tuning) -> Vec<Variant> {
    let tuning = &tuning.reduce;
    let mut turns = Turns(1);
    let mut list = Vec::new();
    for (entries, is_grouped) in [(&tuning.runs, false), (&tuning.grouped, true)] {
        for entry in entries.iter().filter(|entry| fits(capabilities, entry, is_grouped)) {
            for statistic in StatisticKind::ALL {
                let values = turns.values(statistic);
                list.push(turns.runs(values, entry, is_grouped));
            }
            if !is_grouped {
                let of = turns.next(&GRADIENTS);
                let values = turns.term(of);
                list.push(turns.runs(values, entry, false));
            }
        }
    }
    let lanes = tuning.column_lanes.min(capabilities.max_invocations);
    for rows in [RowsOf::Parts, RowsOf::Segments, RowsOf::SortedSegments] {
        for statistic in StatisticKind::ALL {
            let values = turns.values(statistic);
            list.push(turns.columns(values, rows, lanes));
        }
    }
    for of in GRADIENTS {
        let values = turns.term(of);
        list.push(turns.columns(values, RowsOf::Parts, lanes));
    }
    for partials in [1, 100, 1000] {
        let (team, geometry) = merge_geometry(partials);
        for statistic in StatisticKind::ALL {
            list.push(ReduceVariant::Merge(MergedVariant {
                statistic,
                masked: turns.next(&[false, true]),
                range: turns.next(&[MergeRange::Parts, MergeRange::Pieces]),
                team,
                geometry,
                output: turns.next(&[ReduceOutputKind::Partial, ReduceOutputKind::Result]),
            }));
        }
    }
    list.extend(gradients(&mut turns, capabilities, &tuning.gradients));
    let fitting = |entries: &[RunEntry], is_grouped: bool| -> Vec<RunEntry> {
        entries.iter().copied().filter(|entry| fits(capabilities, entry, is_grouped)).collect()
    };
    let runs = fitting(&tuning.runs, false);
    let grouped = fitting(&tuning.grouped, true);
    let writing = fitting(&tuning.gradients, false);
    list.extend(loss_variants(&mut turns, [&runs, &grouped, &writing], lanes));
    let scatters = [false, true].map(|sorted| SortKernel::Scatter { sorted });
    let sorts =
        [SortKernel::Count, SortKernel::Scan, SortKernel::Bounds].into_iter().chain(scatters);
    list.extend(sorts.map(|kernel| ReduceVariant::Sort { kernel, lanes: 64 }));
    list.into_iter().map(Variant::Reduce).collect()
}

fn gradients(
    turns: &mut Turns,
    capabilities: &Capabilities,
    entries: &[RunEntry],
) -> Vec<ReduceVariant> {
    let places = [
        GradientKind::InPlace,
        GradientKind::Separate(Element::F32),
        GradientKind::Separate(Element::F16),
        GradientKind::Separate(Element::Bf16),
    ];
    let mut list = Vec::new();
    for entry in entries.iter().filter(|entry| fits(capabilities, entry, false)) {
        let Geometry { lanes, rows, .. } = entry.geometry;
        for of in GRADIENTS {
            for place in places {
                let weights = turns.next(&WEIGHTS);
                let per_element = matches!(weights, WeightsKind::Along(_));
                list.push(ReduceVariant::Gradients(GradientsVariant {
                    of,
                    element: turns.next(&Element::ALL),
                    weights,
                    masked: weights != WeightsKind::None && turns.next(&[false, true]),
                    access: turns.next(&[Access::Vector, Access::Scalar]),
                    geometry: Geometry { lanes, rows, vectors: 1 },
                    place,
                    weight_gradient: per_element && turns.next(&[false, true]),
                    upstream: turns.next(&[UpstreamKind::Scalar, UpstreamKind::Buffer]),
                }));
            }
        }
    }
    list
}
