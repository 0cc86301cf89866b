//! What cross-entropy needs beside its logits, on the device.

use std::borrow::Cow;
use std::ops::Range;

use wgpu::{Buffer, BufferSlice};

use crate::element::OwnedValues;
use crate::engine::validate;
use crate::error::{Error, Result};
use crate::kernel::parameters::Totals;
use crate::kernel::{Record, Word};
use crate::ops::UpstreamSource;
use crate::ops::cross_entropy::{CrossEntropy, CrossEntropyOutput, Reduction};
use crate::ops::validate::CROSS_ENTROPY;
use crate::targets::{ClassIndices, TargetValues, Targets};
use crate::upstream::Upstream;

use super::call::{Call, slice};

impl Upstream<'_> {
    /// Where a device has it.
    pub(super) fn source(&self) -> UpstreamSource {
        match self {
            Self::Scalar(_) => UpstreamSource::Scalar,
            Self::PerRow(_) => UpstreamSource::PerRow,
        }
    }
}

/// Targets and weights on the device.
pub(super) struct DeviceTargets {
    targets: Buffer,
    is_class: bool,
    class_weights: Option<Buffer>,
    row_weights: Option<Buffer>,
}

impl DeviceTargets {
    /// Uploads them. Targets of another type than `i32` are checked on the way.
    pub(super) fn upload(
        call: &Call<'_>,
        targets: Targets<'_>,
        classes: usize,
        options: &CrossEntropy,
    ) -> Result<Self> {
        let label = "wgpu-loss targets";
        let optional = |label, weights: Option<&[f32]>| {
            weights.map(|weights| call.upload(label, weights)).transpose()
        };
        refuse_unseen(CROSS_ENTROPY, targets.class_indices(), classes, options.ignore_index)?;
        let (buffer, is_class) = match targets.values {
            TargetValues::Classes(indices) => {
                let rows = 0..indices.len();
                let indices = device_indices(CROSS_ENTROPY, indices, rows, classes)?;
                (call.upload(label, &indices)?, true)
            }
            TargetValues::Probabilities(probabilities) => {
                (call.upload_logits(label, probabilities)?, false)
            }
        };
        Ok(Self {
            targets: buffer,
            is_class,
            class_weights: optional("wgpu-loss class weights", targets.class_weights)?,
            row_weights: optional("wgpu-loss row weights", targets.row_weights)?,
        })
    }

    /// Classes or probabilities.
    pub(super) fn targets(&self) -> BufferSlice<'_> {
        self.targets.slice(..)
    }

    /// Classes, where the targets are classes.
    pub(super) fn classes(&self) -> Option<BufferSlice<'_>> {
        self.is_class.then(|| self.targets())
    }

    pub(super) fn class_weights(&self) -> Option<BufferSlice<'_>> {
        slice(&self.class_weights)
    }

    pub(super) fn row_weights(&self) -> Option<BufferSlice<'_>> {
        slice(&self.row_weights)
    }
}

/// Refuses targets that the device will not see as they are: of another type than `i32`.
pub(super) fn refuse_unseen(
    operation: &'static str,
    indices: Option<ClassIndices<'_>>,
    classes: usize,
    ignore_index: Option<i32>,
) -> Result<()> {
    match indices {
        None | Some(ClassIndices::I32(_)) => Ok(()),
        Some(indices) => {
            validate::count_targets(operation, indices, classes, ignore_index).map(drop)
        }
    }
}

/// Targets of these rows as the device has them.
pub(super) fn device_indices<'a>(
    operation: &'static str,
    indices: ClassIndices<'a>,
    rows: Range<usize>,
    classes: usize,
) -> Result<Cow<'a, [i32]>> {
    if let ClassIndices::I32(indices) = indices {
        return Ok(Cow::Borrowed(&indices[rows])); // the device checks them
    }
    // Whatever is a class or the ignore index fits, but for classes that no device could hold.
    let converted = rows.map(|row| {
        let value = indices.get(row).unwrap_or_default();
        i32::try_from(value).map_err(|_| Error::TargetOutOfRange { operation, row, value, classes })
    });
    Ok(Cow::Owned(converted.collect::<Result<_>>()?))
}

/// Refuses what the device found among the targets.
pub(super) fn refuse_invalid_target(
    operation: &'static str,
    totals: &Totals,
    indices: Option<ClassIndices<'_>>,
    classes: usize,
) -> Result<()> {
    let row = totals.first_invalid_row as usize;
    match indices.and_then(|indices| indices.get(row)) {
        Some(value) => Err(Error::TargetOutOfRange { operation, row, value, classes }),
        None => Ok(()),
    }
}

/// The results of a batch from what came back of it.
pub(super) fn output(
    options: &CrossEntropy,
    totals: &Totals,
    record: Record,
    words: &[u32],
    gradient: Option<OwnedValues>,
) -> CrossEntropyOutput {
    let wanted = options.rows;
    let bits = |word: Word, is_wanted: bool| -> Option<Vec<u32>> {
        let place = record.place(word).filter(|_| is_wanted)? as usize;
        let stride = record.words() as usize;
        Some(words.iter().skip(place).step_by(stride).copied().collect())
    };
    let values = |word, is_wanted| -> Option<Vec<f32>> {
        Some(bits(word, is_wanted)?.into_iter().map(f32::from_bits).collect())
    };
    CrossEntropyOutput {
        loss: totals.loss,
        z_loss: totals.z_loss,
        denominator: totals.denominator,
        counted: totals.counted as usize,
        correct: options.correct.then_some(totals.correct as usize),
        loss_rows: values(Word::Loss, wanted.loss || options.reduction == Reduction::None),
        log_sum_exp: values(Word::LogSumExp, wanted.log_sum_exp),
        target_log_probability: values(Word::TargetLogProbability, wanted.target_log_probability),
        entropy: values(Word::Entropy, wanted.entropy),
        argmax: bits(Word::Argmax, wanted.argmax),
        target_rank: bits(Word::TargetRank, wanted.target_rank),
        z_loss_rows: values(Word::ZLoss, wanted.z_loss),
        gradient,
    }
}
