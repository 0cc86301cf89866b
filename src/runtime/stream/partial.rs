//! Softmax cross-entropy over a part of the classes, piece by piece.

use crate::error::Result;
use crate::logits::Logits;
use crate::memory;
use crate::ops::Pass;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::cross_entropy::{CrossEntropyOperands, CrossEntropyPlan, MergeOperands, MergePlan};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::{ClassRange, PartialState};
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::place_of_packed;
use crate::runtime::cross_entropy::matrices;
use crate::runtime::operands::output as output_of;
use crate::runtime::partial::Part;
use crate::runtime::readback::Waiting;
use crate::targets::Targets;
use crate::upstream::Upstream;

use super::batch::Batch;
use super::output::MatrixOutput;
use super::pipeline::Pipeline;
use super::traffic::{Brought, Returned, Traffic};

/// Words of a row's state.
const WORDS: usize = size_of::<PartialState>() / 4;

impl Gpu {
    /// The state of each row.
    pub(in crate::runtime) async fn stream_partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
        waiting: Waiting,
    ) -> Result<Vec<PartialState>> {
        let (rows, shape) = (logits.rows(), logits.shape());
        let mut states = memory::zeros(CROSS_ENTROPY, rows)?;
        let mut traffic = Traffic::of_matrices(&matrices(logits, targets));
        let values = bytemuck::cast_slice_mut::<PartialState, f32>(&mut states);
        traffic.take_back(Some(Returned::Column { words: WORDS, values }));
        let mut pipeline = Pipeline::of(self, CROSS_ENTROPY, waiting, traffic)?;

        let kernels = self.kernels().for_pieces_of(&shape);
        let pass = Pass::Forward { save_state: true };
        let plan_of = |piece: &Piece| -> Result<CrossEntropyPlan> {
            let layout = targets.layout().with_matrix(|shape| piece.packed(&shape));
            let piece = piece.packed(&shape);
            Ok(options.plan_part(&kernels, piece, classes, &layout, pass)?.of_batch(rows))
        };
        // The totals of one row are planned as those of all.
        let reductions = plan_of(&Piece::next(&shape, 0..rows, 1))?.batch_reductions();
        let batch = Batch::cross_entropy(self, rows, classes.total, targets, options, reductions);
        batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                plan_of(piece)?.bind_rows(&CrossEntropyOperands {
                    state: buffers.returned(0),
                    ..columns.of_cross_entropy(&buffers)
                })
            })
            .await?;
        drop(pipeline);
        Ok(states)
    }

    /// All results but the gradient, from merged states.
    pub(in crate::runtime) async fn stream_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        let rows = states.len();
        // They come as a matrix does, of words that happen to be those of states.
        let matrix = Logits::new(bytemuck::cast_slice::<_, f32>(states), rows, WORDS)?;
        let mut pipeline = Pipeline::new(self, CROSS_ENTROPY, waiting, vec![matrix], None)?;

        let plan_of = |piece_rows: usize| -> Result<MergePlan> {
            let layout = targets.layout();
            let plan = options.plan_merge(self.kernels(), piece_rows, 1, classes, &layout)?;
            Ok(plan.of_batch(rows))
        };
        // The totals of one row are planned as those of all.
        let row = plan_of(1)?;
        let batch = Batch {
            returns_rows: row.returns_rows(),
            ..Batch::cross_entropy(self, rows, classes, targets, options, row.batch_reductions())
        };
        let (totals, words) = batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                plan_of(piece.rows)?.bind_rows(&MergeOperands {
                    targets: columns.indices,
                    row_weights: columns.row_weights,
                    rows: columns.records,
                    ..MergeOperands::new(buffers.brought(0))
                })
            })
            .await?;
        Ok(output_of(options, &totals, row.record(), &words, None))
    }

    /// The gradient of a part, which goes to `output`.
    pub(in crate::runtime) async fn stream_partial_gradient(
        &self,
        part: Part<'_>,
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
        output: MatrixOutput<'_>,
        waiting: Waiting,
    ) -> Result<()> {
        let Part { logits, classes, states } = part;
        let (rows, shape) = (logits.rows(), logits.shape());
        let element = Some(output.element());
        let options = &CrossEntropy { gradient_element: element, ..*options };
        let gradient = place_of_packed(logits, element);
        let pass = Pass::Backward { gradient, upstream: upstream.source() };
        let mut traffic = Traffic::of_matrices(&matrices(logits, targets));
        let values = bytemuck::cast_slice(states);
        let states = traffic.bring(Brought::Column { words: WORDS, values });
        traffic.take_back(Some(Returned::OverLogits(output)));
        let mut pipeline = Pipeline::of(self, CROSS_ENTROPY, waiting, traffic)?;

        // The denominators and the check of the targets, which a backward leaves to its forward.
        let counts =
            options.plan_merge(self.kernels(), rows, 1, classes.total, &targets.layout())?;
        let reductions = counts.batch_reductions().without_records();
        let kernels = self.kernels().for_pieces_of(&shape);
        let batch = Batch {
            upstream: Some(upstream),
            ..Batch::cross_entropy(self, rows, classes.total, targets, options, reductions)
        };
        batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                let layout = targets.layout().with_matrix(|shape| piece.packed(&shape));
                let piece = piece.packed(&shape);
                let plan = options.plan_part(&kernels, piece, classes, &layout, pass)?;
                plan.of_batch(rows).bind_rows(&CrossEntropyOperands {
                    gradient: buffers.returned(0),
                    state: Some(buffers.brought(states)),
                    totals: Some(columns.totals),
                    upstream: columns.upstream,
                    ..columns.of_cross_entropy(&buffers)
                })
            })
            .await?;
        Ok(())
    }
}
