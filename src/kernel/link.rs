//! Linking: a kernel's source is a prelude of `const` lines and a list of whole `.wgsl` files. WGSL
//! does not care about the order of declarations, so linking is concatenation and choice is by file.
//! A file that serves several operands calls them `operand`, which linking replaces by their name.

use std::borrow::Cow;
use std::fmt::Write;

use super::modules::{merge_modules, row_modules};
#[cfg(debug_assertions)]
use super::mutation::Mutation;
use super::record::{Record, Word};
use super::reduce;
use super::softmax_loss;
use super::totals;
use super::variant::{MergeVariant, Operation, RowVariant, StateKind, Team, Variant};

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A file of `shaders/`: its path there, its text, and the operand it is linked for.
#[derive(Clone, Copy)]
pub(super) struct Module {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
    pub(super) operand: Option<&'static str>,
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
    for module in modules {
        let (path, text) = (module.path, text_of(&module));
        // A shader debugger shows the linked text: say where each part comes from.
        let _ = match module.operand {
            None => write!(source, "\n// ---- {path}\n{text}"),
            Some(name) => {
                write!(source, "\n// ---- {path} for {name}\n{}", text.replace("operand", name))
            }
        };
    }
    if let Some(custom) = variant.custom_module() {
        let _ = write!(source, "\n// ---- {}\n{}", custom.heading(), custom.linked());
    }
    source
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
    for (name, value) in [
        ("KEEPS_STORED", variant.keeps_stored()),
        ("READS_IGNORED_ROWS", reads),
        ("MASKED", is_cross_entropy && variant.comparison.masked),
        ("Z_LOSS", is_cross_entropy && variant.comparison.z_loss),
        ("DIVIDES_BY_SIZE", variant.gradient.is_some_and(|gradient| gradient.divides_by_size)),
        ("HAS_TERMS", variant.has_terms()),
        ("IS_MERGED", false),
        ("HAS_TARGET_RANK", variant.record.has(Word::TargetRank)),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    push_words(&mut prelude, variant.record);
    prelude
}

fn merge_prelude(variant: &MergeVariant) -> String {
    let mut prelude = format!("const LANES: u32 = {}u;\n", variant.lanes);
    for (name, value) in [
        ("READS_IGNORED_ROWS", true),
        ("MASKED", variant.masked),
        ("Z_LOSS", variant.z_loss),
        ("HAS_TERMS", false),
        ("IS_MERGED", true),
        ("HAS_TARGET_RANK", variant.record.has(Word::TargetRank)),
    ] {
        let _ = writeln!(prelude, "const {name}: bool = {value};");
    }
    push_words(&mut prelude, variant.record);
    prelude
}
