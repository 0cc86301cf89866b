//! What the one-call forms share: an encoder, uploads, outputs, and their way back.

use wgpu::{Buffer, BufferSlice, CommandEncoder, CommandEncoderDescriptor};

use crate::element::{Element, Float, OwnedValues};
use crate::error::Result;
use crate::kernel::parameters::Totals;
use crate::logits::Logits;
use crate::ops::{GradientPlace, Pass, UpstreamOperand, UpstreamSource};
use crate::runtime::Gpu;
use crate::upstream::Upstream;
use crate::weights::Weights;

use super::readback::{Readback, Waiting};

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
pub(super) struct DeviceUpstream {
    pub(super) source: UpstreamSource,
    scalar: f32,
    buffer: Option<Buffer>,
}

impl DeviceUpstream {
    pub(super) fn operand(&self) -> UpstreamOperand<'_> {
        self.operand_from(0)
    }

    /// Where it has a value for each row, from this byte on.
    pub(super) fn operand_from(&self, start: u64) -> UpstreamOperand<'_> {
        match &self.buffer {
            Some(buffer) => UpstreamOperand::Buffer(buffer.slice(start..)),
            None => UpstreamOperand::Scalar(self.scalar),
        }
    }
}

/// One evaluation under way.
pub(super) struct Call<'a> {
    gpu: &'a Gpu,
    operation: &'static str,
    pub(super) encoder: CommandEncoder,
    readbacks: Vec<Readback>,
}

impl<'a> Call<'a> {
    /// Refuses a device that is known to be lost.
    pub(super) fn new(gpu: &'a Gpu, operation: &'static str) -> Result<Self> {
        gpu.refuse_if_lost(operation)?;
        let descriptor = CommandEncoderDescriptor { label: Some(operation) };
        let encoder = gpu.device().create_command_encoder(&descriptor);
        Ok(Self { gpu, operation, encoder, readbacks: Vec::new() })
    }

    /// A storage buffer that holds `data`.
    pub(super) fn upload<T: bytemuck::NoUninit>(&self, label: &str, data: &[T]) -> Result<Buffer> {
        self.gpu.upload(self.operation, label, data)
    }

    /// A storage buffer that holds these logits, gaps included.
    pub(super) fn upload_logits(&self, label: &str, logits: Logits<'_>) -> Result<Buffer> {
        self.upload(label, logits.values().bytes())
    }

    /// A storage buffer that holds these weights, where there are any.
    pub(super) fn upload_weights(
        &self,
        label: &str,
        weights: Weights<'_>,
    ) -> Result<Option<Buffer>> {
        match weights {
            Weights::None => Ok(None),
            Weights::PerRow(weights) | Weights::PerColumn(weights) => {
                self.upload(label, weights).map(Some)
            }
            Weights::PerElement(weights) => self.upload_logits(label, weights).map(Some),
        }
    }

    /// The upstream gradient, uploaded where it has a value for each row.
    pub(super) fn upstream(&self, upstream: Upstream<'_>) -> Result<DeviceUpstream> {
        let source = upstream.source();
        Ok(match upstream {
            Upstream::Scalar(scalar) => DeviceUpstream { source, scalar, buffer: None },
            Upstream::PerRow(values) => {
                let buffer = Some(self.upload("wgpu-loss upstream", values)?);
                DeviceUpstream { source, scalar: 0.0, buffer }
            }
        })
    }

    /// A buffer for results, where they are wanted.
    pub(super) fn output(&self, wanted: bool, label: &str, bytes: u64) -> Result<Option<Buffer>> {
        wanted.then(|| self.gpu.storage(self.operation, label, bytes, false)).transpose()
    }

    /// Records that a buffer's first bytes are read back; the answer names them in [`Results`].
    pub(super) fn read(&mut self, buffer: Option<&Buffer>, bytes: u64) -> Result<Option<usize>> {
        let Some(buffer) = buffer else { return Ok(None) };
        let readback = self.gpu.copy_back(self.operation, &mut self.encoder, buffer, bytes)?;
        self.readbacks.push(readback);
        Ok(Some(self.readbacks.len() - 1))
    }

