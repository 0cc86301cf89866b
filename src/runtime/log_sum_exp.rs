//! Log-sum-exp of host data on the GPU.

#[cfg(not(target_arch = "wasm32"))]
use crate::element::Float;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::log_sum_exp::LogSumExpOperands;
use crate::ops::log_sum_exp::{LogSumExp, LogSumExpOutput};
use crate::ops::validate::LOG_SUM_EXP;
use crate::runtime::Gpu;
use crate::upstream::Upstream;

use super::call::{Call, DeviceUpstream, Steps, passes, slice, writes_separately};
use super::readback::Waiting;
#[cfg(not(target_arch = "wasm32"))]
use super::stream::output::MatrixOutput;
use super::stream::output::owned;

impl Gpu {
    /// [`Engine::log_sum_exp`](crate::Engine::log_sum_exp) as a future; with an upstream gradient,
    /// [`Engine::log_sum_exp_with_gradient`](crate::Engine::log_sum_exp_with_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn log_sum_exp_async(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.run_log_sum_exp(logits, upstream, options, Steps::Fused, Waiting::Yielding).await
    }

    /// [`Engine::log_sum_exp_with_gradient`](crate::Engine::log_sum_exp_with_gradient), the gradient
    /// written to the caller's memory, as [`cross_entropy_into`](Self::cross_entropy_into) does.
    ///
    /// # Errors
    /// As there.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn log_sum_exp_into<G: Float>(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
        gradient: &mut [G],
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, Some(upstream))?;
        let (element, shape) = (options.gradient_element, logits.shape());
        validate::results::<G>(LOG_SUM_EXP, validate::GRADIENT, element, shape, gradient.len())?;
        let gradient = MatrixOutput::new(shape, gradient);
        let (upstream, gradient, waiting) = (Some(upstream), Some(gradient), Waiting::Blocking);
        let log_sum_exp =
            pollster::block_on(self.stream_log_sum_exp(logits, upstream, gradient, waiting))?;
        Ok(LogSumExpOutput { log_sum_exp, gradient: None })
    }

    pub(super) async fn run_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
        steps: Steps,
        waiting: Waiting,
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, upstream)?;
        if steps == Steps::Fused && self.streaming().cuts(&[logits]) {
            let element = options.gradient_element.unwrap_or(logits.element());
            let (element, shape) = (upstream.map(|_| element), logits.shape());
            let (gradient, log_sum_exp) = owned(LOG_SUM_EXP, shape, element, async |gradient| {
                self.stream_log_sum_exp(logits, upstream, gradient, waiting).await
            })
            .await?;
            return Ok(LogSumExpOutput { log_sum_exp, gradient });
        }
        let mut call = Call::new(self, LOG_SUM_EXP)?;
        let rows = logits.rows() as u64;
        let element = options.gradient_element.unwrap_or(logits.element());
        let matrix = rows * logits.classes() as u64 * element.bytes() as u64;
        let upstream = upstream.map(|each| call.upstream(each)).transpose()?;
        let gradient_element = options.gradient_element;
        let (pass, backward) =
            passes(steps, logits, gradient_element, upstream.as_ref().map(|each| each.source));
        let plan = options.plan(self.kernels(), logits.shape(), pass)?;

        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let log_sum_exp = call.output(true, "wgpu-loss log-sum-exp", 4 * rows)?;
        let state = call.output(backward.is_some(), "wgpu-loss state", 8 * rows)?;
        let is_separate = writes_separately(pass) || backward.is_some_and(writes_separately);
        let gradient = call.output(is_separate, "wgpu-loss gradient", matrix)?;
        let operand = upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default();
        let operands = LogSumExpOperands {
            log_sum_exp: slice(&log_sum_exp),
            state: slice(&state),
            ..LogSumExpOperands::new(device_logits.slice(..))
        };
        match backward {
            None => {
                let gradient = slice(&gradient);
                let fused = LogSumExpOperands { gradient, upstream: operand, ..operands };
                plan.bind(&fused)?.record(&mut call.encoder);
            }
            Some(backward) => {
                plan.bind(&operands)?.record(&mut call.encoder);
                let plan = options.plan(self.kernels(), logits.shape(), backward)?;
                let gradient = slice(&gradient);
                let operands = LogSumExpOperands {
                    log_sum_exp: None,
                    gradient,
                    upstream: operand,
                    ..operands
                };
                plan.bind(&operands)?.record(&mut call.encoder);
            }
        }

        let log_sum_exp = call.read(log_sum_exp.as_ref(), 4 * rows)?;
        let gradient_source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = call.read(upstream.is_some().then_some(gradient_source), matrix)?;
        let results = call.finish(waiting).await?;
        Ok(LogSumExpOutput {
            log_sum_exp: results.values(log_sum_exp)?.unwrap_or_default(),
            gradient: results.elements(gradient, element)?,
        })
    }
}
