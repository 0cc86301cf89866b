//! Which files of `shaders/` make up a kernel.

use super::link::Module;
use super::variant::{
    Access, Family, GradientKind, MergeVariant, Operation, RowVariant, StateKind, TargetKind, Team,
    Transform, UpstreamKind,
};
use crate::element::Element;

/// A file of `shaders/`, by its path there.
macro_rules! module {
    ($path:literal) => {
        Module {
            path: $path,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path)),
            operand: None,
        }
    };
    ($path:literal for $operand:expr) => {
        Module { operand: Some($operand), ..module!($path) }
    };
}

pub(super) use module;

/// Whether elements lie alone in a word, or two in one.
fn is_half(element: Element) -> bool {
    element != Element::F32
}

pub(super) fn row_modules(variant: &RowVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("bits.wgsl"),
        module!("state.wgsl"),
        module!("summary.wgsl"),
        module!("parameters.wgsl"),
        module!("block.wgsl"),
    ];
    modules.push(part_module(variant.split));
    modules.push(match variant.access {
        Access::Strided => module!("layout/strided.wgsl"),
        Access::Vector | Access::Scalar | Access::Interleaved => module!("layout/rows.wgsl"),
        Access::Tile => module!("tile/rows.wgsl"),
    });
    modules.push(match variant.access {
        Access::Interleaved => module!("columns/interleaved.wgsl"),
        _ => module!("columns/neighbours.wgsl"),
    });
    modules.extend(team_modules(variant));
    let in_place = variant.gradient.is_some_and(|each| each.place == GradientKind::InPlace);
    modules.extend(match variant.access {
        Access::Tile => tile_modules(variant.element),
        access => load_modules(access, variant.element, "logits", in_place),
    });
    modules.push(match in_place {
        true => module!("logits/read_write.wgsl"),
        false => module!("logits/read.wgsl"),
    });
    modules.extend(match variant.transform {
        Transform::None => vec![module!("transform/none.wgsl")],
        Transform::Scale => {
            vec![module!("transform/scale.wgsl"), module!("transform/beyond_end.wgsl")]
        }
        Transform::Softcap => {
            vec![module!("transform/softcap.wgsl"), module!("transform/beyond_end.wgsl")]
        }
    });
    if let Some(element) = variant.values_element() {
        modules.extend(load_modules(variant.access, element, "values", false));
        modules.push(module!("coefficients/values.wgsl"));
        if variant.operation == Operation::SoftmaxGradient {
            modules.push(module!("coefficients/relative_values.wgsl"));
        }
    }
    modules.extend(comparison_modules(variant));
    modules.extend(gradient_modules(variant));
    modules.extend(family_modules(variant));
    modules
}

fn part_module(split: bool) -> Module {
    if split { module!("part/cut.wgsl") } else { module!("part/whole.wgsl") }
}

fn team_modules(variant: &RowVariant) -> Vec<Module> {
    if variant.family == Family::Gathered {
        return vec![module!("team/lane.wgsl")];
    }
    let (team, sum, count) = match variant.team {
        Team::Lane if variant.access == Access::Tile => {
            let lane = module!("team/lane_sum.wgsl");
            (module!("team/tile.wgsl"), lane, module!("team/lane_count.wgsl"))
        }
        Team::Lane => (
            module!("team/lane.wgsl"),
            module!("team/lane_sum.wgsl"),
            module!("team/lane_count.wgsl"),
        ),
        Team::Subgroup => (
            module!("team/subgroup.wgsl"),
            module!("team/subgroup_sum.wgsl"),
            module!("team/subgroup_count.wgsl"),
        ),
        Team::Workgroup => (
            module!("team/workgroup.wgsl"),
            module!("team/workgroup_sum.wgsl"),
            module!("team/workgroup_count.wgsl"),
        ),
        Team::Subgroups { .. } => (
            module!("team/subgroups.wgsl"),
            module!("team/subgroups_sum.wgsl"),
            module!("team/subgroups_count.wgsl"),
        ),
    };
    let mut modules = vec![team];
    modules.extend(has_sums(variant).then_some(sum));
    modules.extend(variant.ranks_target().then_some(count));
    modules
}

