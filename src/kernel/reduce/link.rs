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
use crate::kernel::modules::{load_modules, module, store_modules, word_modules};
use crate::kernel::{Access, GradientKind, Team, UpstreamKind};

use super::Along;

fn lanes_prelude(lanes: u32, rows: u32, vectors: u32, team: u32) -> String {
    format!(
        "const LANES: u32 = {lanes}u;\nconst ROWS: u32 = {rows}u;\nconst VECTORS: u32 = {vectors}u;\nconst TEAM: u32 = {team}u;\n\
         const IS_INTERLEAVED: bool = false;\n"
    )
}

fn push_flags(prelude: &mut String, flags: &[(&str, bool)]) {
    for (name, value) in flags {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
}

/// What the statistics' modules are told.
fn push_statistic(prelude: &mut String, statistic: StatisticKind, weighted: bool, masked: bool) {
    let is_counted = statistic == StatisticKind::CountedMean;
    push_flags(
        prelude,
        &[
            ("IS_WEIGHTED", weighted),
            ("IS_MEAN", is_counted || statistic == StatisticKind::DividedSum),
            ("IS_COUNTED_MEAN", is_counted),
            ("IS_SQUARED", statistic == StatisticKind::SumOfSquares),
            ("IS_MAXIMUM", statistic == StatisticKind::Max),
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
            ("IS_WEIGHT_GRADIENT", values.weight_gradient().is_some()),
            ("IS_OF_EXPONENTIALS", statistic == StatisticKind::LogSumExp),
            ("HAS_PIVOT", statistic == StatisticKind::MeanAndVariance),
            // Losses are written as they come, and may come in the place of a gradient.
            ("READS_ONCE", values.loss().is_some()),
            ("IS_CUT", is_cut),
            ("LEAVES_OUT", values.is_weighted() && (values.masked || always_leaves_out)),
        ],
    );
    match values.term {
        None | Some(ReducedTerm::Weight) => {}
        Some(ReducedTerm::WeightGradient(term)) => push_gradient(prelude, term.of, term.upstream),
        Some(ReducedTerm::Loss(term)) => push_flags(prelude, &loss::flags(&term, values.weights)),
    }
    push_weights(prelude, values.weights);
}

/// Where the numbers of [`broadcast_modules`] are.
pub(in crate::kernel) fn broadcast_flag(
    name: &'static str,
    kind: WeightsKind,
) -> Option<(&'static str, bool)> {
    (kind != WeightsKind::None).then_some((name, kind == WeightsKind::OfRun))
}

fn push_weights(prelude: &mut String, weights: WeightsKind) {
    push_flags(prelude, broadcast_flag("weights_IS_OF_RUN", weights).as_slice());
}

fn push_gradient(prelude: &mut String, of: GradientOf, upstream: UpstreamKind) {
    push_flags(
        prelude,
        &[
            ("IS_OF_SUM", of == GradientOf::Sum),
            ("IS_COUNTED", of == GradientOf::Mean { counted: true }),
            ("HAS_UPSTREAM", upstream == UpstreamKind::Buffer),
        ],
    );
    let _ = writeln!(prelude, "const FORWARD_WORDS: u32 = {}u;", of.forward().result_words());
}

pub(in crate::kernel) fn prelude(variant: &ReduceVariant) -> String {
    match variant {
        ReduceVariant::Runs(runs) => runs_prelude(runs),
        ReduceVariant::Columns(columns) => {
            let mut prelude = lanes_prelude(columns.lanes, 1, columns.vectors, 1);
            push_values(&mut prelude, &columns.values, true);
            push_flags(
                &mut prelude,
                &[
                    ("IS_SHALLOW", columns.is_shallow),
                    ("ROWS_ARE_SORTED", columns.rows == RowsOf::SortedSegments),
                ],
            );
            prelude
        }
        ReduceVariant::Merge(merge) => {
            let geometry = merge.geometry;
            let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, 1, geometry.lanes);
            push_statistic(&mut prelude, merge.statistic, false, merge.masked);
            push_flags(&mut prelude, &[("ROWS_ARE_SORTED", false)]);
            prelude
        }
        ReduceVariant::Gradients(gradients) => {
            let geometry = gradients.geometry;
            let mut prelude = lanes_prelude(geometry.lanes, geometry.rows, 1, 1);
            push_gradient(&mut prelude, gradients.of, gradients.upstream);
            push_weights(&mut prelude, gradients.weights);
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
            push_flags(
                &mut prelude,
                &[("MASKED", losses.masked), ("WRITES_LOSSES", losses.writes_losses)],
            );
            push_flags(&mut prelude, &loss::flags(&losses.term, losses.weights));
            push_weights(&mut prelude, losses.weights);
            prelude
        }
        ReduceVariant::ClearCounts => String::new(),
        ReduceVariant::Sort { lanes, kernel } => {
            let mut prelude = lanes_prelude(*lanes, 1, 1, 1);
            let is_sorted = matches!(kernel, SortKernel::Scatter { sorted: true });
            push_flags(&mut prelude, &[("ROWS_ARE_SORTED", is_sorted)]);
            prelude
        }
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
        module!("columns.wgsl"),
        module!("sum/exact.wgsl"),
        module!("sum/power_of_two.wgsl"),
        module!("sum/sum.wgsl"),
    ]
}

