//! Softmax and log-softmax of host data on the GPU.

#[cfg(not(target_arch = "wasm32"))]
use crate::element::Float;
use crate::element::OwnedValues;
use crate::engine::validate;
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::GradientPlace;
use crate::ops::softmax::{Softmax, SoftmaxOperands, SoftmaxPass};
use crate::runtime::Gpu;

use super::call::{Call, place_of_results, slice};
use super::readback::Waiting;
#[cfg(not(target_arch = "wasm32"))]
use super::stream::output::MatrixOutput;
use super::stream::output::owned;

impl Gpu {
    /// [`Engine::softmax`](crate::Engine::softmax) as a future; with an upstream gradient,
    /// [`Engine::softmax_gradient`](crate::Engine::softmax_gradient).
    ///
    /// # Errors
    /// As there.
    pub async fn softmax_async(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        self.run_softmax(logits, upstream, options, Waiting::Yielding).await
    }

    /// [`Engine::softmax`](crate::Engine::softmax), or with an upstream gradient
    /// [`Engine::softmax_gradient`](crate::Engine::softmax_gradient), the result written to the
    /// caller's memory, as [`cross_entropy_into`](Self::cross_entropy_into) writes its gradient.
    ///
    /// # Errors
    /// As there.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn softmax_into<G: Float>(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
        values: &mut [G],
    ) -> Result<()> {
        let name = options.name();
        validate::softmax(name, logits, upstream)?;
        let (element, shape) = (options.element, logits.shape());
        validate::results::<G>(name, validate::RESULTS, element, shape, values.len())?;
        let output = MatrixOutput::new(shape, values);
        let (output, waiting) = (Some(output), Waiting::Blocking);
        pollster::block_on(self.stream_softmax(logits, upstream, options, output, waiting))
    }

    pub(super) async fn run_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
        waiting: Waiting,
    ) -> Result<OwnedValues> {
        let name = options.name();
        validate::softmax(name, logits, upstream)?;
        let element = options.element.unwrap_or(logits.element());
        let matrices: Vec<_> = [logits].into_iter().chain(upstream).collect();
        if self.streaming().cuts(&matrices) {
            let (values, ()) = owned(name, logits.shape(), Some(element), async |output| {
                self.stream_softmax(logits, upstream, options, output, waiting).await
            })
            .await?;
            return values.ok_or_else(|| self.failure(name, "no values came back".into()));
        }
        let mut call = Call::new(self, name)?;
        let place = place_of_results(logits, options.element);
        let pass = match upstream {
            None => SoftmaxPass::Forward { output: place },
            Some(upstream) => SoftmaxPass::Backward { upstream: upstream.shape(), gradient: place },
        };
        let plan = options.plan(self.kernels(), logits.shape(), pass)?;
        let device_logits = call.upload_logits("wgpu-loss logits", logits)?;
        let device_upstream = match upstream {
            Some(upstream) => Some(call.upload_logits("wgpu-loss upstream", upstream)?),
            None => None,
        };
        let bytes = (logits.rows() * logits.classes() * element.bytes()) as u64;
        let is_separate = place != GradientPlace::InPlace;
        let output = call.output(is_separate, "wgpu-loss softmax", bytes)?;
        let operands = SoftmaxOperands {
            logits: device_logits.slice(..),
            upstream: slice(&device_upstream),
            output: slice(&output),
        };
        plan.bind(&operands)?.record(&mut call.encoder);
        let read = call.read(Some(output.as_ref().unwrap_or(&device_logits)), bytes)?;
        let results = call.finish(waiting).await?;
        let values = results.elements(read, element)?;
        values.ok_or_else(|| self.failure(name, "no values came back".into()))
    }
}
