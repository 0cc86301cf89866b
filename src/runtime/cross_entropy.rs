//! Softmax cross-entropy of host data on the GPU.

use crate::kernel::parameters::Totals;
use crate::ops::cross_entropy::CrossEntropyOperands;
use crate::ops::validate;
use crate::{CrossEntropy, CrossEntropyOutput, Error, Gpu, Logits, Reduction, Result, Upstream};

use super::call::{Call, DeviceUpstream, Steps, passes, slice, writes_separately};
use super::readback::Waiting;

const CROSS_ENTROPY: &str = "cross-entropy";

impl Gpu {
    /// [`Engine::cross_entropy`](crate::Engine::cross_entropy) as a future; with an upstream gradient,
    /// [`Engine::cross_entropy_with_gradient`](crate::Engine::cross_entropy_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn cross_entropy_async(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.run_cross_entropy(logits, targets, upstream, options, Steps::Fused, Waiting::Yielding)
            .await
    }

    pub(super) async fn run_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
        steps: Steps,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        let mut call = Call::new(self, CROSS_ENTROPY)?;
        let rows = logits.rows() as u64;
        let upstream = upstream.map(|each| call.upstream(each)).transpose()?;
        let (pass, backward) = passes(steps, logits, upstream.as_ref().map(|each| each.source));
        let plan = options.plan(self.kernels(), logits.shape(), pass)?;

        let device_logits = call.upload("wgpu-loss logits", logits.values())?;
        let device_targets = call.upload("wgpu-loss targets", targets)?;
        let wants_loss = options.rows.loss || options.reduction == Reduction::None;
        let loss = call.output(wants_loss, "wgpu-loss losses", 4 * rows)?;
        let log_sum_exp =
            call.output(options.rows.log_sum_exp, "wgpu-loss log-sum-exp", 4 * rows)?;
        let argmax = call.output(options.rows.argmax, "wgpu-loss argmax", 4 * rows)?;
        let state = call.output(backward.is_some(), "wgpu-loss state", 8 * rows)?;
        let totals = call.output(true, "wgpu-loss totals", size_of::<Totals>() as u64)?;
        let matrix = rows * logits.classes() as u64 * 4;
        let is_separate = writes_separately(pass) || backward.is_some_and(writes_separately);
        let gradient = call.output(is_separate, "wgpu-loss gradient", matrix)?;

        let operand = upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default();
        let operands = CrossEntropyOperands {
            loss: slice(&loss),
            log_sum_exp: slice(&log_sum_exp),
            argmax: slice(&argmax),
            state: slice(&state),
            totals: slice(&totals),
            ..CrossEntropyOperands::new(device_logits.slice(..), device_targets.slice(..))
        };
        match backward {
            None => {
                let gradient = slice(&gradient);
                let fused = CrossEntropyOperands { gradient, upstream: operand, ..operands };
                plan.bind(&fused)?.record(&mut call.encoder);
            }
            Some(backward) => {
                plan.bind(&operands)?.record(&mut call.encoder);
                let plan = options.plan(self.kernels(), logits.shape(), backward)?;
                let operands = CrossEntropyOperands {
                    loss: None,
                    log_sum_exp: None,
                    argmax: None,
                    gradient: slice(&gradient),
                    upstream: operand,
                    ..operands
                };
                plan.bind(&operands)?.record(&mut call.encoder);
            }
        }

        let totals = call.read(totals.as_ref(), size_of::<Totals>() as u64)?;
        let loss = call.read(loss.as_ref(), 4 * rows)?;
        let log_sum_exp = call.read(log_sum_exp.as_ref(), 4 * rows)?;
        let argmax = call.read(argmax.as_ref(), 4 * rows)?;
        let gradient_source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = call.read(upstream.is_some().then_some(gradient_source), matrix)?;
        let results = call.finish(waiting).await?;

        let totals: Totals = results
            .values(totals)?
            .and_then(|values| values.first().copied())
            .ok_or_else(|| self.failure(CROSS_ENTROPY, "no totals came back".into()))?;
        if let Some(&value) = targets.get(totals.first_invalid_row as usize) {
            return Err(Error::TargetOutOfRange {
                row: totals.first_invalid_row as usize,
                value,
                classes: logits.classes(),
            });
        }
        Ok(CrossEntropyOutput {
            loss: totals.loss,
            denominator: totals.denominator,
            counted: totals.counted as usize,
            loss_rows: results.values(loss)?,
            log_sum_exp: results.values(log_sum_exp)?,
            argmax: results.values(argmax)?,
            gradient: results.values(gradient)?,
        })
    }
}
