//! Softmax cross-entropy, piece by piece: first the denominators, of targets and weights alone; then
//! the rows; then the sums of their losses.

use std::ops::Range;

use wgpu::{Buffer, BufferSlice};

use crate::kernel::parameters::Totals;
use crate::ops::cross_entropy::{
    BatchTotals, Block, CrossEntropyOperands, CrossEntropyPlan, partial_bytes, tile_rows,
};
use crate::ops::validate::CROSS_ENTROPY;
use crate::plan::Piece;
use crate::runtime::call::{Call, DeviceUpstream, fused, slice};
use crate::runtime::cross_entropy::matrices;
use crate::runtime::operands::{device_indices, output as output_of, refuse_unseen};
use crate::runtime::readback::Waiting;
use crate::{
    CrossEntropy, CrossEntropyOutput, Gpu, Logits, Pass, Result, Step, TargetLayout, TargetValues,
    Targets, Upstream,
};

use super::columns::{block_rows, blocks};
use super::output::MatrixOutput;
use super::pipeline::Pipeline;
use super::slot::PieceBuffers;

const TOTALS_BYTES: u64 = size_of::<Totals>() as u64;

/// A batch under way.
struct Batch<'a> {
    gpu: &'a Gpu,
    logits: Logits<'a>,
    targets: Targets<'a>,
    upstream: Option<Upstream<'a>>,
    options: &'a CrossEntropy,
    pass: Pass,
    /// Of one row; its totals are planned as those of all.
    plan: CrossEntropyPlan,
    class_weights: Option<Buffer>,
    totals: Buffer,
    partials: Buffer,
    tiles: u64,
    /// Rows of a block.
    of_block: usize,
    /// Rows of a tile.
    tile: u64,
}

/// What is known of the rows of a block, on the device.
struct Columns {
    rows: Range<usize>,
    first_tile: u64,
    /// Targets that are classes.
    classes: Option<Buffer>,
    row_weights: Option<Buffer>,
    upstream: Option<DeviceUpstream>,
    records: Option<Buffer>,
}

impl Gpu {
    /// All results of cross-entropy but the gradient, which goes to `output`.
    pub(in crate::runtime) async fn stream_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
        output: Option<MatrixOutput<'_>>,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        let element = output.as_ref().map(MatrixOutput::element);
        let pass = fused(logits, element, upstream);
        let options = &CrossEntropy { gradient_element: element, ..*options };
        let matrices = matrices(logits, targets);
        let mut pipeline = Pipeline::new(self, CROSS_ENTROPY, waiting, matrices, output)?;

        let row = Piece::next(&logits.shape(), 0..logits.rows(), 1);
        let plan = plan_of(self, &row, logits, targets, options, pass)?;
        let tile = tile_rows(self.kernels());
        let record_bytes = 4 * u64::from(plan.record().words());
        let of_block = block_rows(self, 12 + record_bytes, record_bytes.max(4), tile);
        let blocks: Vec<_> = blocks(logits.rows(), of_block).collect();
        let tiles = blocks.iter().map(|rows| (rows.len() as u64).div_ceil(tile)).sum();
        refuse_unseen(targets, logits.classes(), options.ignore_index)?;

        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let class_weights = targets
            .class_weights
            .map(|weights| call.upload("wgpu-loss class weights", weights))
            .transpose()?;
        let scratch = |label, bytes| self.storage(CROSS_ENTROPY, label, bytes, false);
        let totals = scratch("wgpu-loss totals", TOTALS_BYTES)?;
        let partials = scratch("wgpu-loss partials", partial_bytes(tiles))?;
        let batch = Batch {
            gpu: self,
            logits,
            targets,
            upstream,
            options,
            pass,
            plan,
            class_weights,
            totals,
            partials,
            tiles,
            of_block,
            tile,
        };

        // Of the only block the columns stay; of several, those that are counted come twice.
        let mut kept = None;
        for rows in &blocks {
            let columns = match blocks.len() {
                1 => batch.columns(&call, rows.clone())?,
                _ => batch.counted_columns(&call, rows.clone())?,
            };
            let block = columns.block(&batch.class_weights);
            let step = batch.plan.bind_block_counts(&block, &batch.of_totals())?;
            step.iter().for_each(|step| step.record(&mut call.encoder));
            if blocks.len() == 1 {
                kept = Some(columns);
            } else {
                call.finish(waiting).await?;
                call = Call::new(self, CROSS_ENTROPY)?;
            }
        }
        let step = batch.plan.bind_counts(&batch.of_totals())?;
        step.iter().for_each(|step| step.record(&mut call.encoder));
        let read = call.read(Some(&batch.totals), TOTALS_BYTES)?;
        let counted = call.finish(waiting).await?.totals(read)?;
        // Before anything is written.
        self.refuse_invalid_target(&counted, targets, logits.classes())?;

