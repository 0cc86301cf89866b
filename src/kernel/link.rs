//! Linking: a kernel's source is a prelude of `const` lines and a list of whole `.wgsl` files. WGSL
//! does not care about the order of declarations, so linking is concatenation and choice is by file.

use std::fmt::Write;

use super::variant::{
    Access, Family, GradientKind, Operation, RowVariant, Team, TotalsKernel, TotalsVariant,
    UpstreamKind, Variant,
};

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A file of `shaders/`, by its path there.
macro_rules! module {
    ($path:literal) => {
        ($path, include_str!(concat!("../../shaders/", $path)))
    };
}

type Module = (&'static str, &'static str);

/// The WGSL source of a kernel.
pub fn link(variant: &Variant) -> String {
    let (mut source, modules) = match variant {
        Variant::Rows(rows) => (row_prelude(rows), row_modules(rows)),
        Variant::Totals(totals) => (totals_prelude(totals), totals_modules(totals.kernel)),
    };
    for (path, text) in modules {
        // A shader debugger shows the linked text: say where each part comes from.
        let _ = write!(source, "\n// ---- {path}\n{text}");
    }
    source
}

fn row_prelude(variant: &RowVariant) -> String {
    let geometry = variant.geometry;
    let mut prelude = format!(
        "const LANES: u32 = {}u;\nconst ROWS: u32 = {}u;\nconst VECTORS: u32 = {}u;\n",
        geometry.lanes, geometry.rows, geometry.vectors
    );
    if let Team::Subgroups { smallest } = variant.team {
        let _ = writeln!(prelude, "const SMALLEST_SUBGROUP: u32 = {smallest}u;");
    }
    if variant.operation == Operation::CrossEntropy {
        // Without any of these an ignored row leaves before its logits are read.
        let reads = variant.gradient.is_some()
            || variant.writes_log_sum_exp
            || variant.writes_argmax
            || variant.saves_state;
        let _ = writeln!(prelude, "const READS_IGNORED_ROWS: bool = {reads};");
    }
    prelude
}

fn row_modules(variant: &RowVariant) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("state.wgsl"),
        module!("parameters.wgsl"),
        module!("block.wgsl"),
        module!("logits/start.wgsl"),
    ];
    modules.push(match variant.team {
        Team::Lane => module!("team/lane.wgsl"),
        Team::Subgroup => module!("team/subgroup.wgsl"),
        Team::Workgroup => module!("team/workgroup.wgsl"),
        Team::Subgroups { .. } => module!("team/subgroups.wgsl"),
    });
    modules.push(match variant.access {
        Access::Vector => module!("element/f32_vector.wgsl"),
        Access::Scalar => module!("element/f32_scalar.wgsl"),
    });
    modules.push(match variant.operation {
        Operation::LogSumExp => module!("log_sum_exp/row.wgsl"),
        Operation::CrossEntropy => module!("cross_entropy/row.wgsl"),
    });
    modules.push(match variant.gradient {
        Some((GradientKind::InPlace, _)) => module!("logits/in_place.wgsl"),
        _ => module!("logits/read.wgsl"),
    });
    modules.extend(gradient_modules(variant));
    modules.extend(family_modules(variant));
    modules
}

fn gradient_modules(variant: &RowVariant) -> Vec<Module> {
    let Some((place, upstream)) = variant.gradient else {
        return vec![module!("gradient/none.wgsl")];
    };
    let mut modules = vec![module!("gradient/write.wgsl")];
    if place == GradientKind::Separate {
        modules.push(module!("gradient/separate.wgsl"));
    }
    modules.push(match variant.access {
        Access::Vector => module!("element/f32_vector_store.wgsl"),
        Access::Scalar => module!("element/f32_scalar_store.wgsl"),
    });
    modules.push(match upstream {
        UpstreamKind::Scalar => module!("upstream/scalar.wgsl"),
        UpstreamKind::Buffer => module!("upstream/buffer.wgsl"),
    });
    match variant.operation {
        Operation::LogSumExp => modules.push(module!("log_sum_exp/gradient.wgsl")),
        Operation::CrossEntropy => {
            modules.push(module!("cross_entropy/gradient.wgsl"));
            if variant.divides {
                modules.push(module!("denominator/totals.wgsl"));
                modules.push(module!("totals/layout.wgsl"));
            } else {
                modules.push(module!("denominator/one.wgsl"));
            }
        }
    }
    modules
}

fn family_modules(variant: &RowVariant) -> Vec<Module> {
    let mut modules = vec![match variant.family {
        Family::Team | Family::Resident => module!("family/held.wgsl"),
        Family::Streamed => module!("family/streamed.wgsl"),
        // Writes no results of rows, so it links none.
        Family::FromState => return vec![module!("family/from_state.wgsl")],
    }];
    modules.push(match variant.operation {
        Operation::LogSumExp => module!("log_sum_exp/close.wgsl"),
        Operation::CrossEntropy => module!("cross_entropy/close.wgsl"),
    });
    modules.push(if variant.writes_log_sum_exp {
        module!("rows/log_sum_exp.wgsl")
    } else {
        module!("rows/no_log_sum_exp.wgsl")
    });
    modules.push(if variant.writes_argmax {
        module!("rows/argmax.wgsl")
    } else {
        module!("rows/no_argmax.wgsl")
    });
    modules.push(if variant.saves_state {
        module!("rows/state.wgsl")
    } else {
        module!("rows/no_state.wgsl")
    });
    modules
}

fn totals_prelude(variant: &TotalsVariant) -> String {
    let mut prelude = format!("const LANES: u32 = {}u;\n", variant.lanes);
    if matches!(variant.kernel, TotalsKernel::SumFinish | TotalsKernel::MeanFinish) {
        let is_mean = variant.kernel == TotalsKernel::MeanFinish;
        let _ = writeln!(prelude, "const IS_MEAN: bool = {is_mean};");
    }
    prelude
}

fn totals_modules(kernel: TotalsKernel) -> Vec<Module> {
    let mut modules = vec![module!("totals/parameters.wgsl")];
    modules.extend(match kernel {
        TotalsKernel::CountTiles => {
            vec![module!("totals/count_tiles.wgsl"), module!("totals/merge_counts.wgsl")]
        }
        TotalsKernel::CountFinish => vec![
            module!("totals/count_finish.wgsl"),
            module!("totals/merge_counts.wgsl"),
            module!("totals/layout.wgsl"),
        ],
        TotalsKernel::SumTiles => {
            vec![module!("totals/sum_tiles.wgsl"), module!("totals/merge_sums.wgsl")]
        }
        TotalsKernel::SumFinish | TotalsKernel::MeanFinish => vec![
            module!("totals/sum_finish.wgsl"),
            module!("totals/merge_sums.wgsl"),
            module!("totals/layout.wgsl"),
        ],
    });
    modules
}