fn statistic_modules(statistic: StatisticKind) -> Vec<Module> {
    match statistic {
        StatisticKind::Sum
        | StatisticKind::DividedSum
        | StatisticKind::SumOfWeights
        | StatisticKind::SumOfSquares
        | StatisticKind::CountedMean => vec![module!("reduce/statistic/sum.wgsl")],
        StatisticKind::WeightedMean => vec![module!("reduce/statistic/weighted_mean.wgsl")],
        StatisticKind::MeanAndVariance => {
            vec![module!("reduce/statistic/mean_and_variance.wgsl")]
        }
        StatisticKind::Max | StatisticKind::Min => vec![module!("reduce/statistic/extremum.wgsl")],
        StatisticKind::LogSumExp => {
            vec![module!("reduce/statistic/log_sum_exp.wgsl"), module!("numeric.wgsl")]
        }
    }
}

/// What the values go through before the statistic sees them.
fn term_modules(values: &ReducedValues) -> Vec<Module> {
    let mut modules = vec![module!("reduce/terms.wgsl")];
    match values.weight_gradient() {
        Some(term) => modules.extend(gradient_modules(term.of, term.upstream)),
        None => modules.push(module!("reduce/gradient/none.wgsl")),
    }
    modules
}

/// The loads of what is reduced.
fn reduced_modules(values: &ReducedValues, access: Access) -> Vec<Module> {
    let in_place = values.loss().is_some_and(|loss| is_in_place(&loss));
    match values.reads_values() {
        true => value_modules(access, values.element, in_place),
        false => vec![module!("operand/absent.wgsl" for "values")],
    }
}

fn gradient_modules(of: GradientOf, upstream: UpstreamKind) -> Vec<Module> {
    let mut modules = vec![module!("reduce/gradient/forward.wgsl")];
    modules.extend(match of {
        GradientOf::Sum | GradientOf::Mean { .. } => vec![module!("reduce/gradient/sum.wgsl")],
        GradientOf::LogSumExp => {
            vec![module!("reduce/gradient/log_sum_exp.wgsl"), module!("numeric.wgsl")]
        }
    });
    modules.extend(word_modules(of.forward() != StatisticKind::Sum, "forward_results"));
    modules.extend(word_modules(upstream == UpstreamKind::Buffer, "upstream"));
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
        true => module!("operand/written.wgsl" for "values"),
        false => module!("operand/read.wgsl" for "values"),
    });
    modules
}

/// The loads of an operand that may have a number for each value, or one for all of a run.
pub(in crate::kernel) fn broadcast_modules(
    access: Access,
    kind: WeightsKind,
    operand: &'static str,
) -> Vec<Module> {
    let mut modules = match kind {
        WeightsKind::None => return vec![module!("operand/absent.wgsl" for operand)],
        WeightsKind::OfRun => load_modules(Access::Scalar, Element::F32, operand, false),
        WeightsKind::Along(element) => load_modules(access, element, operand, false),
    };
    modules.push(module!("operand/read.wgsl" for operand));
    modules.push(module!("operand/broadcast.wgsl" for operand));
    modules
}

/// The loads of weights.
pub(in crate::kernel) fn weight_modules(access: Access, weights: WeightsKind) -> Vec<Module> {
    let mut modules = vec![module!("layout/rows.wgsl")];
    modules.extend(broadcast_modules(access, weights, "weights"));
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
        ReduceOutputKind::Partial => module!("reduce/output_partial.wgsl"),
        ReduceOutputKind::Result => module!("reduce/output_result.wgsl"),
    }
}