/// Whether the lanes of a row have more to tell each other than its state.
fn has_sums(variant: &RowVariant) -> bool {
    let reduces = !matches!(variant.family, Family::FromState | Family::Gathered);
    reduces && (variant.has_terms() || moment_module(variant).path != "moment/none.wgsl")
}

/// How logits are brought to workgroup memory, and read there.
fn tile_modules(element: Element) -> Vec<Module> {
    let mut modules = vec![
        module!("tile/load.wgsl" for "logits"),
        module!("element/load_scalar4.wgsl" for "logits"),
    ];
    modules.extend(match element {
        Element::F32 => vec![module!("tile/fill_f32.wgsl" for "logits")],
        _ => vec![module!("tile/fill_half.wgsl" for "logits")],
    });
    modules.extend(widen_module(element, "logits"));
    modules
}

/// How values of an element type become `f32`.
fn widen_module(element: Element, operand: &'static str) -> Option<Module> {
    match element {
        Element::F32 => None,
        Element::F16 => Some(module!("element/widen_f16.wgsl" for operand)),
        Element::Bf16 => Some(module!("element/widen_bf16.wgsl" for operand)),
    }
}

/// How an operand is read. `shared`: it is also written, and halves of a word by several lanes.
pub(super) fn load_modules(
    access: Access,
    element: Element,
    operand: &'static str,
    shared: bool,
) -> Vec<Module> {
    if !is_half(element) {
        return match access {
            Access::Vector => vec![module!("element/load_f32_vector.wgsl" for operand)],
            _ => vec![
                module!("element/load_f32_scalar.wgsl" for operand),
                module!("element/load_scalar4.wgsl" for operand),
            ],
        };
    }
    let mut modules = match access {
        Access::Vector => vec![module!("element/load_half_vector.wgsl" for operand)],
        _ => vec![
            module!("element/load_half_scalar.wgsl" for operand),
            module!("element/load_scalar4.wgsl" for operand),
            match shared {
                true => module!("element/words_shared.wgsl" for operand),
                false => module!("element/words_plain.wgsl" for operand),
            },
        ],
    };
    modules.extend(widen_module(element, operand));
    modules
}

/// What a row is compared with, and what becomes of it.
fn comparison_modules(variant: &RowVariant) -> Vec<Module> {
    if variant.operation != Operation::CrossEntropy {
        return vec![module!("log_sum_exp/row.wgsl")];
    }
    let comparison = variant.comparison;
    let mut modules = vec![module!("row.wgsl"), module!("cross_entropy/row.wgsl")];
    modules.push(match comparison.target {
        TargetKind::Probability(_) => module!("target/probability.wgsl"),
        TargetKind::Class | TargetKind::SmoothedClass => module!("target/class.wgsl"),
    });
    modules.extend(match comparison.target {
        TargetKind::Class => None,
        TargetKind::SmoothedClass => Some(module!("coefficients/smoothed.wgsl")),
        TargetKind::Probability(_) => Some(module!("coefficients/probability.wgsl")),
    });
    let is_class = !matches!(comparison.target, TargetKind::Probability(_));
    if is_class {
        modules.push(class_weight_module(comparison.class_weights));
    } else if comparison.class_weights {
        modules.push(module!("weight/class.wgsl"));
    }
    if variant.has_terms() {
        modules.push(match comparison.class_weights {
            true => module!("weight/class4.wgsl"),
            false => module!("weight/no_class4.wgsl"),
        });
    }
    modules.push(row_weight_module(comparison.row_weights));
    modules
}

pub(super) fn class_weight_module(weighted: bool) -> Module {
    if weighted { module!("weight/class.wgsl") } else { module!("weight/no_class.wgsl") }
}

