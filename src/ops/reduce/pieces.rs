//! A reduction across rows that goes in pieces: each leaves partial results, which are merged in the
//! end. The parts are those of the whole, so that its bits are the whole's.

use wgpu::BufferSlice;

use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::ReduceVariant;
use crate::logits::Shape;
use crate::ops::operand::{Operand, Rows};
use crate::ops::step::{Step, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::{ReduceLayout, Walk};

use super::merge::bind_merges;
use super::reduction::{Reduction, Source};

/// See the module.
pub(crate) struct PiecewiseReduction {
    pub(in crate::ops) kernels: Kernels,
    pub(in crate::ops) operation: &'static str,
    /// Of everything.
    pub(in crate::ops) whole: Reduction,
    pub(in crate::ops) fixed: ReduceParameters,
}

/// Where a batch may be cut, and the partial results of its pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Rows of which a piece has a multiple, unless it is the last.
    pub(crate) together: usize,
    /// The fewest rows of the last piece.
    pub(crate) last: usize,
    /// Four elements are addressed at a time.
    pub(crate) by_four: bool,
    /// Results, each with partial results of its own.
    pub(crate) results: usize,
    /// Words of a partial result.
    pub(crate) words: usize,
    /// Partial results of each result that rows which go together have.
    each: usize,
    /// What is left of whole vectors is a part of its own.
    has_tail: bool,
}

impl Reduction {
    /// The merges of partial results that pieces left, all of them in this buffer.
    fn bind_merges(
        &self,
        builder: &mut StepBuilder<'_>,
        partials: Source,
        results: &Source,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        bind_merges(builder, self.merges(&kernels), Some(partials), results, fixed)
    }

    /// The kernels of [`bind_merges`](Self::bind_merges).
    fn merge_variants(&self, kernels: &Kernels) -> Vec<ReduceVariant> {
        self.merges(kernels).into_iter().map(|merge| merge.variant).collect()
    }
}

impl Parts {
    /// Partial results of each result that a piece has, the last one or of whole units.
    pub(crate) fn of_rows(&self, rows: usize) -> usize {
        let tail = if self.has_tail { rows % 4 } else { 0 };
        (rows - tail).div_ceil(self.together) * self.each + usize::from(tail > 0)
    }

    /// The same of partial results of other sizes, which are numbered alike.
    pub(crate) fn of(self, merging: &PiecewiseReduction) -> Self {
        let (_, words) = merging.whole.partial_results();
        Self { words: words as usize, ..self }
    }

    /// At most so many words do pieces of so many rows have.
    pub(crate) fn most_words(&self, rows: usize) -> usize {
        let partials = rows.div_ceil(self.together) * self.each + usize::from(self.has_tail);
        partials * self.results * self.words
    }
}

impl PiecewiseReduction {
    /// Compiles the kernels that merge.
    pub(in crate::ops) fn new(
        kernels: &Kernels,
        operation: &'static str,
        whole: Reduction,
        fixed: ReduceParameters,
    ) -> Result<Self> {
        for variant in whole.merge_variants(kernels) {
            kernels.pipeline(&Variant::Reduce(variant))?;
        }
        Ok(Self { kernels: kernels.clone(), operation, whole, fixed })
    }

    /// How everything is gone through.
    pub(crate) fn layout(&self) -> &ReduceLayout {
        self.whole.layout()
    }

    /// Number of results.
    pub(crate) fn results(&self) -> usize {
        self.layout().results as usize
    }

    /// Words of a result.
    pub(crate) fn result_words(&self) -> u32 {
        self.whole.values.statistic.result_words()
    }

    /// Whether everything is gone through as one run, whatever rows it has.
    pub(crate) fn is_single_run(&self) -> bool {
        self.layout().is_single_run()
    }

    /// Where the rows of this batch may be cut; `None` where they may not: a single block, or one
    /// partial result.
    pub(crate) fn parts(&self, batch: Shape) -> Option<Parts> {
        let layout = self.layout();
        let (partials, words) = self.whole.partial_results();
        let [inner_unit, run_unit] = self.whole.unit();
        let (inner_unit, run_unit) = (inner_unit as usize, run_unit as usize);
        let run_parts = (layout.length as usize).div_ceil(run_unit);
        let is_turned = batch.classes == 1
            && batch.inner <= 1
            && layout.walk == Walk::Runs
            && layout.inner == 1;
        let has_blocks = batch.inner > 1;
        let (together, each, last) = if is_turned {
            // A single row is not turned.
            (run_unit, 1, 2)
        } else if has_blocks {
            let of_block = match layout.reduces_all() {
                true => (layout.inner as usize).div_ceil(inner_unit),
                false => 1,
            };
            (batch.inner, of_block * run_parts, 1)
        } else if layout.walk == Walk::Columns {
            (inner_unit, 1, 1)
        } else {
            (inner_unit, run_parts, 1)
        };
        let parts = Parts {
            together,
            last,
            by_four: self.whole.is_by_four(),
            results: self.results(),
            words: words as usize,
            each,
            has_tail: is_turned && layout.is_single_run() && layout.length > 4,
        };
        debug_assert_eq!(parts.of_rows(batch.rows) as u64, partials, "{batch:?} {layout:?}");
        (partials > 1 && batch.rows > together).then_some(parts)
    }

    /// The step that merges the partial results of all pieces: those of each result in their order,
    /// result by result.
    ///
    /// # Errors
    /// [`Error::Limit`] where a binding cannot hold them.
    pub(crate) fn bind(&self, partials: BufferSlice<'_>, results: BufferSlice<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, self.operation);
        let (of_each, words) = self.whole.partial_results();
        let count = self.results() * of_each as usize;
        let needed = 4 * u64::from(words) * count as u64;
        let available = self.kernels.capabilities().max_binding_bytes;
        if needed > available {
            return Err(Error::Limit {
                operation: self.operation,
                limit: "max_storage_buffer_binding_size",
                needed,
                available,
            });
        }
        let operand = |slot, slice, count, words| {
            Operand::new(self.operation, slot, slice, Rows::of_words(count, words))
        };
        let partials = operand(Slot::Partials, partials, count, words)?;
        let results = operand(Slot::Results, results, self.results(), self.result_words())?;
        self.whole.bind_merges(
            &mut builder,
            Source::from(&partials),
            &Source::from(&results),
            self.fixed,
        )?;
        builder.finish()
    }
}
