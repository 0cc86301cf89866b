//! Log-sum-exp, piece by piece.

use crate::error::Result;
use crate::logits::Logits;
use crate::memory::reserved;
use crate::ops::log_sum_exp::LogSumExp;
use crate::ops::log_sum_exp::LogSumExpOperands;
use crate::ops::validate::LOG_SUM_EXP;
use crate::runtime::Gpu;
use crate::runtime::call::{Call, fused};
use crate::runtime::readback::Waiting;
use crate::upstream::Upstream;

use super::columns::{block_rows, blocks};
use super::output::MatrixOutput;
use super::pipeline::Pipeline;

impl Gpu {
    /// Each row's log-sum-exp; the gradient goes to `output`.
    pub(in crate::runtime) async fn stream_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        output: Option<MatrixOutput<'_>>,
        waiting: Waiting,
    ) -> Result<Vec<f32>> {
        let element = output.as_ref().map(MatrixOutput::element);
        let pass = fused(logits, element, upstream);
        let options = LogSumExp { gradient_element: element };
        let mut pipeline = Pipeline::new(self, LOG_SUM_EXP, waiting, vec![logits], output)?;
        let shape = logits.shape();
        let kernels = self.kernels().for_pieces_of(&shape);
        let mut values = reserved(LOG_SUM_EXP, logits.rows())?;
        for rows in blocks(logits.rows(), block_rows(self, 8, 4, 1)) {
            let mut call = Call::new(self, LOG_SUM_EXP)?;
            let upstream = upstream.map(|each| call.upstream(each.of_rows(&rows))).transpose()?;
            let bytes = 4 * rows.len() as u64;
            let column = self.storage(LOG_SUM_EXP, "wgpu-loss log-sum-exp", bytes, false)?;
            let block = rows.clone();
            pipeline
                .run(rows, |piece, buffers| {
                    let plan = options.plan(&kernels, piece.packed(&shape), pass)?;
                    let start = 4 * (piece.first_row - block.start) as u64;
                    let operand = upstream.as_ref().map(|each| each.operand_from(start));
                    plan.bind(&LogSumExpOperands {
                        log_sum_exp: Some(column.slice(start..)),
                        gradient: buffers.returned(0),
                        upstream: operand.unwrap_or_default(),
                        ..LogSumExpOperands::new(buffers.brought(0))
                    })
                })
                .await?;
            let read = call.read(Some(&column), bytes)?;
            let results = call.finish(waiting).await?;
            values.extend(results.values::<f32>(read)?.unwrap_or_default());
        }
        Ok(values)
    }
}