pub(super) fn row_weight_module(weighted: bool) -> Module {
    if weighted { module!("weight/row.wgsl") } else { module!("weight/no_row.wgsl") }
}

fn gradient_modules(variant: &RowVariant) -> Vec<Module> {
    let mut modules = vec![match is_shifted(variant) {
        true => module!("gradient/shifted.wgsl"),
        false => module!("gradient/unshifted.wgsl"),
    }];
    modules.extend(gradient_modules_of(variant));
    modules
}

/// Whether the gradient's vectors may start elsewhere than those that were summed: each class is
/// computed from its logit, and halves are best written as whole words.
fn is_shifted(variant: &RowVariant) -> bool {
    let from_logits =
        matches!(variant.family, Family::Streamed | Family::Split | Family::FromState);
    let has_halves = variant.gradient_element().is_some_and(is_half);
    from_logits && has_halves && variant.access == Access::Scalar
}

fn gradient_modules_of(variant: &RowVariant) -> Vec<Module> {
    let Some(gradient) = variant.gradient else {
        let mut modules = vec![match variant.family {
            Family::Gathered => module!("log_probability/no_gradient.wgsl"),
            _ => module!("gradient/none.wgsl"),
        }];
        if variant.access == Access::Tile {
            modules.push(module!("tile/kept.wgsl"));
        }
        return modules;
    };
    let mut modules = vec![module!("gradient/factors.wgsl"), module!("gradient/write.wgsl")];
    modules.extend(store_modules(variant, gradient.place));
    modules.push(match gradient.upstream {
        UpstreamKind::Scalar => module!("upstream/scalar.wgsl"),
        UpstreamKind::Buffer => module!("upstream/buffer.wgsl"),
    });
    modules.push(match variant.operation {
        Operation::LogSumExp => module!("log_sum_exp/infinite.wgsl"),
        _ => module!("gradient/no_exception.wgsl"),
    });
    match variant.operation {
        Operation::LogSumExp => modules.extend([
            module!("log_sum_exp/gradient.wgsl"),
            module!("gradient_values/softmax.wgsl"),
        ]),
        Operation::Softmax => modules.extend([
            module!("softmax/probabilities.wgsl"),
            module!("gradient_values/softmax.wgsl"),
        ]),
        Operation::LogSoftmax => modules
            .extend([module!("softmax/log.wgsl"), module!("gradient_values/log_softmax.wgsl")]),
        Operation::SoftmaxGradient => modules.extend([
            module!("softmax/gradient.wgsl"),
            module!("gradient_values/softmax_gradient.wgsl"),
        ]),
        Operation::LogSoftmaxGradient => modules.extend([
            module!("softmax/log_gradient.wgsl"),
            module!("gradient_values/log_softmax_gradient.wgsl"),
        ]),
        Operation::CrossEntropy => {
            modules.extend(match variant.family {
                Family::Gathered => [
                    module!("log_probability/gradient.wgsl"),
                    module!("log_probability/write.wgsl"),
                ]
                .to_vec(),
                _ => vec![module!("cross_entropy/gradient.wgsl")],
            });
            modules.push(match variant.has_terms() {
                true => module!("gradient_values/less_coefficients.wgsl"),
                false => module!("gradient_values/softmax.wgsl"),
            });
            if gradient.divides {
                modules.push(module!("denominator/totals.wgsl"));
                modules.push(module!("totals/layout.wgsl"));
                modules.push(module!("sum/power_of_two.wgsl"));
            } else {
                modules.push(module!("denominator/known.wgsl"));
            }
        }
    }
    modules
}

