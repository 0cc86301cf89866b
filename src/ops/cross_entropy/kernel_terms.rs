//! What the options mean for kernels: which text, which words, which parameters.

use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::{Comparison, Record, Reduced, TargetKind, Transform, Word};
use crate::ops::Pass;
use crate::ops::cross_entropy::{CrossEntropy, Mode, Reduction, RowOutputs};
use crate::partial::ClassRange;
use crate::targets::TargetLayout;

impl CrossEntropy {
    pub(super) fn target_kind(&self, targets: &TargetLayout) -> TargetKind {
        match targets.probabilities {
            Some(probabilities) => TargetKind::Probability(probabilities.element),
            None if self.label_smoothing > 0.0 => TargetKind::SmoothedClass,
            None => TargetKind::Class,
        }
    }

    pub(super) fn comparison(&self, targets: &TargetLayout) -> Comparison {
        Comparison {
            target: self.target_kind(targets),
            class_weights: targets.class_weights,
            row_weights: targets.row_weights,
            masked: self.mode == Mode::Masked,
            z_loss: self.z_loss != 0.0,
        }
    }

    pub(super) fn transform(&self) -> Transform {
        match self.softcap {
            Some(_) => Transform::Softcap,
            None if self.logit_scale != 1.0 => Transform::Scale,
            None => Transform::None,
        }
    }

    pub(super) fn reduced(&self) -> Reduced {
        match self.reduction {
            Reduction::None => Reduced::Nothing,
            Reduction::Sum => Reduced::Sum,
            Reduction::Mean | Reduction::BatchMean | Reduction::ElementMean => Reduced::Mean,
        }
    }

    /// The words asked for, and those that reductions need.
    pub(super) fn record(&self) -> Record {
        let rows = self.rows;
        let is_reduced = self.reduction != Reduction::None;
        let splits = is_reduced && self.z_loss != 0.0;
        Record::NONE
            .with(Word::Loss, rows.loss || !splits)
            .with(Word::LogSumExp, rows.log_sum_exp)
            .with(Word::TargetLogProbability, rows.target_log_probability)
            .with(Word::Entropy, rows.entropy)
            .with(Word::Argmax, rows.argmax)
            .with(Word::TargetRank, self.ranks_target())
            .with(Word::ZLoss, rows.z_loss || splits)
            .with(Word::MainLoss, splits)
            .with(Word::Correct, self.correct)
    }

    /// Whether classes before the target are counted: for its rank, or for
    /// [`top_k`](Self::top_k) beyond the first.
    pub fn ranks_target(&self) -> bool {
        self.rows.target_rank || (self.correct && self.top_k > 1)
    }

    /// Whether any value of each row is asked for.
    pub(super) fn wants_rows(&self) -> bool {
        self.reduction == Reduction::None || self.rows != RowOutputs::default()
    }

    /// What the kernels that reduce are told. `batch_rows`: rows of the batch, of which a plan may
    /// have a piece alone.
    pub(super) fn totals_parameters(&self, classes: usize, batch_rows: usize) -> TotalsParameters {
        TotalsParameters {
            total_classes: classes as u32,
            ignore_index: self.ignore_index.unwrap_or_default(),
            has_ignore_index: self.ignore_index.is_some().into(),
            batch_size: self.reduction.divisor(batch_rows, classes),
            ..Default::default()
        }
    }

    /// What the kernels of rows are told, but for where the rows are.
    pub(super) fn row_parameters(
        &self,
        classes: ClassRange,
        pass: Pass,
        batch_rows: usize,
    ) -> RowParameters {
        let softcap = self.softcap.unwrap_or(1.0);
        let smoothing = f64::from(self.label_smoothing);
        RowParameters {
            upstream_stride: pass.upstream_stride(),
            first_class: classes.first as u32,
            total_classes: classes.total as u32,
            ignore_index: self.ignore_index.unwrap_or_default(),
            has_ignore_index: self.ignore_index.is_some().into(),
            target_share: (1.0 - smoothing) as f32,
            smoothing_share: (smoothing / classes.total as f64) as f32,
            z_loss: self.z_loss,
            logit_scale: self.logit_scale,
            softcap,
            top_k: self.top_k,
            batch_size: self.reduction.divisor(batch_rows, classes.total),
            scale_per_softcap: (f64::from(self.logit_scale) / f64::from(softcap)) as f32,
            ..Default::default()
        }
    }
}
