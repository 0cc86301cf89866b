//! Which kernels the options mean, and what these are told.

use crate::error::Result;
use crate::kernel::parameters::RowParameters;
use crate::kernel::softmax_loss::{AgainstKind, SoftmaxLossKind, SoftmaxLossVariant};
use crate::kernel::{Access, Comparison, Family, Record, Reduced, TargetKind, Word};
use crate::logits::Shape;
use crate::ops::Pass;
use crate::ops::cross_entropy::{Mode, Reduction};
use crate::pipelines::Kernels;
use crate::plan::{Purpose, Tuning, choose};

use super::super::rows::RowShapes;
use super::super::totals;
use super::{SoftmaxAgainstLayout, SoftmaxFunction, SoftmaxLoss};

impl SoftmaxLoss {
    /// The kernel for most buffers.
    pub(super) fn variant(
        &self,
        kernels: &Kernels,
        shapes: &RowShapes,
        against: &SoftmaxAgainstLayout,
        pass: Pass,
    ) -> Result<SoftmaxLossVariant> {
        let logits = shapes.logits;
        let is_strided = kernels.takes_side_by_side(&logits);
        let tuning = without_tiles(kernels.tuning());
        let classes = logits.classes as u64;
        let purpose = Purpose::ReduceWhole;
        let choice = choose(kernels.capabilities(), &tuning, classes, is_strided, purpose)?;
        let variant = SoftmaxLossVariant {
            loss: match self.function {
                SoftmaxFunction::Focal { .. } => SoftmaxLossKind::Focal,
                SoftmaxFunction::KlDivergence => SoftmaxLossKind::KlDivergence,
                SoftmaxFunction::JensenShannon => SoftmaxLossKind::JensenShannon,
            },
            against: match against {
                SoftmaxAgainstLayout::Teacher { logits, .. } => {
                    AgainstKind::Teacher(logits.element)
                }
                SoftmaxAgainstLayout::Targets(targets) => match targets.probabilities {
                    Some(shape) => AgainstKind::Probability(shape.element),
                    None if self.label_smoothing > 0.0 => AgainstKind::SmoothedClass,
                    None => AgainstKind::Class,
                },
            },
            class_weights: against.class_weights(),
            row_weights: against.row_weights(),
            masked: self.mode == Mode::Masked,
            held: choice.family != Family::Streamed,
            team: choice.team,
            geometry: choice.geometry,
            access: if is_strided { Access::Strided } else { Access::Vector },
            element: logits.element,
            gradient: pass.variant(shapes.gradient.element, self.reduction),
        };
        // What most buffers will need; a misaligned one has the other compiled when it is bound.
        Ok(with_access(variant, shapes, [0; 3]))
    }

    /// The dispatches that count rows and their weights, and that sum losses.
    pub(super) fn reductions(
        &self,
        against: &SoftmaxAgainstLayout,
    ) -> (totals::Reduction, Option<totals::Reduction>) {
        let comparison = Comparison {
            target: match against.matrix() {
                Some(matrix) => TargetKind::Probability(matrix.element),
                None => TargetKind::Class,
            },
            // Class weights have no part in the denominator.
            class_weights: false,
            row_weights: against.row_weights(),
            masked: self.mode == Mode::Masked,
            z_loss: false,
        };
        let reduced = match self.reduction {
            Reduction::None => Reduced::Nothing,
            Reduction::Sum => Reduced::Sum,
            Reduction::Mean | Reduction::BatchMean | Reduction::ElementMean => Reduced::Mean,
        };
        let record = Record::NONE.with(Word::Loss, true);
        let sums = totals::Reduction::sums(&comparison, reduced, record);
        (totals::Reduction::counts(&comparison, self.reduction), sums)
    }

    /// What the options are for kernels. `batch_rows`: rows of the batch, of which a plan may have a
    /// piece alone.
    pub(super) fn row_parameters(&self, classes: usize, batch_rows: usize) -> RowParameters {
        let smoothing = f64::from(self.label_smoothing);
        RowParameters {
            total_classes: classes as u32,
            ignore_index: self.ignore_index.unwrap_or(0),
            has_ignore_index: self.ignore_index.is_some().into(),
            target_share: (1.0 - smoothing) as f32,
            smoothing_share: (smoothing / classes as f64) as f32,
            logit_scale: (1.0 / f64::from(self.temperature)) as f32,
            gamma: match self.function {
                SoftmaxFunction::Focal { gamma } => gamma,
                _ => 0.0,
            },
            loss_scale: self.scale_of_units() as f32,
            unit: self.unit() as f32,
            batch_size: self.reduction.divisor(batch_rows, classes),
            ..Default::default()
        }
    }
}

/// The tuning without rows that are staged in workgroup memory, for which there is no kernel here.
fn without_tiles(tuning: &Tuning) -> Tuning {
    let mut tuning = tuning.clone();
    tuning.entries.retain(|entry| entry.family != Family::Tile);
    tuning
}

/// The kernel for logits, gradient and what has a value for each logit, from these byte offsets on.
pub(super) fn with_access(
    variant: SoftmaxLossVariant,
    shapes: &RowShapes,
    offsets: [u64; 3],
) -> SoftmaxLossVariant {
    let of_four = |(shape, offset): (&Shape, u64)| {
        shape.classes.is_multiple_of(4)
            && (shape.row_stride.is_multiple_of(4) || shape.rows <= 1)
            && offset.is_multiple_of(4 * shape.element.bytes() as u64)
    };
    let values = shapes.values.unwrap_or(shapes.logits);
    let access = if variant.access == Access::Strided {
        Access::Strided
    } else if [&shapes.logits, &shapes.gradient, &values].into_iter().zip(offsets).all(of_four) {
        Access::Vector
    } else if variant.interleaves(shapes.logits.classes) {
        Access::Interleaved
    } else {
        Access::Scalar
    };
    SoftmaxLossVariant { access, ..variant }
}