fn store_modules(variant: &RowVariant, place: GradientKind) -> Vec<Module> {
    let (element, target) = match place {
        GradientKind::InPlace => (variant.element, "logits"),
        GradientKind::Separate(element) => (element, "gradient"),
    };
    let mut modules = match (variant.access, is_half(element)) {
        (Access::Tile, is_half) => vec![
            module!("element/store_f32_scalar.wgsl" for "tile"),
            module!("element/store.wgsl" for "tile"),
            match is_half {
                true => module!("tile/empty_half.wgsl" for target),
                false => module!("tile/empty_f32.wgsl" for target),
            },
        ],
        (access, _) => {
            vec![store_module(access, element, target), module!("element/store.wgsl" for target)]
        }
    };
    modules.extend(narrow_module(element));
    match place {
        GradientKind::InPlace => modules.push(module!("gradient/in_place.wgsl")),
        GradientKind::Separate(_) => {
            modules.push(module!("gradient/separate.wgsl"));
            modules.push(stored_module(variant.access, element, "gradient"));
        }
    }
    modules
}

/// How four values are written to an operand.
pub(super) fn store_module(access: Access, element: Element, operand: &'static str) -> Module {
    match (is_half(element), access) {
        (false, Access::Vector) => module!("element/store_f32_vector.wgsl" for operand),
        (false, _) => module!("element/store_f32_scalar.wgsl" for operand),
        (true, Access::Vector) => module!("element/store_half_vector.wgsl" for operand),
        (true, Access::Scalar | Access::Tile) => {
            module!("element/store_half_neighbours.wgsl" for operand)
        }
        (true, Access::Strided | Access::Interleaved) => {
            module!("element/store_half_strided.wgsl" for operand)
        }
    }
}

/// How values are rounded to an element type.
pub(super) fn narrow_module(element: Element) -> Option<Module> {
    match element {
        Element::F32 => None,
        Element::F16 => Some(module!("element/narrow_f16.wgsl")),
        Element::Bf16 => Some(module!("element/narrow_bf16.wgsl")),
    }
}

/// What the buffer of an operand that is written is an array of.
pub(super) fn stored_module(access: Access, element: Element, operand: &'static str) -> Module {
    match (is_half(element), access) {
        (false, Access::Vector) => module!("element/stored_f32_vector.wgsl" for operand),
        (true, Access::Vector) => module!("element/stored_half_vector.wgsl" for operand),
        (_, Access::Tile) | (false, _) => module!("element/stored_words.wgsl" for operand),
        (true, _) => module!("element/stored_shared_words.wgsl" for operand),
    }
}

fn moment_module(variant: &RowVariant) -> Module {
    let is_kept =
        matches!(variant.state, StateKind::Partial | StateKind::Part { entropy: true, .. });
    match variant.operation {
        Operation::SoftmaxGradient => module!("moment/upstream.wgsl"),
        Operation::LogSoftmaxGradient => module!("moment/upstream_total.wgsl"),
        _ if variant.record.has(super::record::Word::Entropy) || is_kept => {
            module!("moment/entropy.wgsl")
        }
        _ => module!("moment/none.wgsl"),
    }
}

