//! Gradients where they are wanted: in memory of the engine's, or in a file's pages.

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Element, Float, LogSumExp, LogSumExpOutput, Logits,
    OwnedValues, Result, Targets, Upstream, cpu,
};

use crate::device::Chosen;

/// A call with a gradient, in its two forms.
trait Call {
    type Output;

    /// On the GPU or the CPU, to given memory.
    fn into<G: Float>(&self, chosen: &Chosen, to: &mut [G]) -> Result<Self::Output>;

    /// To memory of its own.
    fn owned(&self, chosen: &Chosen) -> Result<(Self::Output, Option<OwnedValues>)>;
}

/// Writes the gradient to memory for as many elements of this type; nothing is known of memory that
/// is not aligned for them, so that is filled from a copy, as the oracle's is.
fn to<C: Call>(call: &C, chosen: &Chosen, element: Element, bytes: &mut [u8]) -> Result<C::Output> {
    let result = match element {
        Element::F32 => {
            bytemuck::try_cast_slice_mut(bytes).map(|to| into::<_, f32>(call, chosen, to))
        }
        Element::F16 => {
            bytemuck::try_cast_slice_mut(bytes).map(|to| into::<_, f16>(call, chosen, to))
        }
        Element::Bf16 => {
            bytemuck::try_cast_slice_mut(bytes).map(|to| into::<_, bf16>(call, chosen, to))
        }
    };
    match result {
        Ok(Some(result)) => result,
        Ok(None) | Err(_) => {
            let (output, gradient) = call.owned(chosen)?;
            if let Some(gradient) = gradient {
                bytes.copy_from_slice(gradient.values().bytes());
            }
            Ok(output)
        }
    }
}

/// `None` of the oracle, which has no such form.
fn into<C: Call, G: Float>(call: &C, chosen: &Chosen, to: &mut [G]) -> Option<Result<C::Output>> {
    (chosen.kind != "oracle").then(|| call.into(chosen, to))
}

struct OfCrossEntropy<'a>(Logits<'a>, Targets<'a>, Upstream<'a>, &'a CrossEntropy);

impl Call for OfCrossEntropy<'_> {
    type Output = CrossEntropyOutput;

    fn into<G: Float>(&self, chosen: &Chosen, to: &mut [G]) -> Result<CrossEntropyOutput> {
        let Self(logits, targets, upstream, options) = *self;
        match &chosen.gpu {
            Some(gpu) => gpu.cross_entropy_into(logits, targets, upstream, options, to),
            None => cpu::Fast.cross_entropy_into(logits, targets, upstream, options, to),
        }
    }

    fn owned(&self, chosen: &Chosen) -> Result<(CrossEntropyOutput, Option<OwnedValues>)> {
        let Self(logits, targets, upstream, options) = *self;
        let engine = &chosen.engine;
        let mut output = engine.cross_entropy_with_gradient(logits, targets, upstream, options)?;
        let gradient = output.gradient.take();
        Ok((output, gradient))
    }
}

struct OfLogSumExp<'a>(Logits<'a>, Upstream<'a>, &'a LogSumExp);

impl Call for OfLogSumExp<'_> {
    type Output = LogSumExpOutput;

    fn into<G: Float>(&self, chosen: &Chosen, to: &mut [G]) -> Result<LogSumExpOutput> {
        let Self(logits, upstream, options) = *self;
        match &chosen.gpu {
            Some(gpu) => gpu.log_sum_exp_into(logits, upstream, options, to),
            None => cpu::Fast.log_sum_exp_into(logits, upstream, options, to),
        }
    }

    fn owned(&self, chosen: &Chosen) -> Result<(LogSumExpOutput, Option<OwnedValues>)> {
        let Self(logits, upstream, options) = *self;
        let mut output = chosen.engine.log_sum_exp_with_gradient(logits, upstream, options)?;
        let gradient = output.gradient.take();
        Ok((output, gradient))
    }
}

/// The upstream gradient, the type of the gradient, and where it goes; nowhere if it is only
/// computed.
pub type Wanted<'a> = (f32, Element, Option<&'a mut [u8]>);

fn put<C: Call>(
    call: &C,
    chosen: &Chosen,
    element: Element,
    bytes: Option<&mut [u8]>,
) -> Result<C::Output> {
    match bytes {
        Some(bytes) => to(call, chosen, element, bytes),
        None => call.owned(chosen).map(|(output, _)| output),
    }
}

/// Cross-entropy, with the gradient where it is wanted; never in the output.
pub fn cross_entropy(
    chosen: &Chosen,
    (logits, targets): (Logits<'_>, Targets<'_>),
    options: &CrossEntropy,
    wanted: Option<Wanted<'_>>,
) -> Result<CrossEntropyOutput> {
    let Some((upstream, element, to)) = wanted else {
        return chosen.engine.cross_entropy(logits, targets, options);
    };
    let with_gradient = OfCrossEntropy(logits, targets, Upstream::Scalar(upstream), options);
    put(&with_gradient, chosen, element, to)
}

/// The same of log-sum-exp.
pub fn log_sum_exp(
    chosen: &Chosen,
    logits: Logits<'_>,
    options: &LogSumExp,
    wanted: Option<Wanted<'_>>,
) -> Result<LogSumExpOutput> {
    let Some((upstream, element, to)) = wanted else {
        return chosen.engine.log_sum_exp(logits, options);
    };
    put(&OfLogSumExp(logits, Upstream::Scalar(upstream), options), chosen, element, to)
}

/// A file's part of the memory for the gradients of all files, if there is such.
pub fn of_file<'a>(
    memory: &'a mut Option<&mut [u8]>,
    logits: &[Logits<'_>],
    element: Element,
    file: usize,
) -> Option<&'a mut [u8]> {
    let bytes = |logits: &Logits<'_>| logits.rows() * logits.classes() * element.bytes();
    let start: usize = logits[..file].iter().map(bytes).sum();
    memory.as_deref_mut()?.get_mut(start..start + bytes(&logits[file]))
}
