//! Which files of `shaders/` make up one of these kernels.

use std::fmt::Write;

use super::variant::{SoftmaxLossKind, SoftmaxLossVariant};
use crate::kernel::link::Module;
use crate::kernel::modules::{
    factor_constants, factor_modules, gradient_place_module, gradient_store_modules, is_in_place,
    load_modules, module, target_constants, target_modules_of, team_modules_of, value_modules,
    weight_constants, weight_modules,
};
use crate::kernel::{Access, Geometry, Team};

pub(in crate::kernel) fn prelude(variant: &SoftmaxLossVariant) -> String {
    let Geometry { lanes, rows, vectors } = variant.geometry;
    let mut prelude = format!(
        "const LANES: u32 = {lanes}u;\nconst ROWS: u32 = {rows}u;\nconst VECTORS: u32 = {vectors}u;\n\
         const RECORD_WORDS: u32 = 1u;\nconst WORD_LOSS: u32 = 0u;\n"
    );
    if let Team::Subgroups { smallest } = variant.team {
        let _ = writeln!(prelude, "const SMALLEST_SUBGROUP: u32 = {smallest}u;");
    }
    for (name, value) in [
        ("HELD", variant.held),
        ("MASKED", variant.masked),
        ("HAS_GRADIENT", variant.gradient.is_some()),
        ("READS_IGNORED_ROWS", variant.gradient.is_some()),
        ("HAS_TEACHER", variant.against.is_teacher()),
        ("KNOWS_SUM", variant.loss == SoftmaxLossKind::KlDivergence),
        ("AT_TEMPERATURE", true),
        ("IS_INTERLEAVED", variant.access == Access::Interleaved),
        ("IS_SHIFTED", false),
        ("IS_SPLIT", false),
        ("IS_SCALED", false),
        ("IS_CAPPED", false),
        ("HAS_SUMS", variant.has_sums()),
        ("FINDS_LOWEST", false),
        ("RANKS_TARGET", false),
        ("TEAM_MEETS_IN_MEMORY", matches!(variant.team, Team::Workgroup | Team::Subgroups { .. })),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    let has_values = variant.against.element().is_some();
    prelude.push_str(&target_constants(!has_values, has_values));
    prelude.push_str(&weight_constants(variant.class_weights, variant.row_weights));
    prelude.push_str(&factor_constants(variant.gradient));
    prelude
}

pub(in crate::kernel) fn modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("parameters.wgsl"),
        module!("transform.wgsl"),
        module!("record/write.wgsl"),
        module!("state.wgsl"),
        module!("row.wgsl"),
        module!("softmax_loss/row.wgsl"),
        module!("softmax_loss/run.wgsl"),
        module!("softmax_loss/load.wgsl" for "logits"),
        match variant.access {
            Access::Strided => module!("layout/strided.wgsl"),
            _ => module!("layout/rows.wgsl"),
        },
        module!("columns.wgsl"),
    ];
    modules.extend(weight_modules(variant.class_weights, variant.row_weights));
    modules.extend(factor_modules(variant.gradient));
    let in_place = is_in_place(variant.gradient);
    modules.extend(load_modules(variant.access, variant.element, "logits", in_place));
    modules.extend(team_modules_of(variant.team));
    modules.push(match variant.loss {
        SoftmaxLossKind::Focal => module!("row_loss/focal.wgsl"),
        SoftmaxLossKind::KlDivergence => module!("row_loss/kl_divergence.wgsl"),
        SoftmaxLossKind::JensenShannon => module!("row_loss/jensen_shannon.wgsl"),
    });
    modules.extend(against_modules(variant));
    modules.extend(gradient_modules(variant));
    modules
}

/// What a row is compared with, and how its loss is made of that.
fn against_modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let mut modules = match variant.against.element() {
        Some(element) => value_modules(variant.access, element),
        None => vec![module!("values.wgsl"), module!("operand/absent.wgsl" for "values")],
    };
    modules.extend(target_modules_of(variant.against.element().is_none()));
    modules.extend(match variant.against.is_teacher() {
        true => vec![
            module!("softmax_loss/teacher.wgsl"),
            module!("softmax_loss/load.wgsl" for "values"),
        ],
        false => vec![module!("softmax_loss/targets.wgsl"), module!("coefficients.wgsl")],
    });
    modules.push(match variant.has_terms() {
        true => module!("softmax_loss/of_terms.wgsl"),
        false => module!("softmax_loss/of_class.wgsl"),
    });
    modules
}

fn gradient_modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let Some(gradient) = variant.gradient else {
        return vec![module!("gradient/none.wgsl")];
    };
    let mut modules = vec![gradient_place_module(gradient.place)];
    modules.extend(gradient_store_modules(variant.access, variant.element, gradient.place));
    modules
}
