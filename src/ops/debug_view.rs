//! What a plan will do, for people and for tests: its pipelines, their bindings, the bytes they move.

use std::fmt;

use crate::element::Element;
use crate::kernel::bindings::{Slot, bindings};
use crate::kernel::link::link;
use crate::kernel::reduce::ReduceVariant;
use crate::kernel::{Family, RowVariant, TotalsKernel, Variant, Word};
use crate::pipelines::Kernels;

use super::rows::RowsPlan;
use super::split::kernels_of;

/// A pipeline of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineView {
    /// The kernel's label.
    pub label: String,
    /// Its WGSL, linked from the files of `shaders/`.
    pub source: String,
    /// Names of the storage buffers it is given.
    pub operands: Vec<&'static str>,
    /// Bytes it reads at the least, cached rereads not counted.
    pub bytes_read: u64,
    /// Bytes it writes.
    pub bytes_written: u64,
    /// Times it reads the logits.
    pub reads: u32,
}

/// The pipelines of a plan in the order of their dispatches, as [`Display`](fmt::Display) prints
/// them. An option that is off adds no pipeline, no operand and no byte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DebugView {
    /// The pipelines.
    pub pipelines: Vec<PipelineView>,
}

impl DebugView {
    /// Bytes that all pipelines read and write.
    pub fn bytes(&self) -> u64 {
        self.pipelines.iter().map(|each| each.bytes_read + each.bytes_written).sum()
    }

    /// The kernels over the rows; `upstream`: values of the upstream gradient, where it has a buffer.
    pub(super) fn push_rows(&mut self, plan: &RowsPlan, upstream: u64, kernels: &Kernels) {
        let rows = plan.logits.rows as u64;
        let parts = plan.cut.map_or(1, |cut| cut.parts);
        for variant in kernels_of(&plan.variant, kernels.tuning().totals_lanes) {
            let (reads, state) = match &variant {
                Variant::Rows(of_rows) if plan.variant.family == Family::Split => {
                    let is_of_part = of_rows.family == Family::Split;
                    (1, of_rows.state.bytes() * if is_of_part { parts } else { 1 })
                }
                Variant::Merge(merge) => (0, merge.state.bytes()),
                _ => (plan.reads(), plan.variant.state.bytes()),
            };
            let of_parts = parts * plan.variant.of_parts().state.bytes();
            self.push(&variant, reads, &|slot, written| match slot {
                Slot::Upstream => 4 * upstream,
                Slot::State => rows * state,
                Slot::Parts => rows * of_parts,
                _ => row_bytes(plan, slot, written, rows),
            });
        }
    }

    /// The kernels of a reduction over so many rows.
    pub(super) fn push_totals(&mut self, variants: &[Variant], rows: usize, kernels: &Kernels) {
        let rows = rows as u64;
        let tile = 64 * u64::from(kernels.tuning().totals_lanes);
        for variant in variants {
            let Variant::Totals(totals) = variant else { continue };
            let bytes = |slot: Slot, _| match (slot, totals.kernel) {
                (Slot::Partials, _) => super::totals::PARTIAL_BYTES * rows.div_ceil(tile),
                (Slot::Totals, _) => super::totals::TOTALS_BYTES,
                (Slot::Rows, TotalsKernel::SumTiles { record, reduced, z_loss }) => {
                    // Of each record only what is summed.
                    let words = [reduced, reduced && z_loss, record.has(Word::Correct)];
                    4 * rows * words.into_iter().filter(|is_read| *is_read).count() as u64
                }
                _ => 4 * rows,
            };
            self.push(variant, 0, &bytes);
        }
    }

    /// A kernel of a reduction; `bytes`: those of an operand.
    pub(super) fn push_reduce(&mut self, variant: &ReduceVariant, bytes: &dyn Fn(Slot) -> u64) {
        self.push(&Variant::Reduce(*variant), 1, &|slot, _| bytes(slot));
    }

    /// `bytes`: those of an operand that are read, or written.
    fn push(&mut self, variant: &Variant, reads: u32, bytes: &dyn Fn(Slot, bool) -> u64) {
        let storage: Vec<_> = bindings(variant)
            .into_iter()
            .filter_map(|binding| Some((binding.slot, binding.written?)))
            .collect();
        let is_in_place = matches!(variant, Variant::Rows(rows) if rows.gradient.is_some())
            && !storage.iter().any(|(slot, _)| *slot == Slot::Gradient);
        let sum = |written: bool| {
            let of = storage.iter().filter(move |(_, is_written)| *is_written == written);
            of.map(|(slot, _)| bytes(*slot, written)).sum::<u64>()
        };
        let logits_again = if is_in_place { bytes(Slot::Logits, false) } else { 0 };
        self.pipelines.push(PipelineView {
            label: variant.to_string(),
            source: link(variant),
            operands: storage.iter().map(|(slot, _)| slot.name()).collect(),
            bytes_read: sum(false) + logits_again,
            bytes_written: sum(true),
            reads,
        });
    }
}

/// Bytes of an operand of a kernel over rows.
fn row_bytes(plan: &RowsPlan, slot: Slot, written: bool, rows: u64) -> u64 {
    let RowVariant { family, record, element, .. } = plan.variant;
    let matrix = |element: Element| rows * plan.logits.classes as u64 * element.bytes() as u64;
    match slot {
        Slot::Logits if family == Family::Gathered && !written => rows * element.bytes() as u64,
        Slot::Logits => matrix(element),
        Slot::Gradient => matrix(plan.gradient.element),
        Slot::Probabilities | Slot::UpstreamMatrix => {
            plan.values.map_or(0, |values| matrix(values.element))
        }
        Slot::Rows | Slot::LogSumExp => 4 * rows * u64::from(record.words()),
        Slot::ClassWeights => 4 * plan.logits.classes as u64,
        Slot::Totals => 8,
        Slot::Targets | Slot::RowWeights => 4 * rows,
        // Nothing else is bound by rows.
        _ => 0,
    }
}

impl fmt::Display for DebugView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for each in &self.pipelines {
            writeln!(
                f,
                "{}: {} read, {} written; {}",
                each.label,
                each.bytes_read,
                each.bytes_written,
                each.operands.join(", ")
            )?;
        }
        write!(f, "{} pipelines, {} bytes", self.pipelines.len(), self.bytes())
    }
}

/// The view of a plan that is of rows alone.
pub(super) fn of_rows(plan: &RowsPlan, upstream: u64, kernels: &Kernels) -> DebugView {
    let mut view = DebugView::default();
    view.push_rows(plan, upstream, kernels);
    view
}
