//! Softmax and log-softmax, piece by piece.

use crate::error::Result;
use crate::logits::Logits;
use crate::ops::softmax::{Softmax, SoftmaxOperands, SoftmaxPass};
use crate::runtime::Gpu;
use crate::runtime::call::place_of_packed;
use crate::runtime::readback::Waiting;

use super::output::MatrixOutput;
use super::pipeline::Pipeline;

impl Gpu {
    pub(in crate::runtime) async fn stream_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
        output: Option<MatrixOutput<'_>>,
        waiting: Waiting,
    ) -> Result<()> {
        let element = output.as_ref().map(MatrixOutput::element);
        let options = Softmax { element, ..*options };
        let place = place_of_packed(logits, element);
        let matrices = [logits].into_iter().chain(upstream).collect();
        let mut pipeline = Pipeline::new(self, options.name(), waiting, matrices, output)?;
        let kernels = self.kernels().for_pieces_of(&logits.shape());
        pipeline
            .run(0..logits.rows(), |piece, buffers| {
                let pass = match upstream {
                    None => SoftmaxPass::Forward { output: place },
                    Some(upstream) => {
                        let upstream = piece.packed(&upstream.shape());
                        SoftmaxPass::Backward { upstream, gradient: place }
                    }
                };
                let plan = options.plan(&kernels, piece.packed(&logits.shape()), pass)?;
                plan.bind(&SoftmaxOperands {
                    logits: buffers.brought(0),
                    upstream: upstream.map(|_| buffers.brought(1)),
                    output: buffers.returned(0),
                })
            })
            .await
    }
}
