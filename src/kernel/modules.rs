//! Which files of `shaders/` make up a kernel.

use super::link::Module;
use super::record::Record;
use super::variant::{
    Access, Comparison, Family, GradientKind, GradientVariant, MergeVariant, Operation, RowVariant,
    StateKind, TargetKind, Team, UpstreamKind,
};
use crate::element::Element;

/// A file of `shaders/`, by its path there.
macro_rules! module {
    ($path:literal) => {
        Module {
            path: $path,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path)),
            operand: None,
            element: None,
        }
    };
    ($path:literal for $operand:expr) => {
        Module { operand: Some($operand), ..module!($path) }
    };
    ($path:literal for $operand:expr, $element:expr) => {
        Module { element: Some($element), ..module!($path for $operand) }
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
        module!("state.wgsl"),
        module!("parameters.wgsl"),
        module!("row.wgsl"),
        module!("block.wgsl"),
        module!("transform.wgsl"),
        match variant.access {
            Access::Strided => module!("layout/strided.wgsl"),
            Access::Vector | Access::Scalar | Access::Interleaved => module!("layout/rows.wgsl"),
            Access::Tile => module!("tile/rows.wgsl"),
        },
        module!("columns.wgsl"),
    ];
    modules.extend(team_modules(variant));
    modules.extend(match variant.access {
        Access::Tile => tile_modules(variant.element),
        access => load_modules(access, variant.element, "logits", is_in_place(variant.gradient)),
    });
    if let Some(element) = variant.values_element() {
        modules.extend(value_modules(variant.access, element));
    }
    modules.extend(target_modules(variant));
    modules.extend(gradient_modules(variant));
    modules.extend(family_modules(variant));
    modules
}

pub(super) fn is_in_place(gradient: Option<GradientVariant>) -> bool {
    gradient.is_some_and(|each| each.place == GradientKind::InPlace)
}

fn team_modules(variant: &RowVariant) -> Vec<Module> {
    let is_alone = variant.family == Family::Gathered || variant.team == Team::Lane;
    match variant.access == Access::Tile {
        true => vec![module!("team/alone.wgsl")],
        false if is_alone => lane_modules(),
        false => team_modules_of(variant.team),
    }
}

fn lane_modules() -> Vec<Module> {
    vec![module!("team/lane.wgsl"), module!("team/alone.wgsl")]
}

/// How the lanes of a row meet.
pub(super) fn team_modules_of(team: Team) -> Vec<Module> {
    match team {
        Team::Lane => lane_modules(),
        Team::Subgroup => vec![module!("team/subgroup.wgsl")],
        Team::Workgroup => vec![module!("team/workgroup.wgsl")],
        Team::Subgroups { .. } => vec![module!("team/subgroups.wgsl")],
    }
}

/// How logits are brought to workgroup memory, and read there.
fn tile_modules(element: Element) -> Vec<Module> {
    vec![
        module!("element/f32.wgsl"),
        module!("element/load_scalar.wgsl" for "logits", Element::F32),
        element_module(element),
        match is_half(element) {
            false => module!("tile/fill_f32.wgsl" for "logits"),
            true => module!("tile/fill_half.wgsl" for "logits", element),
        },
    ]
}

/// What the values of a type are, stored and computed with.
fn element_module(element: Element) -> Module {
    match element {
        Element::F32 => module!("element/f32.wgsl"),
        Element::F16 => module!("element/f16.wgsl"),
        Element::Bf16 => module!("element/bf16.wgsl"),
    }
}

/// How an operand is read. `shared`: it is also written, and halves of a word by several lanes.
pub(super) fn load_modules(
    access: Access,
    element: Element,
    operand: &'static str,
    shared: bool,
) -> Vec<Module> {
    let mut modules = vec![element_module(element)];
    modules.extend(match access {
        Access::Vector => vec![module!("element/load_vector.wgsl" for operand, element)],
        _ => vec![
            module!("element/load_scalar.wgsl" for operand, element),
            match shared && is_half(element) {
                true => module!("element/words_shared.wgsl" for operand),
                false => module!("element/words_plain.wgsl" for operand),
            },
        ],
    });
    modules
}

/// What a row is compared with, and how heavily.
fn target_modules(variant: &RowVariant) -> Vec<Module> {
    if variant.operation != Operation::CrossEntropy {
        let mut modules = weight_modules(false, false);
        modules.extend(target_modules_of(false));
        return modules;
    }
    let Comparison { target, class_weights, row_weights, .. } = variant.comparison;
    let mut modules = weight_modules(class_weights, row_weights);
    modules.push(module!("coefficients.wgsl"));
    modules.push(module!("values.wgsl"));
    let is_class = !matches!(target, TargetKind::Probability(_));
    modules.extend(target_modules_of(is_class));
    if is_class {
        modules.push(module!("operand/absent.wgsl" for "values"));
    }
    modules
}

