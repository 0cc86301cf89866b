//! Preludes and modules of the kernels that reduce over the rows of a batch.

use std::fmt::Write;

use super::link::{Module, push_words};
use super::modules::{module, weight_constants, weight_modules, word_modules};
use super::record::Word;
use super::variant::{Reduced, TotalsKernel, TotalsVariant};

pub(super) fn prelude(variant: &TotalsVariant) -> String {
    let mut prelude = format!("const LANES: u32 = {}u;\n", variant.lanes);
    let mut flag = |name: &str, value: bool| {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    };
    match variant.kernel {
        TotalsKernel::CountTiles { classes, class_weights, row_weights } => {
            flag("IS_WEIGHTED", class_weights || row_weights);
            flag("HAS_TARGET_CLASS", classes);
            prelude.push_str(&weight_constants(classes && class_weights, row_weights));
        }
        TotalsKernel::CountFinish { weighted, z_loss, by_size } => {
            flag("IS_WEIGHTED", weighted);
            flag("DIVIDES_BY_SIZE", by_size);
            flag("Z_LOSS", z_loss);
        }
        TotalsKernel::SumTiles { record, reduced, z_loss } => {
            flag("IS_REDUCED", reduced);
            flag("Z_LOSS", z_loss);
            flag("COUNTS_CORRECT", record.has(Word::Correct));
            push_words(&mut prelude, record);
            // Without a z-loss the whole loss is the main one.
            let summed = if z_loss { Word::MainLoss } else { Word::Loss };
            let _ = writeln!(prelude, "const WORD_SUMMED: u32 = {};", summed.constant());
        }
        TotalsKernel::SumFinish { reduced, z_loss, correct, masked } => {
            flag("IS_REDUCED", reduced != Reduced::Nothing);
            flag("IS_MEAN", reduced == Reduced::Mean);
            flag("Z_LOSS", z_loss);
            flag("COUNTS_CORRECT", correct);
            flag("MASKED", masked);
        }
    }
    prelude
}

pub(super) fn modules(kernel: TotalsKernel) -> Vec<Module> {
    let mut modules = vec![
        module!("totals/parameters.wgsl"),
        module!("sum/exact.wgsl"),
        module!("sum/power_of_two.wgsl"),
        module!("sum/sum.wgsl"),
    ];
    match kernel {
        TotalsKernel::CountTiles { classes, class_weights, row_weights } => {
            modules.push(module!("totals/count_tiles.wgsl"));
            modules.extend(weight_modules(classes && class_weights, row_weights));
            modules.extend(word_modules(classes, "targets"));
        }
        TotalsKernel::CountFinish { .. } => {
            modules.extend([module!("totals/count_finish.wgsl"), module!("totals/layout.wgsl")]);
        }
        TotalsKernel::SumTiles { .. } => modules.push(module!("totals/sum_tiles.wgsl")),
        TotalsKernel::SumFinish { .. } => modules.extend([
            module!("totals/sum_finish.wgsl"),
            module!("totals/layout.wgsl"),
            module!("numeric.wgsl"),
        ]),
    }
    modules
}
