//! Preludes and modules of the reduction kernels.

use std::fmt::Write;

use super::variant::{
    ColumnsVariant, GradientOf, GradientsVariant, MergeRange, MergedVariant, ReduceOutputKind,
    ReduceVariant, ReducedTerm, ReducedValues, RowsOf, RunsVariant, SortKernel, StatisticKind,
    WeightsKind,
};
use crate::element::Element;
use crate::kernel::link::Module;
use crate::kernel::loss::bindings::is_in_place;
use crate::kernel::loss::link as loss;
use crate::kernel::modules::{load_modules, module, narrow_module, store_module, stored_module};
use crate::kernel::{Access, GradientKind, Team, UpstreamKind};

use super::Along;

fn lanes_prelude(lanes: u32, rows: u32, vectors: u32, team: u32) -> String {
    format!(
        "const LANES: u32 = {lanes}u;\nconst ROWS: u32 = {rows}u;\nconst VECTORS: u32 = {vectors}u;\nconst TEAM: u32 = {team}u;\n"
    )
}

fn push_flags(prelude: &mut String, flags: &[(&str, bool)]) {
    for (name, value) in flags {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
}

/// What the statistics' modules are told.
fn push_statistic(prelude: &mut String, statistic: StatisticKind, weighted: bool, masked: bool) {
    push_flags(
        prelude,
        &[
            ("IS_WEIGHTED", weighted),
            ("IS_MEAN", statistic == StatisticKind::DividedSum),
            ("IS_SQUARED", statistic == StatisticKind::SumOfSquares),
            ("IS_MAXIMUM", statistic == StatisticKind::Max),
            ("HAS_PIVOT", statistic == StatisticKind::MeanAndVariance),
            ("MASKED", masked),
        ],
    );
    let _ = write!(
        prelude,
        "const PARTIAL_VECTORS: u32 = {}u;\nconst RESULT_WORDS: u32 = {}u;\n\
         alias Words = array<vec4<u32>, PARTIAL_VECTORS>;\nalias Result = array<u32, RESULT_WORDS>;\n",
        statistic.partial_vectors(),
        statistic.result_words()
    );
}

fn push_values(prelude: &mut String, values: &ReducedValues, is_cut: bool) {
    let statistic = values.statistic;
    push_statistic(prelude, statistic, values.is_weighted(), values.masked);
    let always_leaves_out =
        matches!(statistic, StatisticKind::Max | StatisticKind::Min | StatisticKind::LogSumExp);
    push_flags(
        prelude,
        &[
            ("HAS_TERM", values.weight_gradient().is_some() || !values.reads_values()),
            // Losses are written as they come, and may come in the place of a gradient.
            ("READS_ONCE", values.loss().is_some()),
            ("IS_CUT", is_cut),
            ("LEAVES_OUT", values.is_weighted() && (values.masked || always_leaves_out)),
        ],
    );
    match values.term {
        None | Some(ReducedTerm::Weight) => {}
        Some(ReducedTerm::WeightGradient(term)) => push_gradient(prelude, term.of),
        Some(ReducedTerm::Loss(term)) => {
            push_flags(prelude, &loss::flags(&term, values.weights != WeightsKind::None));
        }
    }
}

fn push_gradient(prelude: &mut String, of: GradientOf) {
    push_flags(prelude, &[("IS_COUNTED", of == GradientOf::Mean { counted: true })]);
    let _ = writeln!(prelude, "const FORWARD_WORDS: u32 = {}u;", of.forward().result_words());
}

pub(in crate::kernel) fn prelude(variant: &ReduceVariant) -> String {
    match variant {
        ReduceVariant::Runs(runs) => runs_prelude(runs),
        ReduceVariant::Columns(columns) => {
            let mut prelude = lanes_prelude(columns.lanes, 1, columns.vectors, 1);
            push_values(&mut prelude, &columns.values, true);
            push_flags(&mut prelude, &[("IS_SHALLOW", columns.is_shallow)]);
            prelude
        }
        ReduceVariant::Merge(merge) => {
            let geometry = merge.geometry;
            let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, 1, geometry.lanes);
            push_statistic(&mut prelude, merge.statistic, false, merge.masked);
            prelude
        }
        ReduceVariant::Gradients(gradients) => {
            let geometry = gradients.geometry;
            let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, 1, 1);
            push_gradient(&mut prelude, gradients.of);
            push_flags(
                &mut prelude,
                &[
                    ("MASKED", gradients.masked && gradients.weights != WeightsKind::None),
                    ("READS_VALUES", gradients.reads_values()),
                    ("WRITES_WEIGHT_GRADIENT", gradients.weight_gradient),
                ],
            );
            prelude
        }
        ReduceVariant::Losses(losses) => {
            let geometry = losses.geometry;
            let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, 1, 1);
            let is_weighted = losses.weights != WeightsKind::None;
            push_flags(&mut prelude, &[("MASKED", losses.masked)]);
            push_flags(&mut prelude, &loss::flags(&losses.term, is_weighted));
            prelude
        }
        ReduceVariant::ClearCounts => String::new(),
        ReduceVariant::Sort { lanes, .. } => lanes_prelude(*lanes, 1, 1, 1),
    }
}