fn family_modules(variant: &RowVariant) -> Vec<Module> {
    let is_cross_entropy = variant.operation == Operation::CrossEntropy;
    let close = match is_cross_entropy {
        true => module!("cross_entropy/close.wgsl"),
        false => module!("log_sum_exp/close.wgsl"),
    };
    let record = match variant.record.words() {
        0 => module!("record/none.wgsl"),
        _ => module!("record/write.wgsl"),
    };
    // What the logits are read for; the other families read them for the gradient alone.
    let unread = [
        module!("argmax/none.wgsl"),
        module!("target_rank/none.wgsl"),
        module!("moment/none.wgsl"),
    ];
    match variant.family {
        Family::FromState => {
            let mut modules = vec![module!("family/from_state.wgsl")];
            modules.extend(unread);
            modules.extend(match variant.state {
                StateKind::Pair | StateKind::None => vec![module!("state_slot/pair_read.wgsl")],
                StateKind::Sums | StateKind::Partial | StateKind::Part { .. } => vec![
                    module!("state_slot/partial_layout.wgsl"),
                    module!("state_slot/partial_read.wgsl"),
                ],
            });
            return modules;
        }
        Family::Gathered => {
            let mut modules = vec![module!("family/gathered.wgsl"), close, record];
            modules.push(module!("state_slot/none.wgsl"));
            modules.extend(unread);
            return modules;
        }
        Family::Tile | Family::Team | Family::Resident | Family::Streamed | Family::Split => {}
    }
    let mut modules = vec![
        match variant.family {
            Family::Streamed | Family::Split => module!("family/streamed.wgsl"),
            _ => module!("family/held.wgsl"),
        },
        close,
        record,
        moment_module(variant),
        match has_sums(variant) {
            true => module!("summary/sums.wgsl"),
            false => module!("summary/state.wgsl"),
        },
    ];
    if variant.has_terms() {
        modules.extend([
            module!("terms/all.wgsl"),
            module!("terms/moved.wgsl"),
            module!("sum/exact.wgsl"),
        ]);
    } else {
        modules.push(module!("terms/none.wgsl"));
    }
    if moment_module(variant).path == "moment/entropy.wgsl" {
        modules.push(module!("moment/entropy_moved.wgsl"));
    }
    if variant.finds_argmax() {
        modules.push(module!("argmax/find.wgsl"));
        modules.push(match variant.state {
            StateKind::Partial | StateKind::Part { .. } => module!("argmax/state.wgsl"),
            _ => module!("argmax/record.wgsl"),
        });
    } else {
        modules.push(module!("argmax/none.wgsl"));
    }
    if variant.ranks_target() {
        modules.push(module!("target_rank/count.wgsl"));
        modules.push(match variant.state {
            StateKind::Part { .. } => module!("target_rank/state.wgsl"),
            _ => module!("target_rank/record.wgsl"),
        });
    } else {
        modules.push(module!("target_rank/none.wgsl"));
    }
    if variant.finds_argmax() || variant.ranks_target() {
        modules.push(module!("logit_order.wgsl"));
    }
    modules.extend(match variant.state {
        StateKind::None => vec![module!("state_slot/none.wgsl")],
        StateKind::Pair => vec![module!("state_slot/pair.wgsl")],
        StateKind::Sums | StateKind::Partial | StateKind::Part { .. } => {
            vec![module!("state_slot/partial_layout.wgsl"), module!("state_slot/partial.wgsl")]
        }
    });
    modules
}

pub(super) fn merge_modules(variant: &MergeVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("bits.wgsl"),
        module!("state.wgsl"),
        module!("summary.wgsl"),
        module!("parameters.wgsl"),
        part_module(false),
        match variant.record.words() {
            0 => module!("record/none.wgsl"),
            _ => module!("record/write.wgsl"),
        },
        match variant.state {
            StateKind::None | StateKind::Partial => module!("state_slot/none.wgsl"),
            StateKind::Pair => module!("state_slot/pair.wgsl"),
            StateKind::Sums | StateKind::Part { .. } => module!("state_slot/partial.wgsl"),
        },
    ];
    modules.extend(match variant.log_sum_exp {
        true => vec![
            module!("log_sum_exp/row.wgsl"),
            module!("log_sum_exp/close.wgsl"),
            module!("family/merged_pairs.wgsl"),
        ],
        false => vec![
            module!("row.wgsl"),
            module!("cross_entropy/row.wgsl"),
            match variant.classes {
                true => module!("target/merged_class.wgsl"),
                false => module!("target/probability.wgsl"),
            },
            row_weight_module(variant.row_weights),
            module!("cross_entropy/close.wgsl"),
            module!("state_slot/partial_layout.wgsl"),
            match variant.state {
                StateKind::Partial => module!("state_slot/merged.wgsl"),
                _ => module!("state_slot/no_merged.wgsl"),
            },
            module!("terms/moved.wgsl"),
            module!("sum/exact.wgsl"),
            module!("moment/entropy_moved.wgsl"),
            module!("target_rank/record.wgsl"),
            module!("family/merged.wgsl"),
        ],
    });
    modules
}
