//! The relatives of softmax cross-entropy, piece by piece.

use crate::error::Result;
use crate::logits::Logits;
use crate::ops::softmax_loss::{
    SoftmaxAgainst, SoftmaxLoss, SoftmaxLossOperands, SoftmaxLossOutput, SoftmaxLossPlan,
};
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::place_of_packed;
use crate::runtime::readback::Waiting;
use crate::runtime::softmax_loss::{matrices, pass_of};
use crate::upstream::Upstream;

use super::batch::Batch;
use super::output::MatrixOutput;
use super::pipeline::Pipeline;

impl Gpu {
    /// All results but the gradient, which goes to `output`.
    pub(in crate::runtime) async fn stream_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
        output: Option<MatrixOutput<'_>>,
        waiting: Waiting,
    ) -> Result<SoftmaxLossOutput> {
        let operation = options.function.name();
        let element = output.as_ref().map(MatrixOutput::element);
        let pass = pass_of(place_of_packed(logits, element), upstream.map(|each| each.source()));
        let options = &SoftmaxLoss { gradient_element: element, ..*options };
        let matrices = matrices(logits, &against);
        let mut pipeline = Pipeline::new(self, operation, waiting, matrices, output)?;

        let kernels = self.kernels().for_pieces_of(&logits.shape());
        // Kernels are compiled with the first plan.
        let plan_of = |piece: &Piece| -> Result<SoftmaxLossPlan> {
            let against = against.layout().with_matrix(|shape| piece.packed(&shape));
            let plan = options.plan(&kernels, piece.packed(&logits.shape()), &against, pass)?;
            Ok(plan.of_batch(logits.rows()))
        };
        // The totals of one row are planned as those of all.
        let row = plan_of(&Piece::next(&logits.shape(), 0..logits.rows(), 1))?;
        let batch = Batch {
            gpu: self,
            operation,
            rows: logits.rows(),
            classes: logits.classes(),
            indices: against.classes(),
            ignore_index: options.ignore_index,
            class_weights: against.class_weights(),
            row_weights: against.row_weights(),
            upstream,
            reductions: row.batch_reductions(),
            returns_rows: options.wants_rows(),
        };
        let (totals, words) = batch
            .run(&mut pipeline, waiting, |piece, columns, buffers| {
                plan_of(piece)?.bind_rows(&SoftmaxLossOperands {
                    class_weights: columns.class_weights,
                    row_weights: columns.row_weights,
                    gradient: buffers.returned(0),
                    loss_rows: columns.records,
                    totals: Some(columns.totals),
                    upstream: columns.upstream,
                    ..SoftmaxLossOperands::new(
                        buffers.brought(0),
                        columns.indices.unwrap_or_else(|| buffers.brought(1)),
                    )
                })
            })
            .await?;
        Ok(SoftmaxLossOutput {
            loss: totals.loss,
            denominator: totals.denominator,
            counted: totals.counted as usize,
            loss_rows: options.wants_rows().then(|| bytemuck::cast_vec(words)),
            gradient: None,
        })
    }
}
