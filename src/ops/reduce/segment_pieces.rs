//! A segmented reduction that goes in pieces: some rows leave partial results, which are merged in
//! the end, some segments at a time. They are those of the whole, so that its bits are the whole's.

use wgpu::BufferSlice;

use crate::error::Result;
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::logits::Shape;
use crate::ops::operand::{Operand, Rows};
use crate::ops::step::{Step, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::{SegmentPart, column_layout};
use crate::weights::WeightLayout;

use super::operands::weights_operand;
use super::reduction::Source;
use super::segments::{PlacesOfRows, SegmentReduction, bind_whole};
use super::validate::OPERATION;

/// See the module.
pub(crate) struct PiecewiseSegments {
    pub(super) kernels: Kernels,
    /// Of everything.
    pub(super) whole: SegmentReduction,
    pub(super) fixed: ReduceParameters,
}

/// Buffers for some of the rows, all of them without gaps.
pub(crate) struct SegmentPieceOperands<'a> {
    pub(crate) values: BufferSlice<'a>,
    pub(crate) weights: Option<BufferSlice<'a>>,
    /// Where segments start among these rows, and where the last ends.
    pub(crate) offsets: BufferSlice<'a>,
    /// 0, 1, 2 and so on, where segments are told by ids: rows come in their order.
    pub(crate) order: Option<BufferSlice<'a>>,
    pub(crate) partials: BufferSlice<'a>,
}

impl PiecewiseSegments {
    /// Compiles the kernels.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) where the device refuses one.
    pub(crate) fn compile(&self) -> Result<()> {
        for variant in self.whole.piece_variants(&self.kernels) {
            self.kernels.pipeline(&Variant::Reduce(variant))?;
        }
        Ok(())
    }

    /// Whether bindings hold everything at once.
    pub(crate) fn fits(&self) -> bool {
        let capabilities = self.kernels.capabilities();
        let most = capabilities.max_binding_bytes.min(capabilities.max_buffer_bytes);
        self.whole.largest_binding() <= most
    }

    /// Columns that are taken together: a multiple of them goes in a piece, unless it is the last.
    pub(crate) fn columns_together(&self) -> usize {
        self.whole.width(&self.kernels) as usize
    }

    /// Words of a partial result.
    pub(crate) fn partial_words(&self) -> usize {
        self.whole.partial_bytes() as usize / 4
    }

    /// Words of a result.
    pub(crate) fn result_words(&self) -> u32 {
        self.whole.values.statistic.result_words()
    }

    fn of(&self, values: Shape, weights: WeightLayout, part: &SegmentPart) -> SegmentReduction {
        self.whole.part(column_layout(values, weights), part.segments.len() as u64)
    }

    /// The step that makes partial results of a part of the rows: of each, those of its columns.
    pub(crate) fn bind_piece(
        &self,
        values: Shape,
        weights: WeightLayout,
        part: &SegmentPart,
        operands: &SegmentPieceOperands<'_>,
    ) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let reduction = self.of(values, weights, part);
        let (pieces, segments) = (part.partials.len(), part.segments.len());
        let operand = |slot, slice, rows| Operand::new(OPERATION, slot, slice, rows);
        let of_values = operand(Slot::Values, operands.values, Rows::of_shape(&values))?;
        let of_weights = weights_operand(values, weights, operands.weights)?;
        let offsets = Rows::of_one(segments + 1, 4);
        let offsets = operand(Slot::SegmentOffsets, operands.offsets, offsets)?;
        let words = self.partial_words() as u32;
        let partials = Rows::of_words(pieces * values.classes, words);
        let partials = operand(Slot::PartialResults, operands.partials, partials)?;
        let rows = Rows::of_one(values.rows, 4);
        let order =
            operands.order.map(|slice| operand(Slot::SortedRows, slice, rows)).transpose()?;
        let bytes = 4 * values.rows as u64;
        let order = order.map(|order| bind_whole(&builder, &Source::from(&order), bytes));
        let bytes = 4 * (segments as u64 + 1);
        let places = PlacesOfRows {
            offsets: bind_whole(&builder, &Source::from(&offsets), bytes)?,
            order: order.transpose()?.map(|(order, _)| order),
        };
        let weights = of_weights.as_ref().map(Source::from);
        reduction.bind_pieces(
            &mut builder,
            (&Source::from(&of_values), weights.as_ref()),
            &places,
            &Source::from(&partials),
            pieces as u64,
            self.fixed,
        )?;
        builder.finish()
    }

    /// The step that merges the partial results of a part of the segments.
    pub(crate) fn bind_merge(
        &self,
        columns: usize,
        part: &SegmentPart,
        partials: BufferSlice<'_>,
        offsets: BufferSlice<'_>,
        results: BufferSlice<'_>,
    ) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let shape = Shape::new(part.rows.len(), columns);
        let reduction = self.of(shape, WeightLayout::None, part);
        let segments = part.segments.len();
        let operand = |slot, slice, rows| {
            Operand::new(OPERATION, slot, slice, rows).map(|operand| Source::from(&operand))
        };
        let words = self.partial_words() as u32;
        let rows = Rows::of_words(part.partials.len() * columns, words);
        let partials = operand(Slot::Partials, partials, rows)?;
        let results = operand(
            Slot::Results,
            results,
            Rows::of_words(segments * columns, self.result_words()),
        )?;
        let offsets = operand(Slot::SegmentOffsets, offsets, Rows::of_one(segments + 1, 4))?;
        let offsets = bind_whole(&builder, &offsets, 4 * (segments as u64 + 1))?;
        reduction.bind_merge(&mut builder, partials, &results, offsets, self.fixed)?;
        builder.finish()
    }
}
