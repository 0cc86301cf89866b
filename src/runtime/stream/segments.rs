//! Reductions of segments, piece by piece; rows that come with ids are brought in the order of those.

use std::ops::Range;

use wgpu::Buffer;

use crate::error::Result;
use crate::logits::{Logits, Shape};
use crate::memory;
use crate::ops::reduce::segment_pieces::{PiecewiseSegments, SegmentPieceOperands};
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Reduce, SegmentLayout};
use crate::plan::reduce::{PIECE_ROWS, SegmentCuts, SegmentPart};
use crate::runtime::Gpu;
use crate::runtime::call::{Call, slice};
use crate::runtime::readback::Waiting;
use crate::segments::Segments;
use crate::weights::{WeightLayout, Weights};

use super::cut::Cut;
use super::output::zeroed;
use super::pipeline::Pipeline;
use super::traffic::{Brought, Returned, Traffic};

/// A segmented reduction that goes in pieces.
pub(in crate::runtime) struct SegmentsInPieces<'a> {
    gpu: &'a Gpu,
    values: Logits<'a>,
    weights: Weights<'a>,
    whole: PiecewiseSegments,
    segments: usize,
    rows: SegmentRows,
}

/// The rows of segments.
struct SegmentRows {
    cuts: SegmentCuts,
    /// The segments that have rows, in their order.
    present: Vec<u32>,
    /// Rows by segment, where they come with ids.
    order: Option<Vec<u32>>,
}

impl SegmentRows {
    fn new(segments: Segments<'_>) -> Result<Self> {
        match segments {
            Segments::Offsets(offsets) => Self::of_offsets(offsets, None),
            Segments::Ids { ids, segments } => {
                let (offsets, order) = sorted(ids, segments)?;
                Self::of_offsets(&offsets, Some(order))
            }
        }
    }

    /// Segments without rows are left out, so that pieces have no more segments than rows.
    fn of_offsets(offsets: &[u32], order: Option<Vec<u32>>) -> Result<Self> {
        let ranges = || offsets.windows(2).enumerate().filter(|(_, range)| range[0] < range[1]);
        let count = ranges().count();
        let mut present = memory::zeros(OPERATION, count)?;
        let mut starts = memory::zeros(OPERATION, count + 1)?;
        for (at, (segment, range)) in ranges().enumerate() {
            present[at] = segment as u32;
            starts[at] = range[0];
            starts[at + 1] = range[1];
        }
        Ok(Self { cuts: SegmentCuts::new(starts), present, order })
    }
}

/// Where each segment starts among rows that were sorted by it, and those rows, which keep their
/// order within a segment; rows of none are left out.
fn sorted(ids: &[i32], segments: usize) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut offsets: Vec<u32> = memory::zeros(OPERATION, segments + 1)?;
    let segment_of = |id: i32| usize::try_from(id).ok();
    for segment in ids.iter().filter_map(|&id| segment_of(id)) {
        offsets[segment + 1] += 1;
    }
    for segment in 0..segments {
        offsets[segment + 1] += offsets[segment];
    }
    let rows = offsets[segments] as usize;
    let mut order: Vec<u32> = memory::zeros(OPERATION, rows)?;
    let mut next: Vec<u32> = memory::zeros(OPERATION, segments)?;
    next.copy_from_slice(&offsets[..segments]);
    for (row, &id) in ids.iter().enumerate() {
        if let Some(segment) = segment_of(id) {
            order[next[segment] as usize] = row as u32;
            next[segment] += 1;
        }
    }
    Ok((offsets, order))
}

impl Gpu {
    /// How a segmented reduction goes in pieces, if it does.
    pub(in crate::runtime) fn segments_in_pieces<'a>(
        &'a self,
        values: Logits<'a>,
        segments: Segments<'_>,
        weights: Weights<'a>,
        options: &Reduce,
    ) -> Result<Option<SegmentsInPieces<'a>>> {
        if values.rows() == 0 || values.classes() == 0 || segments.is_empty() {
            return Ok(None);
        }
        let layout = match segments {
            Segments::Offsets(_) => SegmentLayout::Offsets(segments.len()),
            Segments::Ids { segments, .. } => SegmentLayout::Ids(segments),
        };
        let (kernels, shape) = (self.kernels(), values.shape());
        let whole = options.piecewise_segments(kernels, shape, weights.layout(), layout)?;
        let is_large = match weights {
            Weights::PerElement(weights) => self.streaming().are_large(&[values, weights]),
            _ => self.streaming().are_large(&[values]),
        };
        if whole.fits() && !is_large {
            return Ok(None);
        }
        let results = segments.len() * shape.classes * whole.result_words() as usize;
        if let Segments::Ids { segments, .. } = segments {
            // The words come back once, and once more as results.
            memory::check(
                OPERATION,
                &[(2 * segments, size_of::<u32>()), (2 * results, size_of::<f32>())],
            )?;
        }
        whole.compile()?;
        let (segments, rows) = (segments.len(), SegmentRows::new(segments)?);
        Ok(Some(SegmentsInPieces { gpu: self, values, weights, whole, segments, rows }))
    }
}