/// A target class, if there `is_one`.
pub(super) fn target_modules_of(is_one: bool) -> Vec<Module> {
    let mut modules = word_modules(is_one, "targets");
    modules.push(module!("target/of_row.wgsl"));
    modules
}

/// The loads of what has a value for each logit.
pub(super) fn value_modules(access: Access, element: Element) -> Vec<Module> {
    let mut modules = load_modules(access, element, "values", false);
    modules.extend([module!("operand/read.wgsl" for "values"), module!("values.wgsl")]);
    modules
}

/// A buffer of words that is read one by one, if it `is_there`. The prelude has its number.
pub(super) fn word_modules(is_there: bool, operand: &'static str) -> Vec<Module> {
    match is_there {
        true => vec![
            module!("operand/read.wgsl" for operand),
            module!("element/words_plain.wgsl" for operand),
        ],
        false => vec![module!("operand/absent.wgsl" for operand)],
    }
}

/// The weights of classes and of rows, as far as there are any.
pub(super) fn weight_modules(class_weights: bool, row_weights: bool) -> Vec<Module> {
    let mut modules = vec![module!("weights.wgsl")];
    modules.extend(word_modules(class_weights, "class_weights"));
    modules.extend(word_modules(row_weights, "row_weights"));
    modules
}

/// Lines of a prelude that tell whether there is a target class, and a value for each logit.
pub(super) fn target_constants(has_class: bool, has_values: bool) -> String {
    format!(
        "const HAS_TARGET_CLASS: bool = {has_class};\n\
         const HAS_VALUES: bool = {has_values};\n"
    )
}

/// Lines of a prelude that tell of these.
pub(super) fn weight_constants(class_weights: bool, row_weights: bool) -> String {
    format!(
        "const HAS_CLASS_WEIGHTS: bool = {class_weights};\n\
         const HAS_ROW_WEIGHTS: bool = {row_weights};\n"
    )
}

/// The upstream gradient of a row, and what its gradient is divided by.
pub(super) fn factor_modules(gradient: Option<GradientVariant>) -> Vec<Module> {
    let is_buffer = gradient.is_some_and(|each| each.upstream == UpstreamKind::Buffer);
    let divides = gradient.is_some_and(|each| each.divides);
    let mut modules = vec![
        module!("upstream.wgsl"),
        module!("denominator.wgsl"),
        module!("totals/layout.wgsl"),
        module!("sum/power_of_two.wgsl"),
    ];
    modules.extend(word_modules(is_buffer, "upstream"));
    modules.extend(word_modules(divides, "totals"));
    modules
}

/// Lines of a prelude that tell of these.
pub(super) fn factor_constants(gradient: Option<GradientVariant>) -> String {
    let is = |what: fn(&GradientVariant) -> bool| gradient.as_ref().is_some_and(what);
    format!(
        "const IS_UPSTREAM_BUFFER: bool = {};\n\
         const IS_DIVIDED_BY_TOTALS: bool = {};\n\
         const DIVIDES_BY_SIZE: bool = {};\n",
        is(|each| each.upstream == UpstreamKind::Buffer),
        is(|each| each.divides),
        is(|each| each.divides_by_size),
    )
}

/// Whether the gradient's vectors may start elsewhere than those that were summed: each class is
/// computed from its logit, and halves are best written as whole words.
pub(super) fn is_shifted(variant: &RowVariant) -> bool {
    let from_logits =
        matches!(variant.family, Family::Streamed | Family::Split | Family::FromState);
    let has_halves = variant.gradient_element().is_some_and(is_half);
    from_logits && has_halves && variant.access == Access::Scalar
}

fn gradient_modules(variant: &RowVariant) -> Vec<Module> {
    let Some(gradient) = variant.gradient else {
        return vec![module!("gradient/none.wgsl")];
    };
    let mut modules = vec![module!("gradient/write.wgsl")];
    modules.extend(match variant.access {
        Access::Tile => tile_store_modules(variant.element, gradient.place),
        access => gradient_store_modules(access, variant.element, gradient.place),
    });
    modules.push(gradient_place_module(gradient.place));
    modules.extend(factor_modules(variant.gradient));
    modules.push(match variant.operation {
        Operation::LogSumExp | Operation::Softmax | Operation::LogSoftmax => {
            module!("softmax/of_rows.wgsl")
        }
        Operation::SoftmaxGradient | Operation::LogSoftmaxGradient => {
            module!("softmax/gradient.wgsl")
        }
        Operation::CrossEntropy => module!("cross_entropy/gradient.wgsl"),
    });
    modules
}