fn runs_prelude(runs: &RunsVariant) -> String {
    let geometry = runs.geometry;
    let team = if runs.is_grouped { geometry.invocations() } else { geometry.lanes };
    let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, geometry.vectors, team);
    push_values(&mut prelude, &runs.values, runs.access != Access::Vector);
    push_flags(
        &mut prelude,
        &[
            ("IS_GROUPED", runs.is_grouped),
            ("ALONG_PARTS", runs.along == Along::Parts),
            ("ALONG_UNITS", runs.along == Along::Units),
        ],
    );
    prelude
}

/// Modules of the arithmetic, which all statistics share.
pub(in crate::kernel) fn common_modules() -> Vec<Module> {
    vec![
        module!("reduce/parameters.wgsl"),
        module!("reduce/constants.wgsl"),
        module!("columns/neighbours.wgsl"),
        module!("sum/exact.wgsl"),
        module!("sum/power_of_two.wgsl"),
        module!("sum/wide.wgsl"),
        module!("sum/sum.wgsl"),
    ]
}

fn statistic_modules(statistic: StatisticKind, weighted: bool) -> Vec<Module> {
    let mut modules = vec![match statistic {
        StatisticKind::Sum
        | StatisticKind::DividedSum
        | StatisticKind::SumOfWeights
        | StatisticKind::SumOfSquares => {
            module!("reduce/statistic/sum.wgsl")
        }
        StatisticKind::CountedMean => module!("reduce/statistic/counted_mean.wgsl"),
        StatisticKind::WeightedMean => module!("reduce/statistic/weighted_mean.wgsl"),
        StatisticKind::MeanAndVariance => module!("reduce/statistic/mean_and_variance.wgsl"),
        StatisticKind::Max | StatisticKind::Min => module!("reduce/statistic/extremum.wgsl"),
        StatisticKind::LogSumExp => module!("reduce/statistic/log_sum_exp.wgsl"),
    }];
    if matches!(statistic, StatisticKind::LogSumExp | StatisticKind::Max | StatisticKind::Min) {
        modules.push(module!("reduce/statistic/no_far_terms.wgsl"));
    }
    if statistic == StatisticKind::LogSumExp {
        modules.push(module!("numeric.wgsl"));
        modules.push(match weighted {
            true => module!("reduce/statistic/log_sum_exp/weighted.wgsl"),
            false => module!("reduce/statistic/log_sum_exp/plain.wgsl"),
        });
    } else {
        modules.push(module!("reduce/statistic/product.wgsl"));
        modules.push(module!("reduce/statistic/no_look_ahead.wgsl"));
    }
    modules
}

/// What the values go through before the statistic sees them.
fn term_modules(values: &ReducedValues) -> Vec<Module> {
    let mut modules = vec![module!("reduce/terms.wgsl")];
    modules.push(match values.statistic {
        StatisticKind::MeanAndVariance => module!("reduce/statistic/pivot.wgsl"),
        _ => module!("reduce/statistic/no_pivot.wgsl"),
    });
    match values.term {
        None | Some(ReducedTerm::Loss(_)) => modules.push(module!("reduce/term/value.wgsl")),
        Some(ReducedTerm::WeightGradient(term)) => {
            modules.push(module!("reduce/term/weight_gradient.wgsl"));
            modules.extend(gradient_modules(term.of, term.upstream));
        }
        Some(ReducedTerm::Weight) => modules.push(module!("reduce/term/weight.wgsl")),
    }
    modules
}

/// The loads of what is reduced.
fn reduced_modules(values: &ReducedValues, access: Access) -> Vec<Module> {
    let in_place = values.loss().is_some_and(|loss| is_in_place(&loss));
    match values.reads_values() {
        true => value_modules(access, values.element, in_place),
        false => vec![module!("reduce/values_unread.wgsl")],
    }
}