    /// Submits and waits.
    pub(super) async fn finish(self, waiting: Waiting) -> Result<Results<'a>> {
        let Self { gpu, operation, encoder, readbacks } = self;
        gpu.submit_and_wait(operation, encoder, &readbacks, waiting).await?;
        Ok(Results { gpu, operation, readbacks })
    }
}

/// What came back.
pub(super) struct Results<'a> {
    gpu: &'a Gpu,
    operation: &'static str,
    readbacks: Vec<Readback>,
}

impl Results<'_> {
    /// The values that [`Call::read`] asked for.
    pub(super) fn values<T: bytemuck::Pod>(&self, index: Option<usize>) -> Result<Option<Vec<T>>> {
        let readback = index.and_then(|index| self.readbacks.get(index));
        readback.map(|readback| self.gpu.values(self.operation, readback)).transpose()
    }

    /// The reduced results of a batch, which [`Call::read`] asked for.
    pub(super) fn totals(&self, index: Option<usize>) -> Result<Totals> {
        let values: Vec<Totals> = self.values(index)?.unwrap_or_default();
        let missing = || self.gpu.failure(self.operation, "no totals came back".into());
        values.first().map(|totals| totals.rounded()).ok_or_else(missing)
    }

    /// Values of any element type.
    pub(super) fn elements(
        &self,
        index: Option<usize>,
        element: Element,
    ) -> Result<Option<OwnedValues>> {
        fn owned<T: Float>(values: Option<Vec<T>>) -> Option<OwnedValues> {
            values.map(T::owned)
        }
        Ok(match element {
            Element::F32 => owned::<f32>(self.values(index)?),
            Element::F16 => owned::<half::f16>(self.values(index)?),
            Element::Bf16 => owned::<half::bf16>(self.values(index)?),
        })
    }
}

/// The passes that give values and gradient: the first, and a backward if it takes another. A
/// gradient takes the place of the uploaded logits where it has their form.
pub(super) fn passes(
    steps: Steps,
    logits: Logits<'_>,
    element: Option<Element>,
    upstream: Option<UpstreamSource>,
) -> (Pass, Option<Pass>) {
    let Some(upstream) = upstream else {
        return (Pass::Forward { save_state: false }, None);
    };
    let gradient = place_of_results(logits, element);
    match steps {
        Steps::Fused => (Pass::Fused { gradient, upstream }, None),
        Steps::ForwardThenBackward => {
            (Pass::Forward { save_state: true }, Some(Pass::Backward { gradient, upstream }))
        }
    }
}

/// The pass over packed logits, whose gradient is of this type where there is one.
pub(super) fn fused(
    logits: Logits<'_>,
    element: Option<Element>,
    upstream: Option<Upstream<'_>>,
) -> Pass {
    let (Some(element), Some(upstream)) = (element, upstream) else {
        return Pass::Forward { save_state: false };
    };
    let (gradient, upstream) = (place_of_packed(logits, Some(element)), upstream.source());
    Pass::Fused { gradient, upstream }
}

/// Over packed logits where they are of the results' type.
pub(super) fn place_of_packed(logits: Logits<'_>, element: Option<Element>) -> GradientPlace {
    match element == Some(logits.element()) {
        true => GradientPlace::InPlace,
        false => GradientPlace::Separate,
    }
}

/// Over the logits where these are contiguous and of the same type.
pub(super) fn place_of_results(logits: Logits<'_>, element: Option<Element>) -> GradientPlace {
    let same = element.is_none_or(|element| element == logits.element());
    if same && logits.shape().is_contiguous() {
        GradientPlace::InPlace
    } else {
        GradientPlace::Separate
    }
}

pub(super) fn writes_separately(pass: Pass) -> bool {
    matches!(pass.gradient(), Some((place, _)) if place != GradientPlace::InPlace)
}

pub(super) fn slice(buffer: &Option<Buffer>) -> Option<BufferSlice<'_>> {
    buffer.as_ref().map(|buffer| buffer.slice(..))
}