impl SegmentsInPieces<'_> {
    /// Goes over the batch, some columns after the others where they are many. Answers with the words
    /// of the results, and how many each has.
    pub(in crate::runtime) async fn run(&self, waiting: Waiting) -> Result<(Vec<f32>, u32)> {
        let (columns, result_words) = (self.values.classes(), self.whole.result_words());
        let result = result_words as usize;
        let count = self.segments.checked_mul(columns).and_then(|all| all.checked_mul(result));
        let mut words = zeroed::<f32>(OPERATION, count)?;
        if self.rows.present.len() < self.segments {
            let nothing = self.over_nothing(waiting).await?;
            words.chunks_exact_mut(result).for_each(|each| each.copy_from_slice(&nothing));
        }
        let at_once = self.columns_at_once();
        let turns = columns.div_ceil(at_once);
        for turn in 0..turns {
            let first = turn * at_once;
            let some = first..columns.min(first + at_once);
            let partials = self.pass(some.clone(), (turn, turns), waiting).await?;
            self.merge(some, &partials, &mut words, waiting).await?;
        }
        Ok((words, result_words))
    }

    /// As many columns as buffers hold of a unit of rows, in whole workgroups.
    fn columns_at_once(&self) -> usize {
        let streaming = self.gpu.streaming();
        let capabilities = self.gpu.kernels().capabilities();
        let unit = PIECE_ROWS.min(self.values.rows());
        let values = (unit * self.values.element().bytes()) as u64;
        let weights = match self.weights {
            Weights::PerElement(weights) => (unit * weights.element().bytes()) as u64,
            _ => 0,
        };
        let brought = values.max(weights);
        let words = self.whole.partial_words() * self.rows.cuts.most_partials(unit);
        let partials = 4 * words as u64;
        let limits = [
            streaming.submission_bytes / brought,
            streaming.device_bytes / 4 / (values + weights + partials),
            capabilities.max_binding_bytes.min(capabilities.max_buffer_bytes)
                / brought.max(partials),
        ];
        let together = self.whole.columns_together();
        let most = limits.into_iter().min().unwrap_or_default() as usize;
        (most / together * together).max(together)
    }

    fn weights_of(&self, columns: &Range<usize>) -> Result<Weights<'_>> {
        Ok(match self.weights {
            Weights::PerElement(weights) => Weights::PerElement(weights.columns(columns.clone())?),
            Weights::PerColumn(weights) => Weights::PerColumn(&weights[columns.clone()]),
            weights => weights,
        })
    }

    /// The partial results of some columns: of each piece those of its columns.
    async fn pass(
        &self,
        columns: Range<usize>,
        turn: (usize, usize),
        waiting: Waiting,
    ) -> Result<Vec<f32>> {
        let SegmentRows { cuts, order, .. } = &self.rows;
        let values = self.values.columns(columns.clone())?;
        let words = columns.len() * self.whole.partial_words();
        let mut partials = zeroed(OPERATION, cuts.partials().checked_mul(words))?;
        let rows = cuts.rows();
        if rows.is_empty() {
            return Ok(partials);
        }
        let cut = Cut { together: PIECE_ROWS, ..Cut::default() };
        let mut traffic =
            Traffic::new(values, cut).over(rows.len()).reported_as(self.values.rows(), turn);
        (traffic.order, traffic.binds_whole) = (order.as_deref(), true);
        let offsets = traffic.bring(Brought::Segments(cuts));
        let weights = self.weights_of(&columns)?;
        let weights = traffic.bring_weights(self.gpu, OPERATION, "wgpu-loss weights", weights)?;
        let values_taken = Returned::OfSegments { cuts, words, values: &mut partials };
        let taken = traffic.take_back(Some(values_taken));
        let mut pipeline = Pipeline::of(self.gpu, OPERATION, waiting, traffic)?;
        let in_order: Option<Buffer> = match order {
            None => None,
            Some(_) => {
                let numbers: Vec<u32> = (0..pipeline.most_rows() as u32).collect();
                Some(self.gpu.upload(OPERATION, "wgpu-loss sorted rows", &numbers)?)
            }
        };
        pipeline
            .run(rows, |piece, buffers| {
                let part = cuts.of_rows(piece.range());
                let packed = piece.packed(&values.shape());
                let missing = || self.gpu.failure(OPERATION, "no room for results".into());
                let partials = taken.and_then(|index| buffers.returned(index));
                let operands = SegmentPieceOperands {
                    values: buffers.brought(0),
                    weights: weights.slice(&buffers),
                    offsets: buffers.brought(offsets),
                    order: slice(&in_order),
                    partials: partials.ok_or_else(missing)?,
                };
                self.whole.bind_piece(packed, weights.layout(piece), &part, &operands)
            })
            .await?;
        drop(pipeline);
        Ok(partials)
    }

    /// The results of some columns, some segments after the others.
    async fn merge(
        &self,
        columns: Range<usize>,
        partials: &[f32],
        words: &mut [f32],
        waiting: Waiting,
    ) -> Result<()> {
        let SegmentRows { cuts, present, .. } = &self.rows;
        let (all, some) = (self.values.classes(), columns.len());
        let result = self.whole.result_words() as usize;
        let of_partial = some * self.whole.partial_words();
        let capabilities = self.gpu.kernels().capabilities();
        let binding = capabilities.max_binding_bytes.min(capabilities.max_buffer_bytes);
        let most = binding.min(self.gpu.streaming().device_bytes / 4) as usize / 4;
        let mut first = 0;
        while first < cuts.segments() {
            let next = cuts.next_segments(first, most / of_partial, most / (some * result));
            first = next.end;
            let part = cuts.of_segments(next);
            let Range { start, end } = part.partials;
            let mut call = Call::new(self.gpu, OPERATION)?;
            let of_part = &partials[start * of_partial..end * of_partial];
            let of_part = call.upload("wgpu-loss partial results", of_part)?;
            let offsets = call.upload("wgpu-loss segment offsets", &cuts.offsets(&part))?;
            let bytes = 4 * (part.segments.len() * some * result) as u64;
            let results = self.gpu.storage(OPERATION, "wgpu-loss results", bytes, false)?;
            let [of_part, offsets] = [of_part.slice(..), offsets.slice(..)];
            let step = self.whole.bind_merge(some, &part, of_part, offsets, results.slice(..))?;
            step.record(&mut call.encoder);
            let read = call.read(Some(&results), bytes)?;
            let merged = call.finish(waiting).await?.values::<f32>(read)?.unwrap_or_default();
            let of_segments = present[part.segments].iter().zip(merged.chunks_exact(some * result));
            for (&segment, merged) in of_segments {
                let at = (segment as usize * all + columns.start) * result;
                words[at..at + merged.len()].copy_from_slice(merged);
            }
        }
        Ok(())
    }

    /// The result of a segment without rows, by the same kernels.
    async fn over_nothing(&self, waiting: Waiting) -> Result<Vec<f32>> {
        let (part, shape) = (SegmentPart::of_nothing(), Shape::new(1, 1));
        let shape = shape.with_element(self.values.element());
        let mut call = Call::new(self.gpu, OPERATION)?;
        let scratch = |words| self.gpu.storage(OPERATION, "wgpu-loss nothing", 4 * words, false);
        let layout = match self.weights {
            Weights::PerElement(weights) => {
                WeightLayout::PerElement(shape.with_element(weights.element()))
            }
            weights => weights.layout(),
        };
        let (values, weights) = (scratch(1)?, scratch(1)?);
        let partials = scratch(self.whole.partial_words() as u64)?;
        let words = u64::from(self.whole.result_words());
        let results = scratch(words)?;
        let zeros = call.upload("wgpu-loss segment offsets", &[0u32; 2])?;
        let has_weights = layout != WeightLayout::None;
        let operands = SegmentPieceOperands {
            values: values.slice(..),
            weights: has_weights.then(|| weights.slice(..)),
            offsets: zeros.slice(..),
            order: self.rows.order.as_ref().map(|_| zeros.slice(..)),
            partials: partials.slice(..),
        };
        self.whole.bind_piece(shape, layout, &part, &operands)?.record(&mut call.encoder);
        let [partials, zeros] = [partials.slice(..), zeros.slice(..)];
        let step = self.whole.bind_merge(1, &part, partials, zeros, results.slice(..))?;
        step.record(&mut call.encoder);
        let read = call.read(Some(&results), 4 * words)?;
        Ok(call.finish(waiting).await?.values(read)?.unwrap_or_default())
    }
}