fn gradient_modules(of: GradientOf, upstream: UpstreamKind) -> Vec<Module> {
    let mut modules = match of {
        GradientOf::Sum => vec![module!("reduce/gradient/sum.wgsl")],
        GradientOf::Mean { .. } => {
            vec![module!("reduce/gradient/mean.wgsl"), module!("reduce/gradient/results.wgsl")]
        }
        GradientOf::LogSumExp => vec![
            module!("reduce/gradient/log_sum_exp.wgsl"),
            module!("reduce/gradient/results.wgsl"),
            module!("numeric.wgsl"),
        ],
    };
    modules.push(match upstream {
        UpstreamKind::Scalar => module!("reduce/gradient/upstream_scalar.wgsl"),
        UpstreamKind::Buffer => module!("reduce/gradient/upstream_buffer.wgsl"),
    });
    modules
}

/// The loads of values.
pub(in crate::kernel) fn value_modules(
    access: Access,
    element: Element,
    in_place: bool,
) -> Vec<Module> {
    let mut modules = load_modules(access, element, "values", in_place);
    modules.push(match in_place {
        true => module!("reduce/values_read_write.wgsl"),
        false => module!("reduce/values_read.wgsl"),
    });
    modules
}

/// The loads of an operand that may have a number for each value, or one for all of a run.
pub(in crate::kernel) fn broadcast_modules(
    access: Access,
    kind: WeightsKind,
    operand: &'static str,
) -> Vec<Module> {
    let mut modules = Vec::new();
    match kind {
        WeightsKind::None => modules.push(module!("broadcast/none.wgsl" for operand)),
        WeightsKind::OfRun => {
            modules.extend(load_modules(Access::Scalar, Element::F32, operand, false));
            modules.push(module!("broadcast/of_run.wgsl" for operand));
        }
        WeightsKind::Along(element) => {
            modules.extend(load_modules(access, element, operand, false));
            modules.push(module!("broadcast/along.wgsl" for operand));
        }
    }
    modules
}

/// The loads of weights.
pub(in crate::kernel) fn weight_modules(access: Access, weights: WeightsKind) -> Vec<Module> {
    let mut modules = vec![module!("layout/rows.wgsl")];
    modules.extend(broadcast_modules(access, weights, "weights"));
    if weights != WeightsKind::None {
        modules.push(module!("reduce/weights.wgsl"));
    }
    modules
}

fn team_module(team: Team) -> Module {
    match team {
        Team::Lane => module!("reduce/team_lane.wgsl"),
        Team::Subgroup => module!("reduce/team_subgroup.wgsl"),
        Team::Workgroup | Team::Subgroups { .. } => module!("reduce/team_workgroup.wgsl"),
    }
}

fn output_module(output: ReduceOutputKind) -> Module {
    match output {
        ReduceOutputKind::Partial => module!("reduce/output/partial.wgsl"),
        ReduceOutputKind::Result => module!("reduce/output/result.wgsl"),
    }
}

pub(in crate::kernel) fn modules(variant: &ReduceVariant) -> Vec<Module> {
    let modules = match variant {
        ReduceVariant::Runs(runs) => runs_modules(runs),
        ReduceVariant::Columns(columns) => columns_modules(columns),
        ReduceVariant::Merge(merge) => merge_modules(merge),
        ReduceVariant::Gradients(gradients) => gradients_modules(gradients),
        ReduceVariant::Losses(losses) => loss::losses_modules(losses),
        ReduceVariant::ClearCounts => {
            vec![module!("reduce/parameters.wgsl"), module!("elementwise/clear_counts.wgsl")]
        }
        ReduceVariant::Sort { kernel, .. } => sort_modules(*kernel),
    };
    once_each(modules)
}

/// Several lists may ask for the same module.
fn once_each(modules: Vec<Module>) -> Vec<Module> {
    let mut seen = std::collections::HashSet::new();
    modules.into_iter().filter(|module| seen.insert((module.path, module.operand))).collect()
}

fn runs_modules(runs: &RunsVariant) -> Vec<Module> {
    let values = &runs.values;
    let mut modules = common_modules();
    modules.extend(statistic_modules(values.statistic, values.is_weighted()));
    modules.extend(term_modules(values));
    modules.extend(reduced_modules(values, runs.access));
    modules.extend(weight_modules(runs.access, values.weights));
    match values.loss() {
        Some(term) => modules.extend(loss::run_modules(&term, values.element, runs.access)),
        None => {
            modules.extend([module!("reduce/run/plain.wgsl"), module!("reduce/uncounted.wgsl")]);
        }
    }
    modules.extend([
        team_module(runs.team),
        output_module(runs.output),
        module!("reduce/runs.wgsl"),
        module!("reduce/starts.wgsl"),
    ]);
    modules
}

