//! Linking: a kernel's source is a prelude of `const` lines and a list of whole `.wgsl` files. WGSL
//! does not care about the order of declarations, so linking is concatenation and choice is by file.
//! A file that serves several operands calls them `operand`, and their element type `TYPE`, which linking
//! replaces by the names of both. A file that is asked for twice is linked once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use super::bindings::{Binding, bindings};
use super::modules::{
    factor_constants, is_shifted, merge_modules, row_modules, target_constants, weight_constants,
};
#[cfg(debug_assertions)]
use super::mutation::Mutation;
use super::record::{Record, Word};
use super::reduce;
use super::softmax_loss;
use super::totals;
use super::variant::{
    Access, Family, MergeVariant, Operation, RowVariant, StateKind, TargetKind, Team, Transform,
    Variant,
};
use crate::element::Element;

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A file of `shaders/`: its path there, its text, and the operand it is linked for, of which type.
#[derive(Clone, Copy)]
pub(super) struct Module {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
    pub(super) operand: Option<&'static str>,
    pub(super) element: Option<Element>,
}

impl Module {
    /// Its text, for its operand and for the type of that.
    fn linked<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let Some(name) = self.operand else { return text };
        let text = text.replace("operand", name);
        Cow::Owned(match self.element {
            None => text,
            Some(element) => text.replace("TYPE", element.name()),
        })
    }
}

/// The WGSL source of a kernel.
pub fn link(variant: &Variant) -> String {
    linked(variant, |module| Cow::Borrowed(module.text))
}

/// The same with a mutation.
#[cfg(debug_assertions)]
pub(crate) fn link_mutated(variant: &Variant, mutation: &Mutation) -> String {
    linked(variant, |module| mutation.of(module.path, module.text))
}

fn linked(variant: &Variant, text_of: impl Fn(&Module) -> Cow<'static, str>) -> String {
    let (mut source, modules) = match variant {
        Variant::Rows(rows) => (row_prelude(rows), row_modules(rows)),
        Variant::Totals(totals) => (totals::prelude(totals), totals::modules(totals.kernel)),
        Variant::Merge(merge) => (merge_prelude(merge), merge_modules(merge)),
        Variant::Reduce(variant) => {
            (reduce::link::prelude(variant), reduce::link::modules(variant))
        }
        Variant::SoftmaxLoss(loss) => {
            (softmax_loss::link::prelude(loss), softmax_loss::link::modules(loss))
        }
    };
    push_bindings(&mut source, variant);
    // Several operands may need the same file.
    let mut linked = HashSet::new();
    for module in modules {
        if !linked.insert((module.path, module.operand)) {
            continue;
        }
        // A shader debugger shows the linked text: say where each part comes from.
        let _ = write!(source, "\n// ---- {}", module.path);
        if let Some(name) = module.operand {
            let _ = write!(source, " for {name}");
        }
        let _ = write!(source, "\n{}", module.linked(text_of(&module)));
    }
    if let Some(custom) = variant.custom_module() {
        let _ = write!(source, "\n// ---- {}\n{}", custom.heading(), custom.linked());
    }
    source
}

/// The numbers of the operands that a file of `operand/` declares.
fn push_bindings(prelude: &mut String, variant: &Variant) {
    for Binding { index, slot, .. } in bindings(variant) {
        if let Some(name) = slot.operand() {
            let _ = writeln!(prelude, "const {name}_BINDING: u32 = {index}u;");
        }
    }
}

/// Where each word of a record stands; beyond its end for a word that it has not.
pub(super) fn push_words(prelude: &mut String, record: Record) {
    let _ = writeln!(prelude, "const RECORD_WORDS: u32 = {}u;", record.words());
    for word in Word::ALL {
        let place = record.place(word).unwrap_or(u32::MAX);
        let _ = writeln!(prelude, "const {}: u32 = {place}u;", word.constant());
    }
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
    // Without any of these an ignored row leaves before its logits are read.
    let of_ignored_rows = [Word::LogSumExp, Word::Entropy, Word::Argmax];
    let reads = variant.gradient.is_some()
        || !matches!(variant.state, StateKind::None | StateKind::Part { ignored_rows: false, .. })
        || of_ignored_rows.into_iter().any(|word| variant.record.has(word));
    let is_cross_entropy = variant.operation == Operation::CrossEntropy;
    let is_log_sum_exp = variant.operation == Operation::LogSumExp;
    let is_log_softmax =
        matches!(variant.operation, Operation::LogSoftmax | Operation::LogSoftmaxGradient);
    let comparison = variant.comparison;
    let is_held = !matches!(variant.family, Family::Streamed | Family::Split);
    for (name, value) in [
        ("AT_TEMPERATURE", false),
        ("HELD", is_held),
        ("IS_INTERLEAVED", variant.access == Access::Interleaved),
        ("IS_SPLIT", variant.split),
        ("IS_SCALED", variant.transform != Transform::None),
        ("IS_CAPPED", variant.transform == Transform::Softcap),
        ("KEEPS_STORED", variant.keeps_stored()),
        ("READS_IGNORED_ROWS", reads),
        ("MASKED", is_cross_entropy && comparison.masked),
        ("Z_LOSS", is_cross_entropy && comparison.z_loss),
        ("HAS_LOG_PROBABILITIES", variant.family == Family::Gathered),
        ("IS_LOG_SUM_EXP", is_log_sum_exp),
        ("IS_LOG_SOFTMAX", is_log_softmax),
        ("IS_SHIFTED", is_shifted(variant)),
        ("HAS_TERMS", variant.has_terms()),
        ("HAS_ENTROPY", variant.has_entropy()),
        ("HAS_SUMS", variant.has_sums()),
        ("FINDS_LOWEST", variant.finds_lowest()),
        ("FINDS_ARGMAX", variant.finds_argmax()),
        ("RANKS_TARGET", variant.ranks_target()),
        ("KEEPS_ARGMAX", variant.state.has_argmax()),
        ("KEEPS_RANK", matches!(variant.state, StateKind::Part { target_rank: true, .. })),
        ("KEEPS_MERGED", false),
        ("IS_MERGED", false),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    let has_class = is_cross_entropy && !matches!(comparison.target, TargetKind::Probability(_));
    prelude.push_str(&target_constants(has_class, variant.values_element().is_some()));
    let class_weights = is_cross_entropy && comparison.class_weights;
    let row_weights = is_cross_entropy && comparison.row_weights;
    prelude.push_str(&weight_constants(class_weights, row_weights));
    prelude.push_str(&factor_constants(variant.gradient));
    push_words(&mut prelude, variant.record);
    prelude
}

fn merge_prelude(variant: &MergeVariant) -> String {
    let mut prelude = format!("const LANES: u32 = {}u;\n", variant.lanes);
    for (name, value) in [
        ("AT_TEMPERATURE", false),
        ("IS_SPLIT", false),
        ("READS_IGNORED_ROWS", true),
        ("MASKED", variant.masked),
        ("Z_LOSS", variant.z_loss),
        ("HAS_TERMS", false),
        ("HAS_ENTROPY", true),
        ("RANKS_TARGET", variant.record.has(Word::TargetRank)),
        ("KEEPS_ARGMAX", false),
        ("KEEPS_RANK", false),
        ("KEEPS_MERGED", variant.state == StateKind::Partial),
        ("IS_MERGED", true),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    prelude.push_str(&target_constants(variant.classes, false));
    prelude.push_str(&weight_constants(false, variant.row_weights));
    push_words(&mut prelude, variant.record);
    prelude
}
