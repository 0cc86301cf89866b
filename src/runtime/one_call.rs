//! The one-call form on the GPU: upload, record, submit, read back.

use wgpu::{Buffer, CommandEncoder, CommandEncoderDescriptor};

use crate::kernel::parameters::Totals;
use crate::ops::cross_entropy::CrossEntropyOperands;
use crate::ops::log_sum_exp::LogSumExpOperands;
use crate::ops::{GradientPlace, Pass, UpstreamOperand, UpstreamSource, validate};
use crate::{
    CrossEntropy, CrossEntropyOutput, Error, Gpu, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Result, Upstream,
};

use super::readback::{Readback, Waiting};

const CROSS_ENTROPY: &str = "cross-entropy";
const LOG_SUM_EXP: &str = "log-sum-exp";

/// How a gradient is computed, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// With the values, from the same read of the logits.
    Fused,
    /// After them, from the states that the forward saved.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    ForwardThenBackward,
}

/// The upstream gradient on the device.
struct DeviceUpstream {
    source: UpstreamSource,
    scalar: f32,
    buffer: Option<Buffer>,
}

impl DeviceUpstream {
    fn operand(&self) -> UpstreamOperand<'_> {
        match &self.buffer {
            Some(buffer) => UpstreamOperand::Buffer(buffer.slice(..)),
            None => UpstreamOperand::Scalar(self.scalar),
        }
    }
}