fn columns_modules(columns: &ColumnsVariant) -> Vec<Module> {
    let values = &columns.values;
    let mut modules = common_modules();
    modules.extend(statistic_modules(values.statistic, values.is_weighted()));
    modules.extend(term_modules(values));
    modules.extend(reduced_modules(values, Access::Scalar));
    modules.extend(weight_modules(Access::Scalar, values.weights));
    match values.loss() {
        Some(term) => modules.extend(loss::column_modules(&term)),
        None => {
            modules.extend([module!("reduce/column/plain.wgsl"), module!("reduce/uncounted.wgsl")]);
        }
    }
    modules.extend([output_module(columns.output), module!("reduce/columns.wgsl")]);
    modules.extend(match columns.rows {
        RowsOf::Parts => {
            vec![module!("reduce/range/part.wgsl"), module!("reduce/range/rows_in_order.wgsl")]
        }
        RowsOf::Segments => vec![
            module!("reduce/range/offsets.wgsl"),
            module!("reduce/range/piece.wgsl"),
            module!("reduce/range/rows_in_order.wgsl"),
        ],
        RowsOf::SortedSegments => vec![
            module!("reduce/range/offsets.wgsl"),
            module!("reduce/range/piece.wgsl"),
            module!("reduce/range/rows_sorted.wgsl"),
        ],
    });
    modules
}

fn merge_modules(merge: &MergedVariant) -> Vec<Module> {
    let mut modules = common_modules();
    modules.extend(statistic_modules(merge.statistic, false));
    modules.extend([
        team_module(merge.team),
        output_module(merge.output),
        module!("reduce/merge.wgsl"),
    ]);
    modules.extend(match merge.range {
        MergeRange::Parts => vec![module!("reduce/range/merged_parts.wgsl")],
        MergeRange::Pieces => {
            vec![module!("reduce/range/offsets.wgsl"), module!("reduce/range/merged_pieces.wgsl")]
        }
    });
    modules
}

fn gradients_modules(gradients: &GradientsVariant) -> Vec<Module> {
    let in_place = gradients.place == GradientKind::InPlace;
    let mut modules = common_modules();
    modules.extend(gradient_modules(gradients.of, gradients.upstream));
    modules.extend(match gradients.reads_values() {
        true => value_modules(gradients.access, gradients.element, in_place),
        false => vec![module!("reduce/values_unread.wgsl")],
    });
    modules.extend(weight_modules(gradients.access, gradients.weights));
    let (element, target) = match gradients.place {
        GradientKind::InPlace => (gradients.element, "values"),
        GradientKind::Separate(element) => (element, "gradient"),
    };
    modules.push(store_module(gradients.access, element, target));
    modules.push(module!("element/store.wgsl" for target));
    modules.extend(narrow_module(element));
    if !in_place {
        modules.push(module!("reduce/gradient/separate.wgsl"));
        modules.push(stored_module(gradients.access, element, "gradient"));
    }
    modules.push(match gradients.weight_gradient {
        true => module!("reduce/gradient/of_weights.wgsl"),
        false => module!("reduce/gradient/not_of_weights.wgsl"),
    });
    modules.extend([
        module!("reduce/starts.wgsl"),
        module!("reduce/gradient/write.wgsl"),
        module!("reduce/gradient/main.wgsl"),
    ]);
    modules
}

fn sort_modules(kernel: SortKernel) -> Vec<Module> {
    let mut modules = vec![module!("reduce/parameters.wgsl")];
    if kernel != SortKernel::Scan {
        modules.push(module!("reduce/sort/digits.wgsl"));
    }
    modules.extend(match kernel {
        SortKernel::Count => vec![module!("reduce/sort/count.wgsl")],
        SortKernel::Scan => vec![module!("reduce/sort/scan.wgsl")],
        SortKernel::Scatter { sorted: false } => {
            vec![module!("reduce/sort/scatter.wgsl"), module!("reduce/sort/rows_first.wgsl")]
        }
        SortKernel::Scatter { sorted: true } => {
            vec![module!("reduce/sort/scatter.wgsl"), module!("reduce/sort/rows_sorted.wgsl")]
        }
        SortKernel::Bounds => vec![module!("reduce/sort/bounds.wgsl")],
    });
    modules
}
