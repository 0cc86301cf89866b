//! Which files of `shaders/` make up one of these kernels.

use std::fmt::Write;

use super::variant::{AgainstKind, SoftmaxLossKind, SoftmaxLossVariant};
use crate::kernel::link::Module;
use crate::kernel::modules::{load_modules, module, narrow_module, store_module, stored_module};
use crate::kernel::{Access, Geometry, GradientKind, GradientVariant, Team, UpstreamKind};

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
        ("DIVIDES_BY_SIZE", variant.gradient.is_some_and(|gradient| gradient.divides_by_size)),
        ("READS_IGNORED_ROWS", variant.gradient.is_some()),
        ("HAS_TEACHER", variant.against.is_teacher()),
        ("KNOWS_SUM", variant.loss == SoftmaxLossKind::KlDivergence),
        ("TEAM_MEETS_IN_MEMORY", matches!(variant.team, Team::Workgroup | Team::Subgroups { .. })),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    prelude
}

pub(in crate::kernel) fn modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let in_place = variant.gradient.is_some_and(|each| each.place == GradientKind::InPlace);
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("parameters.wgsl"),
        module!("part/whole.wgsl"),
        module!("transform/none.wgsl"),
        module!("gradient/unshifted.wgsl"),
        module!("record/write.wgsl"),
        module!("state.wgsl"),
        module!("softmax_loss/state.wgsl"),
        module!("row.wgsl"),
        module!("softmax_loss/row.wgsl"),
        module!("softmax_loss/block.wgsl"),
        module!("softmax_loss/run.wgsl"),
        match variant.access {
            Access::Strided => module!("layout/strided.wgsl"),
            _ => module!("layout/rows.wgsl"),
        },
        match variant.access {
            Access::Interleaved => module!("columns/interleaved.wgsl"),
            _ => module!("columns/neighbours.wgsl"),
        },
        match in_place {
            true => module!("logits/read_write.wgsl"),
            false => module!("logits/read.wgsl"),
        },
        module!("softmax_loss/load.wgsl" for "logits"),
    ];
    modules.extend(load_modules(variant.access, variant.element, "logits", in_place));
    modules.extend(team_modules(variant));
    modules.extend(loss_modules(variant));
    modules.extend(against_modules(variant));
    modules.push(match variant.row_weights {
        true => module!("weight/row.wgsl"),
        false => module!("weight/no_row.wgsl"),
    });
    modules.extend(gradient_modules(variant));
    modules
}

fn team_modules(variant: &SoftmaxLossVariant) -> [Module; 2] {
    match variant.team {
        Team::Lane => [module!("team/lane.wgsl"), module!("team/lane_sum.wgsl")],
        Team::Subgroup => [module!("team/subgroup.wgsl"), module!("team/subgroup_sum.wgsl")],
        Team::Workgroup => [module!("team/workgroup.wgsl"), module!("team/workgroup_sum.wgsl")],
        Team::Subgroups { .. } => {
            [module!("team/subgroups.wgsl"), module!("team/subgroups_sum.wgsl")]
        }
    }
}

fn loss_modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    match variant.loss {
        SoftmaxLossKind::Focal => vec![module!("row_loss/focal.wgsl")],
        SoftmaxLossKind::KlDivergence => {
            vec![module!("row_loss/kl_divergence.wgsl"), module!("row_loss/excess.wgsl")]
        }
        SoftmaxLossKind::JensenShannon => {
            vec![module!("row_loss/jensen_shannon.wgsl"), module!("row_loss/excess.wgsl")]
        }
    }
}

/// What a row is compared with, and how its loss is made of that.
fn against_modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let is_class = matches!(variant.against, AgainstKind::Class | AgainstKind::SmoothedClass);
    let mut modules = vec![match is_class {
        true => module!("target/class.wgsl"),
        false => module!("target/probability.wgsl"),
    }];
    if let Some(element) = variant.against.element() {
        modules.extend(load_modules(variant.access, element, "values", false));
    }
    if is_class || variant.class_weights {
        modules.push(match variant.class_weights {
            true => module!("weight/class.wgsl"),
            false => module!("weight/no_class.wgsl"),
        });
    }
    if !variant.against.is_teacher() {
        modules.push(module!("softmax_loss/no_teacher.wgsl"));
    }
    if variant.has_terms() {
        modules.push(module!("softmax_loss/of_terms.wgsl"));
    }
    let class_weights4 = match variant.class_weights {
        true => module!("weight/class4.wgsl"),
        false => module!("weight/no_class4.wgsl"),
    };
    modules.extend(match variant.against {
        AgainstKind::Class => vec![module!("softmax_loss/of_class.wgsl")],
        AgainstKind::SmoothedClass => vec![
            module!("softmax_loss/terms_of_targets.wgsl"),
            module!("coefficients/smoothed.wgsl"),
            class_weights4,
        ],
        AgainstKind::Probability(_) => vec![
            module!("softmax_loss/terms_of_targets.wgsl"),
            module!("coefficients/probability.wgsl"),
            module!("coefficients/values.wgsl"),
            class_weights4,
        ],
        AgainstKind::Teacher(_) => vec![
            module!("softmax_loss/terms_of_teacher.wgsl"),
            module!("softmax_loss/shift.wgsl"),
            module!("softmax_loss/teacher.wgsl"),
            module!("softmax_loss/load.wgsl" for "values"),
        ],
    });
    modules
}

fn gradient_modules(variant: &SoftmaxLossVariant) -> Vec<Module> {
    let Some(GradientVariant { place, upstream, divides, .. }) = variant.gradient else {
        return vec![
            module!("softmax_loss/no_gradient.wgsl"),
            module!("upstream/scalar.wgsl"),
            module!("denominator/known.wgsl"),
        ];
    };
    let (element, operand) = match place {
        GradientKind::InPlace => (variant.element, "logits"),
        GradientKind::Separate(element) => (element, "gradient"),
    };
    let mut modules = vec![
        module!("softmax_loss/gradient.wgsl"),
        store_module(variant.access, element, operand),
        module!("element/store.wgsl" for operand),
        match upstream {
            UpstreamKind::Scalar => module!("upstream/scalar.wgsl"),
            UpstreamKind::Buffer => module!("upstream/buffer.wgsl"),
        },
    ];
    modules.extend(narrow_module(element));
    modules.extend(match place {
        GradientKind::InPlace => vec![module!("gradient/in_place.wgsl")],
        GradientKind::Separate(_) => {
            vec![
                module!("gradient/separate.wgsl"),
                stored_module(variant.access, element, "gradient"),
            ]
        }
    });
    modules.extend(match divides {
        true => vec![
            module!("denominator/totals.wgsl"),
            module!("totals/layout.wgsl"),
            module!("sum/power_of_two.wgsl"),
        ],
        false => vec![module!("denominator/known.wgsl")],
    });
    modules
}
