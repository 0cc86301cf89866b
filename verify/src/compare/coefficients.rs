//! The coefficients of the loss, and what its mean is divided by.

use wgpu_loss::{Input, TargetValues};

use super::Problem;

/// What a mean is divided by, and the sums of the absolute values of what it is the sum of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Denominators {
    pub(super) loss: f64,
    pub(super) loss_terms: f64,
    pub(super) z_loss: f64,
    pub(super) z_loss_terms: f64,
}

impl Denominators {
    /// Where they are the size of the batch.
    pub(super) fn of_size(size: f64) -> Self {
        Self { loss: size, loss_terms: size, z_loss: size, z_loss_terms: size }
    }
}

impl Problem<'_> {
    /// The class a counted row is compared with, if it is one.
    pub(super) fn target(&self, row: usize) -> Option<usize> {
        let TargetValues::Classes(indices) = self.targets.values else { return None };
        let index = indices.get(row)?;
        let counts = Some(index) != self.options.ignore_index.map(i64::from);
        usize::try_from(index).ok().filter(|_| counts)
    }

    pub(super) fn has_probabilities(&self) -> bool {
        matches!(self.targets.values, TargetValues::Probabilities(_))
    }

    pub(super) fn counts(&self, row: usize) -> bool {
        self.has_probabilities() || self.target(row).is_some()
    }

    /// `m v`: 0 for an ignored row.
    pub(super) fn row_weight(&self, row: usize) -> f64 {
        match self.counts(row) {
            true => self.targets.row_weights.map_or(1.0, |weights| weights[row].into()),
            false => 0.0,
        }
    }

    pub(super) fn class_weight(&self, class: usize) -> f64 {
        self.targets.class_weights.map_or(1.0, |weights| weights[class].into())
    }

    /// The class that alone has a term in the row's loss.
    pub(super) fn only_term(&self, row: usize) -> Option<usize> {
        self.target(row).filter(|_| self.options.label_smoothing == 0.0)
    }

    /// `u_c` of every class; 0 too where there is no term.
    pub(super) fn coefficients(&self, row: usize) -> Vec<f64> {
        let classes = self.logits.classes();
        if !self.counts(row) {
            return vec![0.0; classes];
        }
        let smoothing = f64::from(self.options.label_smoothing);
        let share = smoothing / classes as f64;
        let target = self.target(row);
        let probabilities = match self.targets.values {
            TargetValues::Probabilities(probabilities) => Some(probabilities.row(row)),
            TargetValues::Classes(_) => None,
        };
        let of_class = |class| {
            let probability = match &probabilities {
                Some(row) => f64::from(row[class]),
                None => f64::from(u8::from(target == Some(class))),
            };
            self.class_weight(class) * ((1.0 - smoothing) * probability + share)
        };
        (0..classes).map(of_class).collect()
    }

    pub(super) fn denominators(&self) -> Denominators {
        let (rows, classes) = (self.logits.rows(), self.logits.classes());
        if let Some(size) = self.options.reduction.batch_size(rows, classes) {
            return Denominators::of_size(size);
        }
        let mut sums = Denominators::default();
        for row in 0..rows {
            let weight = self.row_weight(row);
            let of_class = self.target(row).map_or(1.0, |class| self.class_weight(class));
            sums.loss += weight * of_class;
            sums.loss_terms += (weight * of_class).abs();
            sums.z_loss += weight;
            sums.z_loss_terms += weight.abs();
        }
        sums
    }

    /// Whether a softmax is taken of the logits.
    pub(super) fn takes_softmax(&self) -> bool {
        self.options.input == Input::Logits
    }
}