pub(in crate::kernel) fn modules(variant: &ReduceVariant) -> Vec<Module> {
    match variant {
        ReduceVariant::Runs(runs) => runs_modules(runs),
        ReduceVariant::Columns(columns) => columns_modules(columns),
        ReduceVariant::Merge(merge) => merge_modules(merge),
        ReduceVariant::Gradients(gradients) => gradients_modules(gradients),
        ReduceVariant::Losses(losses) => loss::losses_modules(losses),
        ReduceVariant::ClearCounts => {
            vec![module!("reduce/parameters.wgsl"), module!("elementwise/clear_counts.wgsl")]
        }
        ReduceVariant::Sort { kernel, .. } => sort_modules(*kernel),
    }
}

fn runs_modules(runs: &RunsVariant) -> Vec<Module> {
    let values = &runs.values;
    let mut modules = common_modules();
    modules.extend(statistic_modules(values.statistic));
    modules.extend(term_modules(values));
    modules.extend(reduced_modules(values, runs.access));
    modules.extend(weight_modules(runs.access, values.weights));
    match values.loss() {
        Some(term) => modules.extend(loss::run_modules(&term, values.element, runs.access)),
        None => {
            modules.extend([module!("reduce/run.wgsl"), module!("elementwise/uncounted.wgsl")]);
        }
    }
    modules.extend([
        team_module(runs.team),
        output_module(runs.output),
        module!("reduce/runs.wgsl"),
    ]);
    modules
}

fn columns_modules(columns: &ColumnsVariant) -> Vec<Module> {
    let values = &columns.values;
    let mut modules = common_modules();
    modules.extend(statistic_modules(values.statistic));
    modules.extend(term_modules(values));
    modules.extend(reduced_modules(values, Access::Scalar));
    modules.extend(weight_modules(Access::Scalar, values.weights));
    match values.loss() {
        Some(term) => modules.extend(loss::column_modules(&term)),
        None => {
            modules.extend([module!("reduce/column.wgsl"), module!("elementwise/uncounted.wgsl")]);
        }
    }
    modules.extend([output_module(columns.output), module!("reduce/columns.wgsl")]);
    modules.extend(piece_modules(columns.rows));
    modules
}

fn piece_modules(rows: RowsOf) -> Vec<Module> {
    if rows == RowsOf::Parts {
        return vec![module!("reduce/parts.wgsl")];
    }
    let mut modules = vec![module!("reduce/segments.wgsl")];
    modules.extend(word_modules(true, "segment_offsets"));
    modules.extend(word_modules(rows == RowsOf::SortedSegments, "sorted_rows"));
    modules
}

fn merge_modules(merge: &MergedVariant) -> Vec<Module> {
    let mut modules = common_modules();
    modules.extend(statistic_modules(merge.statistic));
    modules.extend([
        team_module(merge.team),
        output_module(merge.output),
        module!("reduce/merge.wgsl"),
    ]);
    modules.extend(match merge.range {
        MergeRange::Parts => piece_modules(RowsOf::Parts),
        MergeRange::Pieces => piece_modules(RowsOf::Segments),
    });
    modules
}

fn gradients_modules(gradients: &GradientsVariant) -> Vec<Module> {
    let in_place = gradients.place == GradientKind::InPlace;
    let mut modules = common_modules();
    modules.extend(gradient_modules(gradients.of, gradients.upstream));
    modules.extend(match gradients.reads_values() {
        true => value_modules(gradients.access, gradients.element, in_place),
        false => vec![module!("operand/absent.wgsl" for "values")],
    });
    modules.extend(weight_modules(gradients.access, gradients.weights));
    let (element, target) = match gradients.place {
        GradientKind::InPlace => (gradients.element, "values"),
        GradientKind::Separate(element) => (element, "gradient"),
    };
    modules.extend(store_modules(gradients.access, element, target));
    modules.push(module!("element/store.wgsl" for target));
    if !in_place {
        modules.push(module!("operand/written.wgsl" for "gradient"));
    }
    if gradients.weight_gradient {
        modules.push(module!("operand/written.wgsl" for "weight_gradient"));
        modules.extend(store_modules(Access::Scalar, Element::F32, "weight_gradient"));
    } else {
        modules.push(module!("operand/absent.wgsl" for "weight_gradient"));
    }
    modules.push(module!("reduce/gradient/write.wgsl"));
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
        SortKernel::Scatter { sorted } => {
            let mut modules = vec![module!("reduce/sort/scatter.wgsl")];
            modules.extend(word_modules(sorted, "previous_rows"));
            modules
        }
        SortKernel::Bounds => vec![module!("reduce/sort/bounds.wgsl")],
    });
    modules
}