        let mut words = Vec::new();
        for rows in &blocks {
            let mut call = Call::new(self, CROSS_ENTROPY)?;
            let columns = match kept.take() {
                Some(columns) => columns,
                None => batch.columns(&call, rows.clone())?,
            };
            pipeline
                .run(rows.clone(), |piece, buffers| batch.bind(piece, &columns, buffers))
                .await?;
            let block = columns.block(&batch.class_weights);
            let step = batch.plan.bind_block_sums(&block, &batch.of_totals())?;
            step.iter().for_each(|step| step.record(&mut call.encoder));
            let records = columns.records.as_ref().filter(|_| batch.plan.returns_rows());
            let read = call.read(records, record_bytes * rows.len() as u64)?;
            let results = call.finish(waiting).await?;
            words.extend(results.values::<u32>(read)?.unwrap_or_default());
        }
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let step = batch.plan.bind_sums(&batch.of_totals())?;
        step.iter().for_each(|step| step.record(&mut call.encoder));
        let read = call.read(Some(&batch.totals), TOTALS_BYTES)?;
        let totals = call.finish(waiting).await?.totals(read)?;
        Ok(output_of(options, &totals, batch.plan.record(), &words, None))
    }
}

impl Batch<'_> {
    fn of_totals(&self) -> BatchTotals<'_> {
        let (partials, tiles) = (&self.partials, self.tiles);
        BatchTotals { partials, tiles, totals: self.totals.slice(..) }
    }

    /// What is known of a block's rows, and room for its results.
    fn columns(&self, call: &Call<'_>, rows: Range<usize>) -> Result<Columns> {
        let upstream = self.upstream.map(|each| call.upstream(each.of_rows(&rows))).transpose()?;
        let words = u64::from(self.plan.record().words());
        let bytes = 4 * words * rows.len() as u64;
        let records = call.output(words > 0, "wgpu-loss rows", bytes)?;
        Ok(Columns { upstream, records, ..self.counted_columns(call, rows)? })
    }

    /// What the denominators depend on, of a block's rows.
    fn counted_columns(&self, call: &Call<'_>, rows: Range<usize>) -> Result<Columns> {
        let classes = match self.targets.values {
            TargetValues::Probabilities(_) => None,
            TargetValues::Classes(indices) => {
                let indices =
                    device_indices(CROSS_ENTROPY, indices, rows.clone(), self.logits.classes())?;
                Some(call.upload("wgpu-loss targets", &indices)?)
            }
        };
        let weights = self.targets.row_weights.map(|weights| &weights[rows.clone()]);
        let row_weights =
            weights.map(|weights| call.upload("wgpu-loss row weights", weights)).transpose()?;
        let before = (rows.start / self.of_block) as u64; // blocks of as many tiles each
        let first_tile = before * (self.of_block as u64).div_ceil(self.tile);
        Ok(Columns { rows, first_tile, classes, row_weights, upstream: None, records: None })
    }

    /// The step of a piece.
    fn bind(&self, piece: &Piece, columns: &Columns, buffers: PieceBuffers<'_>) -> Result<Step> {
        let plan = plan_of(self.gpu, piece, self.logits, self.targets, self.options, self.pass)?;
        let first = (piece.first_row - columns.rows.start) as u64;
        let record_bytes = 4 * u64::from(plan.record().words());
        let classes = from(&columns.classes, 4 * first);
        let upstream = columns.upstream.as_ref().map(|each| each.operand_from(4 * first));
        plan.bind_rows(&CrossEntropyOperands {
            class_weights: slice(&self.class_weights),
            row_weights: from(&columns.row_weights, 4 * first),
            gradient: buffers.returned(0),
            rows: from(&columns.records, record_bytes * first),
            totals: Some(self.totals.slice(..)),
            upstream: upstream.unwrap_or_default(),
            ..CrossEntropyOperands::new(
                buffers.brought(0),
                classes.unwrap_or_else(|| buffers.brought(1)),
            )
        })
    }
}

impl Columns {
    fn block<'a>(&'a self, class_weights: &'a Option<Buffer>) -> Block<'a> {
        Block {
            first_row: self.rows.start,
            rows: self.rows.len(),
            first_tile: self.first_tile,
            targets: slice(&self.classes),
            class_weights: slice(class_weights),
            row_weights: slice(&self.row_weights),
            records: slice(&self.records),
        }
    }
}

/// The plan of a piece, whose kernels were compiled with the first.
fn plan_of(
    gpu: &Gpu,
    piece: &Piece,
    logits: Logits<'_>,
    targets: Targets<'_>,
    options: &CrossEntropy,
    pass: Pass,
) -> Result<CrossEntropyPlan> {
    let layout = targets.layout();
    let probabilities = layout.probabilities.map(|shape| piece.packed(&shape));
    let layout = TargetLayout { probabilities, ..layout };
    options.plan(gpu.kernels(), piece.packed(&logits.shape()), &layout, pass)
}

/// A column from a byte on.
fn from(column: &Option<Buffer>, start: u64) -> Option<BufferSlice<'_>> {
    column.as_ref().map(|column| column.slice(start..))
}
