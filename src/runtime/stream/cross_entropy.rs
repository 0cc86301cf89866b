//! Softmax cross-entropy, piece by piece.

use crate::ops::cross_entropy::{CrossEntropyOperands, CrossEntropyPlan};
use crate::ops::validate::CROSS_ENTROPY;
use crate::plan::Piece;
use crate::runtime::call::fused;
use crate::runtime::cross_entropy::matrices;
use crate::runtime::operands::output as output_of;
use crate::runtime::readback::Waiting;
use crate::{
    CrossEntropy, CrossEntropyOutput, Gpu, Logits, Result, TargetLayout, Targets, Upstream,
};

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

        // Kernels are compiled with the first plan.
        let plan_of = |piece: &Piece| -> Result<CrossEntropyPlan> {
            let layout = targets.layout();
            let probabilities = layout.probabilities.map(|shape| piece.packed(&shape));
            let layout = TargetLayout { probabilities, ..layout };
            options.plan(self.kernels(), piece.packed(&logits.shape()), &layout, pass)
        };
        // The totals of one row are planned as those of all.
        let row = plan_of(&Piece::next(&logits.shape(), 0..logits.rows(), 1))?;
        let batch = Batch {
            gpu: self,
            operation: CROSS_ENTROPY,
            logits,
            indices: targets.class_indices(),
            ignore_index: options.ignore_index,
            class_weights: targets.class_weights,
            row_weights: targets.row_weights,
            upstream,
            reductions: row.batch_reductions(),
            returns_rows: row.returns_rows(),
        };
        let (totals, words) = batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                plan_of(piece)?.bind_rows(&CrossEntropyOperands {
                    class_weights: columns.class_weights,
                    row_weights: columns.row_weights,
                    gradient: buffers.returned(0),
                    rows: columns.records,
                    totals: Some(columns.totals),
                    upstream: columns.upstream,
                    ..CrossEntropyOperands::new(
                        buffers.brought(0),
                        columns.indices.unwrap_or_else(|| buffers.brought(1)),
                    )
                })
            })
            .await?;
        Ok(output_of(options, &totals, row.record(), &words, None))
    }
}