impl Gpu {
    /// [`Engine::cross_entropy`] as a future; with an upstream gradient,
    /// [`Engine::cross_entropy_with_gradient`].
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
        self.evaluate_cross_entropy(
            logits,
            targets,
            upstream,
            options,
            Steps::Fused,
            Waiting::Yielding,
        )
        .await
    }

    /// [`Engine::log_sum_exp`] as a future; with an upstream gradient,
    /// [`Engine::log_sum_exp_with_gradient`].
    ///
    /// # Errors
    /// As there.
    pub async fn log_sum_exp_async(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.evaluate_log_sum_exp(logits, upstream, options, Steps::Fused, Waiting::Yielding).await
    }

    fn upload_upstream(
        &self,
        operation: &'static str,
        upstream: Upstream<'_>,
    ) -> Result<DeviceUpstream> {
        Ok(match upstream {
            Upstream::Scalar(scalar) => {
                DeviceUpstream { source: UpstreamSource::Scalar, scalar, buffer: None }
            }
            Upstream::PerRow(values) => DeviceUpstream {
                source: UpstreamSource::PerRow,
                scalar: 0.0,
                buffer: Some(self.upload(operation, "wgpu-loss upstream", values)?),
            },
        })
    }

    fn encoder(&self, operation: &'static str) -> CommandEncoder {
        self.device().create_command_encoder(&CommandEncoderDescriptor { label: Some(operation) })
    }

    /// The passes that give values and gradient: the first, and a backward if it takes another. A
    /// fused gradient takes the place of the logits where their rows are contiguous.
    fn passes(
        steps: Steps,
        logits: Logits<'_>,
        upstream: Option<UpstreamSource>,
    ) -> (Pass, Option<Pass>) {
        let Some(upstream) = upstream else {
            return (Pass::Forward { save_state: false }, None);
        };
        let contiguous = logits.shape().row_stride == logits.classes();
        let gradient = if contiguous { GradientPlace::InPlace } else { GradientPlace::Separate };
        match steps {
            Steps::Fused => (Pass::Fused { gradient, upstream }, None),
            Steps::ForwardThenBackward => {
                (Pass::Forward { save_state: true }, Some(Pass::Backward { gradient, upstream }))
            }
        }
    }

    pub(super) async fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
        steps: Steps,
        waiting: Waiting,
    ) -> Result<CrossEntropyOutput> {
        validate::cross_entropy(logits, targets, upstream, options)?;
        self.refuse_if_lost(CROSS_ENTROPY)?;
        let rows = logits.rows() as u64;
        let upstream =
            upstream.map(|each| self.upload_upstream(CROSS_ENTROPY, each)).transpose()?;
        let (pass, backward) =
            Self::passes(steps, logits, upstream.as_ref().map(|each| each.source));
        let plan = options.plan(self.kernels(), logits.shape(), pass)?;

        let device_logits = self.upload(CROSS_ENTROPY, "wgpu-loss logits", logits.values())?;
        let device_targets = self.upload(CROSS_ENTROPY, "wgpu-loss targets", targets)?;
        let output = |wanted: bool, label: &str, bytes: u64| -> Result<Option<Buffer>> {
            wanted.then(|| self.storage(CROSS_ENTROPY, label, bytes, false)).transpose()
        };
        let wants_loss = options.rows.loss || options.reduction == Reduction::None;
        let loss = output(wants_loss, "wgpu-loss losses", 4 * rows)?;
        let log_sum_exp = output(options.rows.log_sum_exp, "wgpu-loss log-sum-exp", 4 * rows)?;
        let argmax = output(options.rows.argmax, "wgpu-loss argmax", 4 * rows)?;
        let state = output(backward.is_some(), "wgpu-loss state", 8 * rows)?;
        let totals = output(true, "wgpu-loss totals", size_of::<Totals>() as u64)?;
        let matrix = rows * logits.classes() as u64 * 4;
        let is_separate = writes_separately(pass) || backward.is_some_and(writes_separately);
        let gradient = output(is_separate, "wgpu-loss gradient", matrix)?;

        let operand = upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default();
        let operands = CrossEntropyOperands {
            loss: slice(&loss),
            log_sum_exp: slice(&log_sum_exp),
            argmax: slice(&argmax),
            state: slice(&state),
            totals: slice(&totals),
            ..CrossEntropyOperands::new(device_logits.slice(..), device_targets.slice(..))
        };
        let mut encoder = self.encoder(CROSS_ENTROPY);
        match backward {
            None => {
                let gradient = slice(&gradient);
                let fused = CrossEntropyOperands { gradient, upstream: operand, ..operands };
                plan.bind(&fused)?.record(&mut encoder);
            }
            Some(backward) => {
                plan.bind(&operands)?.record(&mut encoder);
                let plan = options.plan(self.kernels(), logits.shape(), backward)?;
                let operands = CrossEntropyOperands {
                    loss: None,
                    log_sum_exp: None,
                    argmax: None,
                    gradient: slice(&gradient),
                    upstream: operand,
                    ..operands
                };
                plan.bind(&operands)?.record(&mut encoder);
            }
        }

        let mut readbacks = Vec::new();
        let mut read = |buffer: Option<&Buffer>, bytes: u64| -> Result<Option<usize>> {
            let Some(buffer) = buffer else { return Ok(None) };
            readbacks.push(self.copy_back(CROSS_ENTROPY, &mut encoder, buffer, bytes)?);
            Ok(Some(readbacks.len() - 1))
        };
        let totals = read(totals.as_ref(), size_of::<Totals>() as u64)?;
        let loss = read(loss.as_ref(), 4 * rows)?;
        let log_sum_exp = read(log_sum_exp.as_ref(), 4 * rows)?;
        let argmax = read(argmax.as_ref(), 4 * rows)?;
        let gradient_source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = read(upstream.is_some().then_some(gradient_source), matrix)?;
        self.submit_and_wait(CROSS_ENTROPY, encoder, &readbacks, waiting).await?;

        let totals: Totals = self
            .collect(CROSS_ENTROPY, &readbacks, totals)?
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
            loss_rows: self.collect(CROSS_ENTROPY, &readbacks, loss)?,
            log_sum_exp: self.collect(CROSS_ENTROPY, &readbacks, log_sum_exp)?,
            argmax: self.collect(CROSS_ENTROPY, &readbacks, argmax)?,
            gradient: self.collect(CROSS_ENTROPY, &readbacks, gradient)?,
        })
    }

    pub(super) async fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
        steps: Steps,
        waiting: Waiting,
    ) -> Result<LogSumExpOutput> {
        validate::log_sum_exp(logits, upstream)?;
        self.refuse_if_lost(LOG_SUM_EXP)?;
        let rows = logits.rows() as u64;
        let matrix = rows * logits.classes() as u64 * 4;
        let upstream = upstream.map(|each| self.upload_upstream(LOG_SUM_EXP, each)).transpose()?;
        let (pass, backward) =
            Self::passes(steps, logits, upstream.as_ref().map(|each| each.source));
        let plan = options.plan(self.kernels(), logits.shape(), pass)?;

        let device_logits = self.upload(LOG_SUM_EXP, "wgpu-loss logits", logits.values())?;
        let output = |wanted: bool, label: &str, bytes: u64| -> Result<Option<Buffer>> {
            wanted.then(|| self.storage(LOG_SUM_EXP, label, bytes, false)).transpose()
        };
        let log_sum_exp = output(true, "wgpu-loss log-sum-exp", 4 * rows)?;
        let state = output(backward.is_some(), "wgpu-loss state", 8 * rows)?;
        let is_separate = writes_separately(pass) || backward.is_some_and(writes_separately);
        let gradient = output(is_separate, "wgpu-loss gradient", matrix)?;
        let operand = upstream.as_ref().map(DeviceUpstream::operand).unwrap_or_default();
        let operands = LogSumExpOperands {
            log_sum_exp: slice(&log_sum_exp),
            state: slice(&state),
            ..LogSumExpOperands::new(device_logits.slice(..))
        };
        let mut encoder = self.encoder(LOG_SUM_EXP);
        match backward {
            None => {
                let gradient = slice(&gradient);
                let fused = LogSumExpOperands { gradient, upstream: operand, ..operands };
                plan.bind(&fused)?.record(&mut encoder);
            }
            Some(backward) => {
                plan.bind(&operands)?.record(&mut encoder);
                let plan = options.plan(self.kernels(), logits.shape(), backward)?;
                let gradient = slice(&gradient);
                let operands = LogSumExpOperands {
                    log_sum_exp: None,
                    gradient,
                    upstream: operand,
                    ..operands
                };
                plan.bind(&operands)?.record(&mut encoder);
            }
        }

        let mut readbacks = Vec::new();
        let mut read = |buffer: Option<&Buffer>, bytes: u64| -> Result<Option<usize>> {
            let Some(buffer) = buffer else { return Ok(None) };
            readbacks.push(self.copy_back(LOG_SUM_EXP, &mut encoder, buffer, bytes)?);
            Ok(Some(readbacks.len() - 1))
        };
        let log_sum_exp = read(log_sum_exp.as_ref(), 4 * rows)?;
        let gradient_source = gradient.as_ref().unwrap_or(&device_logits);
        let gradient = read(upstream.is_some().then_some(gradient_source), matrix)?;
        self.submit_and_wait(LOG_SUM_EXP, encoder, &readbacks, waiting).await?;
        Ok(LogSumExpOutput {
            log_sum_exp: self.collect(LOG_SUM_EXP, &readbacks, log_sum_exp)?.unwrap_or_default(),
            gradient: self.collect(LOG_SUM_EXP, &readbacks, gradient)?,
        })
    }

    fn collect<T: bytemuck::Pod>(
        &self,
        operation: &'static str,
        readbacks: &[Readback],
        index: Option<usize>,
    ) -> Result<Option<Vec<T>>> {
        index.map(|index| self.values(operation, &readbacks[index])).transpose()
    }
}

fn slice(buffer: &Option<Buffer>) -> Option<wgpu::BufferSlice<'_>> {
    buffer.as_ref().map(|buffer| buffer.slice(..))
}

fn writes_separately(pass: Pass) -> bool {
    matches!(pass.gradient(), Some((place, _)) if place != GradientPlace::InPlace)
}
