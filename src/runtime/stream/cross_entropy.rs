//! Softmax cross-entropy, piece by piece.

use crate::error::Result;
use crate::logits::Logits;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput};
use crate::ops::cross_entropy::{CrossEntropyOperands, CrossEntropyPlan};
use crate::ops::validate::CROSS_ENTROPY;
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::fused;
use crate::runtime::cross_entropy::matrices;
use crate::runtime::operands::output as output_of;
use crate::runtime::readback::Waiting;
use crate::targets::Targets;
use crate::upstream::Upstream;

use super::batch::Batch;
use super::output::MatrixOutput;
use super::pipeline::Pipeline;

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

        let kernels = self.kernels().for_pieces_of(&logits.shape());
        // Kernels are compiled with the first plan.
        let plan_of = |piece: &Piece| -> Result<CrossEntropyPlan> {
            let layout = targets.layout().with_matrix(|shape| piece.packed(&shape));
            let plan = options.plan(&kernels, piece.packed(&logits.shape()), &layout, pass)?;
            Ok(plan.of_batch(logits.rows()))
        };
        // The totals of one row are planned as those of all.
        let row = plan_of(&Piece::next(&logits.shape(), 0..logits.rows(), 1))?;
        let (rows, classes, reductions) = (logits.rows(), logits.classes(), row.batch_reductions());
        let batch = Batch {
            upstream,
            returns_rows: row.returns_rows(),
            ..Batch::cross_entropy(self, rows, classes, targets, options, reductions)
        };
        let (totals, words) = batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                plan_of(piece)?.bind_rows(&CrossEntropyOperands {
                    gradient: buffers.returned(0),
                    rows: columns.records,
                    totals: Some(columns.totals),
                    upstream: columns.upstream,
                    ..columns.of_cross_entropy(&buffers)
                })
            })
            .await?;
        Ok(output_of(options, &totals, row.record(), &words, None))
    }
}