pub(super) fn gradient_place_module(place: GradientKind) -> Module {
    match place {
        GradientKind::InPlace => module!("gradient/in_place.wgsl"),
        GradientKind::Separate(_) => module!("gradient/separate.wgsl"),
    }
}

/// How the gradient is written to where it goes.
pub(super) fn gradient_store_modules(
    access: Access,
    logits: Element,
    place: GradientKind,
) -> Vec<Module> {
    let (element, operand) = written(logits, place);
    let mut modules = store_modules(access, element, operand);
    modules.push(module!("element/store.wgsl" for operand));
    modules
}

/// How the gradient is left in workgroup memory, and brought from there to where it goes.
fn tile_store_modules(logits: Element, place: GradientKind) -> Vec<Module> {
    let (element, operand) = written(logits, place);
    vec![
        element_module(element),
        module!("element/store_f32_scalar.wgsl" for "tile"),
        module!("element/store.wgsl" for "tile"),
        match is_half(element) {
            true => module!("tile/empty_half.wgsl" for operand, element),
            false => module!("tile/empty_f32.wgsl" for operand),
        },
    ]
}

/// Of which type the gradient is, and whose place it takes.
fn written(logits: Element, place: GradientKind) -> (Element, &'static str) {
    match place {
        GradientKind::InPlace => (logits, "logits"),
        GradientKind::Separate(element) => (element, "gradient"),
    }
}

/// How four values are written to an operand.
pub(super) fn store_modules(
    access: Access,
    element: Element,
    operand: &'static str,
) -> Vec<Module> {
    let store = match (is_half(element), access) {
        (_, Access::Vector) => module!("element/store_vector.wgsl" for operand, element),
        (false, _) => module!("element/store_f32_scalar.wgsl" for operand),
        (true, _) => module!("element/store_half_scalar.wgsl" for operand, element),
    };
    vec![element_module(element), store]
}

fn family_modules(variant: &RowVariant) -> Vec<Module> {
    let is_read = variant.family == Family::FromState;
    let mut modules = vec![saved_state_module(variant.state, is_read)];
    if is_read {
        modules.extend([module!("family/from_state.wgsl"), module!("moment/entropy.wgsl")]);
        return modules;
    }
    modules.push(match variant.operation {
        Operation::CrossEntropy => module!("cross_entropy/results.wgsl"),
        _ => module!("log_sum_exp.wgsl"),
    });
    modules.push(record_module(variant.record));
    modules.push(match variant.family {
        Family::Gathered => module!("family/gathered.wgsl"),
        _ => module!("family/reduced.wgsl"),
    });
    modules.extend(seen_modules(variant));
    modules
}

fn record_module(record: Record) -> Module {
    match record.words() {
        0 => module!("record/none.wgsl"),
        _ => module!("record/write.wgsl"),
    }
}

fn saved_state_module(state: StateKind, is_read: bool) -> Module {
    match state {
        StateKind::Pair | StateKind::None if is_read => module!("saved_state/pair_read.wgsl"),
        _ if is_read => module!("saved_state/partial_read.wgsl"),
        StateKind::None => module!("saved_state/none.wgsl"),
        StateKind::Pair => module!("saved_state/pair.wgsl"),
        StateKind::Sums | StateKind::Partial | StateKind::Part { .. } => {
            module!("saved_state/partial.wgsl")
        }
    }
}

/// What lanes learn of the logits while they go over them, beside the state.
fn seen_modules(variant: &RowVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("order.wgsl"),
        match variant.operation {
            Operation::SoftmaxGradient | Operation::LogSoftmaxGradient => {
                module!("moment/upstream.wgsl")
            }
            _ => module!("moment/entropy.wgsl"),
        },
    ];
    modules.extend(match variant.has_terms() {
        true => {
            vec![module!("terms/all.wgsl"), module!("terms/moved.wgsl"), module!("sum/exact.wgsl")]
        }
        false => vec![module!("terms/none.wgsl")],
    });
    modules
}

pub(super) fn merge_modules(variant: &MergeVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("state.wgsl"),
        module!("parameters.wgsl"),
        module!("layout/rows.wgsl"),
        module!("row.wgsl"),
        record_module(variant.record),
        saved_state_module(variant.state, false),
    ];
    modules.extend(weight_modules(false, variant.row_weights));
    modules.extend(word_modules(variant.classes, "targets"));
    modules.push(module!("target/merged.wgsl"));
    modules.extend(match variant.log_sum_exp {
        true => vec![module!("log_sum_exp.wgsl"), module!("family/merged_pairs.wgsl")],
        false => vec![
            module!("cross_entropy/results.wgsl"),
            module!("terms/moved.wgsl"),
            module!("sum/exact.wgsl"),
            module!("moment/entropy.wgsl"),
            module!("family/merged.wgsl"),
        ],
    });
    modules
}
